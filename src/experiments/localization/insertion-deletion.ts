/**
 * @file Insertion and deletion: how fast a class appears while the most salient pixels are shown, and vanishes while they are
 * taken away.
 *
 * Source: Petsiuk, Das and Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models", 2018, and the numbers
 * of its published evaluation: pixels in rows' worth, insertion from a blurred picture, deletion to the mean color.
 */
import { softmaxAt } from "../../classifier/logits.ts";
import type { ForwardPass } from "../../classifier/passes/passes.ts";
import { denormalizePixels, type Normalization } from "../../classifier/preprocessing/preprocessing.ts";
import { checkForm, checkKeys, numberIn } from "../../errors.ts";
import { blur } from "../../image/gaussian-blur.ts";
import type { ImageTensor } from "../../image/picture.ts";
import type { SaliencyMap } from "../../saliency/saliency-map.ts";
import { fallingOrder } from "../../tensor/falling-order.ts";
import { checkMap } from "../metrics/metric-input.ts";

export interface CurvesOptions {
  /** The class whose probability is followed. */
  readonly label: number;
  /** How many times pixels are shown or taken away; default: the map's height, so that a step is a row's worth of pixels. */
  readonly steps?: number;
  /** How pixels become the network's numbers: its zero is the mean color that deletion ends at. */
  readonly normalization: Normalization;
  readonly signal?: AbortSignal;
}

/** The softmax of the class after 0, 1, … steps: steps + 1 numbers in [0, 1] each. */
export interface InsertionDeletion {
  readonly insertion: readonly number[];
  readonly deletion: readonly number[];
}

/** Of the picture that insertion starts from: standard deviation of the Gaussian and the radius at which it is cut off, in pixels. */
const startBlur = { sigmaPixels: 5, radiusPixels: 5 } as const;

/**
 * Both curves of `map` [H, W] on `image` [C, H, W], pixels in [0, 1]. Pixels go by falling value, those of equal value in raster
 * order; step s of S has moved the first ⌈s·n/S⌉ of n. Runs the network 2·(S + 1) times, in batches as large as the pass takes.
 *
 * Deviation: the published code normalizes before it blurs and pads with zeros; here pixels are blurred and the edges mirrored.
 * Throws a MisuseError if map and image differ in size.
 */
export async function insertionDeletion(
  forward: ForwardPass,
  image: ImageTensor,
  map: SaliencyMap,
  options: CurvesOptions,
): Promise<InsertionDeletion> {
  checkKeys("insertionDeletion", options, ["label", "steps", "normalization", "signal"]);
  checkForm("insertionDeletion: forward", forward, ["batch", "run"]);
  checkForm("insertionDeletion: image", image, ["dtype", "data", "shape"]);
  checkForm("insertionDeletion: map", map, ["dtype", "data", "shape"]);
  checkForm("insertionDeletion: options", options, ["label", "normalization"]);
  checkMap("insertionDeletion", image, map);
  const [, height, width] = image.shape;
  const count = height * width;
  const steps = numberIn("insertionDeletion: steps", options.steps ?? height, { min: 1, max: count, integer: true });
  const order = fallingOrder(map.data);
  const gray = denormalizePixels(new Float32Array(image.data.length), options.normalization);
  // One after the other in memory, so that the pass need not copy them.
  const size = image.data.length;
  const buffer = new Float32Array(Math.min(forward.batch, steps + 1) * size);
  const rows = Array.from({ length: buffer.length / size }, (_, n) => buffer.subarray(n * size, (n + 1) * size));
  const follow = (from: Float32Array, to: Float32Array): Promise<number[]> =>
    curve(forward, { from, to, order, steps, plane: count, rows }, options);
  return {
    insertion: await follow(blur(image, startBlur).data, image.data),
    deletion: await follow(image.data, gray),
  };
}

/**
 * The area under a curve whose points lie at equal distances over [0, 1], by trapezoids: (Σ − first/2 − last/2) / (n − 1), as in
 * RISE's evaluation.
 */
export function areaUnderSteps(curve: readonly number[]): number {
  checkForm("areaUnderSteps: curve", curve, "list");
  const sum = curve.reduce((a, b) => a + b, 0);
  return (sum - curve[0] / 2 - curve[curve.length - 1] / 2) / (curve.length - 1);
}

interface Passage {
  readonly from: Float32Array;
  readonly to: Float32Array;
  readonly order: Uint32Array;
  readonly steps: number;
  readonly plane: number;
  /** Room for the images of a run. */
  readonly rows: readonly Float32Array[];
}

async function curve(
  forward: ForwardPass,
  { from, to, order, steps, plane, rows }: Passage,
  { label, signal }: CurvesOptions,
): Promise<number[]> {
  const scores: number[] = [];
  let current = from;
  let moved = 0;
  for (let first = 0; first <= steps; first += rows.length) {
    const images = rows.slice(0, steps + 1 - first);
    for (const [n, image] of images.entries()) {
      if (image !== current) image.set(current);
      current = image;
      for (const end = Math.ceil(((first + n) * plane) / steps); moved < end; moved++) {
        for (let at = order[moved]; at < image.length; at += plane) image[at] = to[at];
      }
    }
    for (const logits of await forward.run(images, { signal })) scores.push(softmaxAt(logits, label));
  }
  return scores;
}
