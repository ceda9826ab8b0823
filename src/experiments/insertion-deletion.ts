/**
 * @file Insertion and deletion: how fast a class appears while the most salient pixels are shown, and vanishes while they are
 * taken away.
 *
 * Source: Petsiuk, Das and Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models", 2018, and the numbers
 * of its published evaluation: pixels in rows' worth, insertion from a blurred picture, deletion to the mean color.
 */
import { softmaxAt } from "../classifier/classifier.ts";
import type { ForwardPass } from "../classifier/passes.ts";
import { denormalizePixels, type Normalization } from "../classifier/preprocessing.ts";
import { MisuseError, numberIn } from "../errors.ts";
import { blur } from "../image/gaussian-blur.ts";
import { checkImage, type ImageTensor } from "../image/picture.ts";
import type { SaliencyMap } from "../saliency/saliency-map.ts";

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
  const [, height, width] = checkImage("insertionDeletion", image).shape;
  if (map.shape.length !== 2 || map.shape[0] !== height || map.shape[1] !== width) {
    throw new MisuseError({
      where: "insertionDeletion",
      what: "map and image differ in size",
      expected: `[${height}, ${width}]`,
      got: `[${map.shape.join(", ")}]`,
    });
  }
  const count = height * width;
  const steps = numberIn("insertionDeletion: steps", options.steps ?? height, { min: 1, max: count, integer: true });
  const order = fallingOrder(map.data);
  const gray = denormalizePixels(new Float32Array(image.data.length), options.normalization);
  const follow = (from: Float32Array, to: Float32Array): Promise<number[]> =>
    curve(forward, { from, to, order, steps, plane: count }, options);
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
  const sum = curve.reduce((a, b) => a + b, 0);
  return (sum - curve[0] / 2 - curve[curve.length - 1] / 2) / (curve.length - 1);
}

/** The pixels by falling value; of equal ones the first in raster order first. */
function fallingOrder(values: Float32Array): Int32Array {
  // Values are sorted and pixels dealt to their places: several times as fast as sorting pixels by a comparison function.
  const ascending = values.slice().sort();
  const order = new Int32Array(values.length);
  // How many pixels of the value that begins at a place have been dealt.
  const dealt = new Int32Array(values.length);
  for (let pixel = 0; pixel < values.length; pixel++) {
    const value = values[pixel];
    let [low, high] = [0, ascending.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (ascending[middle] <= value) low = middle + 1;
      else high = middle;
    }
    const first = ascending.length - low;
    order[first + dealt[first]++] = pixel;
  }
  return order;
}

interface Passage {
  readonly from: Float32Array;
  readonly to: Float32Array;
  readonly order: Int32Array;
  readonly steps: number;
  readonly plane: number;
}

async function curve(
  forward: ForwardPass,
  { from, to, order, steps, plane }: Passage,
  { label, signal }: CurvesOptions,
): Promise<number[]> {
  const current = from.slice();
  const scores: number[] = [];
  const waiting: Float32Array[] = [];
  let moved = 0;
  for (let step = 0; step <= steps; step++) {
    for (const end = Math.ceil((step * plane) / steps); moved < end; moved++) {
      for (let at = order[moved]; at < current.length; at += plane) current[at] = to[at];
    }
    waiting.push(current.slice());
    if (waiting.length < forward.batch && step < steps) continue;
    for (const logits of await forward.logits(waiting, { signal })) scores.push(softmaxAt(logits, label));
    waiting.length = 0;
  }
  return scores;
}
