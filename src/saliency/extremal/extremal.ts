/**
 * @file Extremal perturbations: the region of a given area that, shown alone, scores highest.
 *
 * Source: Fong, Patrick and Vedaldi, "Understanding Deep Networks via Extremal Perturbations and Smooth Masks", ICCV 2019; the
 * settings are those of the authors' implementation, TorchRay.
 */
import type { Classifier } from "../../classifier/classifier.ts";
import { classificationOf } from "../../classifier/logits.ts";
import { blur } from "../../image/gaussian-blur.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { descend } from "../../optimize/descend.ts";
import { driveBatch } from "../../optimize/drivers.ts";
import { projectBox } from "../../optimize/projections.ts";
import type { Evaluation } from "../../optimize/solver.ts";
import { gradientStep, momentum, type UpdateRule } from "../../optimize/update-rules.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { defineMethod, type MethodResult, type MethodTask } from "../define-method.ts";
import { fillImage } from "../fill.ts";
import { areaPenalty } from "./extremal-area.ts";
import { type SmoothMask, smoothMask } from "./extremal-mask.ts";
import { blurLevels, type Pyramid, pyramid } from "./extremal-pyramid.ts";
import { type RewardGradient, rewardGradient } from "./extremal-reward.ts";
import { completeExtremal, type ExtremalSettings, extremalSettings } from "./extremal-settings.ts";

/** What an extremal perturbation found for one of its areas. */
export interface ExtremalArea {
  /** The share of the picture that was asked for, and that the mask covers: its mean. */
  readonly area: number;
  readonly covered: number;
  /** What the network sees in the region alone, and in the picture without it. */
  readonly shown: { readonly label: number; readonly confidence: number };
  readonly without: { readonly label: number; readonly confidence: number };
}

async function explain(
  task: MethodTask<ExtremalSettings>,
): Promise<MethodResult<{ readonly areas: readonly ExtremalArea[] }>> {
  const { classifier, label, target, settings, batch } = task;
  const { height, width } = classifier.input;
  const { areas } = settings;
  const rule = momentum(gradientStep(settings.learningRate), {
    kept: settings.momentum,
    dampening: settings.dampening,
  });
  const rows = rowsOf(settings);
  const network = await rewardGradient(classifier, {
    reward: settings.reward,
    label,
    target,
    batch: classifier.prepared.batchFor(Math.min(batch ?? rows, rows)),
  });

  const { step, sigma: sigmaPixels } = settings;
  // Regions that lie across the picture's edge are charged for what is beyond it: otherwise the corners would be cheapest.
  const masks = areas.map(() => smoothMask({ height, width, step, sigmaPixels, margin: Math.round(sigmaPixels) }));
  try {
    return await search(task, masks, network, rule);
  } finally {
    for (const mask of masks) mask.close();
  }
}

/** The search with its masks, whose memory the caller gives back. */
async function search(
  task: MethodTask<ExtremalSettings>,
  masks: readonly SmoothMask[],
  network: RewardGradient,
  rule: UpdateRule,
): Promise<MethodResult<{ readonly areas: readonly ExtremalArea[] }>> {
  const { classifier, image, settings, signal, onProgress } = task;
  const { height, width } = classifier.input;
  const { areas, iterations } = settings;
  const rows = rowsOf(settings);
  const ones = areas.map((area) => Math.max(1, Math.round(area * height * width)));
  const shown = shownBy(classifier, image, settings);
  const room = roomOf(masks.length, rows, image);
  const slopes = masks.map(({ size }) => new Float64Array(size));
  let done = 0;
  const evaluate = async (points: readonly Float64Array[]): Promise<Evaluation<Float64Array>[]> => {
    const values = points.map((point, a) => masks[a].forward(point));
    const inner = values.map((mask, a) => masks[a].inner(mask));
    const isFlipped = settings.jitter && done % 2 === 0;
    const scores = await scoreGradients(network, shown, inner, room, {
      variant: settings.variant,
      isFlipped,
      width,
      signal,
    });
    const weight = settings.areaWeight * settings.areaGrowth ** done;
    const evaluations = scores.map(({ score, gradient }, a): Evaluation<Float64Array> => {
      const penalty = areaPenalty(values[a], ones[a], slopes[a]);
      const cotangent = penalty.gradient;
      for (let u = 0; u < cotangent.length; u++) cotangent[u] = weight * cotangent[u];
      for (let u = 0; u < gradient.length; u++) gradient[u] = -gradient[u];
      masks[a].addInner(cotangent, gradient);
      return { value: weight * penalty.value - score, gradient: masks[a].backward(cotangent) };
    });
    done++;
    onProgress({ done, of: iterations + 1, unit: "steps" });
    return evaluations;
  };
  const solvers = masks.map(({ gridHeight, gridWidth }) =>
    descend(new Float64Array(gridHeight * gridWidth).fill(1), rule, {
      maxIterations: iterations,
      project: projectBox(0, 1),
    }),
  );
  const solutions = await driveBatch(solvers, evaluate, { signal });

  const values = solutions.map(({ point }, a) => masks[a].inner(masks[a].forward(point)));
  const forward = await classifier.forward();
  const labelOf = async (mask: Float64Array) => {
    const [logits] = await forward.run([shown.show(mask)], { signal });
    const { label, confidence } = classificationOf(logits);
    return { label, confidence };
  };
  const found: ExtremalArea[] = [];
  for (const [a, mask] of values.entries()) {
    const covered = mask.reduce((sum, value) => sum + value, 0) / mask.length;
    const without = await labelOf(hiddenBy(mask));
    found.push({ area: areas[a], covered, shown: await labelOf(mask), without });
  }
  const sum = values.reduce((total, mask) => total.map((value, u) => value + mask[u]));
  const map = floatTensor(Float32Array.from(sum), [height, width]);
  const smooth = settings.smooth * Math.max(height, width);
  return {
    map: smooth > 0 ? blur(map, { sigmaPixels: smooth }) : map,
    evaluations: { forward: 2 * areas.length, gradient: done * rows },
    details: { areas: found },
  };
}

function shownBy(classifier: Classifier, image: ImageTensor, { fill, levels, maxBlur }: ExtremalSettings): Pyramid {
  const [, height, width] = image.shape;
  const images =
    fill === "blur" ? blurLevels(image, levels, maxBlur) : [fillImage(classifier, image, fill), image.data];
  return pyramid(images, height * width);
}

/** Where a step's images and gradients go: made once, since there are as many in each. */
interface ScoreRoom {
  /** One after the other in memory, so that a pass need not copy them. */
  readonly images: readonly Float32Array[];
  /** Of the masks. */
  readonly gradients: readonly Float64Array[];
  readonly slopes: Float64Array;
}

function roomOf(masks: number, rows: number, { shape: [, height, width], data }: ImageTensor): ScoreRoom {
  const all = new Float32Array(rows * data.length);
  return {
    images: Array.from({ length: rows }, (_, n) => all.subarray(n * data.length, (n + 1) * data.length)),
    gradients: Array.from({ length: masks }, () => new Float64Array(height * width)),
    slopes: new Float64Array(height * width),
  };
}

/** The score that each mask is rewarded with, and its gradient with respect to the mask, [H · W]; in `room`, until the next call. */
async function scoreGradients(
  network: RewardGradient,
  shown: Pyramid,
  masks: readonly Float64Array[],
  room: ScoreRoom,
  options: {
    readonly variant: ExtremalSettings["variant"];
    readonly isFlipped: boolean;
    readonly width: number;
    readonly signal: AbortSignal | undefined;
  },
): Promise<{ score: number; gradient: Float64Array }[]> {
  const { variant, isFlipped, width, signal } = options;
  const parts = masks.flatMap((mask, a) => [
    ...(variant === "delete" ? [] : [{ a, mask, sign: 1 }]),
    ...(variant === "preserve" ? [] : [{ a, mask: hiddenBy(mask), sign: -1 }]),
  ]);
  const images = parts.map(({ mask }, n) => shown.show(mask, room.images[n]));
  if (isFlipped) for (const image of images) flipRows(image, width);
  const answers = await network(images, signal);
  const result = room.gradients.map((gradient) => ({ score: 0, gradient: gradient.fill(0) }));
  for (const [n, { a, mask, sign }] of parts.entries()) {
    const { score, gradient: pixels } = answers[n];
    if (isFlipped) flipRows(pixels, width);
    const slopes = shown.adjoint(mask, pixels, room.slopes);
    result[a].score += sign * score;
    // The derivative of ±score(x ⊗ ±m): the two signs cancel.
    for (let u = 0; u < slopes.length; u++) result[a].gradient[u] += slopes[u];
  }
  return result;
}

/** 1 − mask. */
function hiddenBy(mask: Float64Array): Float64Array {
  const hidden = mask.slice();
  for (let u = 0; u < hidden.length; u++) hidden[u] = 1 - mask[u];
  return hidden;
}

/** Reverses each row of an image [C · H · W], in place. */
function flipRows(image: Float32Array, width: number): void {
  for (let row = 0; row < image.length; row += width) image.subarray(row, row + width).reverse();
}

/** How many images a step runs: one for each mask, of `dual` two. */
function rowsOf({ areas, variant }: ExtremalSettings): number {
  return areas.length * (variant === "dual" ? 2 : 1);
}

/**
 * The extremal perturbations of `image` as a map: the sum of the masks of all areas, [H, W]. A mask minimizes
 * λ·R_a(m) − score(x ⊗ m) (`preserve`), λ·R_a(m) + score(x ⊗ (1 − m)) (`delete`) or λ·R_a(m) − score(x ⊗ m) + score(x ⊗ (1 − m))
 * (`dual`), where ⊗ blurs what the mask hides; with a target, the score is that of the class less the target's. Gradient descent on
 * the values at the grid's nodes, from 1 everywhere, kept in [0, 1]. R_a sees a margin of σ around the picture as well. The areas go in lockstep through the network, as many as
 * `batch` allows. Deterministic.
 *
 * `details.areas` says of each area which share of the image its mask covers (the mean of the mask), and which class the
 * network sees in the region alone (`shown`) and in the image without it (`without`).
 *
 * Deviation: an area is a share of the picture. TorchRay counts it as a share of the picture with its margin, 1.4 times as much.
 */
export const extremal = defineMethod({
  name: "extremal",
  title: "Extremal perturbation",
  source:
    "Fong, Patrick and Vedaldi, Understanding Deep Networks via Extremal Perturbations and Smooth Masks, ICCV 2019",
  summary: "The regions of given areas that, with all else blurred, score highest for the class.",
  version: 2,
  box: { kind: "percent", k: 30 },
  settings: extremalSettings,
  complete: (settings, { input }) => completeExtremal(settings, input),
  cost: (settings) => ({
    forward: 2 * settings.areas.length,
    gradient: (settings.iterations + 1) * rowsOf(settings),
  }),
  explain,
});
