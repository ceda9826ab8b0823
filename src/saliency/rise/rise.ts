/**
 * @file RISE: a pixel matters as much as the class scores on average where random masks leave it visible.
 *
 * Source: Petsiuk, Das and Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models", BMVC 2018, equation 6;
 * presets after the authors' notebook, their paper and TorchRay.
 */
import type { Classifier } from "../../classifier/classifier.ts";
import { defaultBatch } from "../../classifier/passes/default-batch.ts";
import { checkKeys, numberIn, oneOf, throwIfAborted } from "../../errors.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { createRandom } from "../../random/random.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { type ClassScore, checkContrast, classScores, scoreOf } from "../class-score.ts";
import { type Fill, fillColor, fillImage, fills } from "../fill.ts";
import type { Explanation, MethodOptions, SaliencyMethod } from "../method.ts";
import { type RiseMask, riseMasks } from "./rise-masks.ts";

/**
 * `rise`: the authors' notebook. `paper`: their paper's numbers for VGG-16 (for ResNet-50, 8000 masks). `torchray`: TorchRay's
 * defaults, which take the logistic function of the logits.
 */
export const risePresets = {
  rise: { masks: 6000, cells: 8, probability: 0.1, score: "probability" },
  paper: { masks: 4000, cells: 7, probability: 0.5, score: "probability" },
  torchray: { masks: 8000, cells: 7, probability: 0.5, score: "sigmoid" },
} as const;

export interface RiseSettings {
  /** Default `rise`. What is given besides takes precedence. */
  readonly preset: keyof typeof risePresets;
  /** How many masks. */
  readonly masks: number;
  /** Cells along either axis of a mask's grid, at least 2. */
  readonly cells: number;
  /** The probability that a cell is kept. */
  readonly probability: number;
  readonly score: ClassScore;
  /** What hidden parts show. Default `mean`, which is zero in the network's own numbers, as in the authors' code. */
  readonly fill: Fill;
}

const settingKeys = [
  "preset",
  "masks",
  "cells",
  "probability",
  "score",
  "fill",
] as const satisfies readonly (keyof RiseSettings)[];

/** The settings that `given` stand for; throws a MisuseError for settings that cannot be meant. */
export function riseSettings(given: Readonly<Record<string, unknown>> = {}): RiseSettings {
  checkKeys("rise", given, settingKeys);
  const preset = oneOf("rise: preset", given.preset ?? "rise", ["rise", "paper", "torchray"]);
  const { masks, cells, probability, score } = risePresets[preset];
  return {
    preset,
    masks: numberIn("rise: masks", given.masks ?? masks, { min: 1, integer: true }),
    cells: numberIn("rise: cells", given.cells ?? cells, { min: 2, integer: true }),
    probability: numberIn("rise: probability", given.probability ?? probability, { min: 1e-6, max: 1 }),
    score: oneOf("rise: score", given.score ?? score, classScores),
    fill: oneOf("rise: fill", given.fill ?? "mean", fills),
  };
}

/**
 * The RISE map of `image`, [H, W]: (1 / (N·p)) Σ_i f(x ⊙ m_i) m_i, where f is the score of the class (with a target, less the
 * target's). Where that is negative somewhere (logits, a target), the least value is subtracted, which no ranking notices.
 * Masks are drawn in order from `random` (default: seed 0), so that the batch changes nothing but time and memory; never more
 * than a batch of them exist at once.
 *
 * Deviation: TorchRay does not divide by p, which is a constant factor, and rounds the sides of enlarged cells up to whole pixels (37 of 224 where
 * they are 36.57 here, as in the authors' code).
 */
export async function riseSaliency(
  classifier: Classifier,
  image: ImageTensor,
  { label: given, target, random = createRandom(0), batch, settings: options, signal, onProgress }: MethodOptions = {},
): Promise<Explanation> {
  const settings = riseSettings(options);
  checkContrast("rise", classifier, given, target);
  const label = given ?? (await classifier.classify(image, { signal })).label;
  checkContrast("rise", classifier, label, target);
  const { height, width } = classifier.input;
  const { masks: count, probability } = settings;
  const masks = riseMasks({ height, width, cells: settings.cells });
  const hidden = fillImage(classifier, image, settings.fill);
  const color = fillColor(classifier, settings.fill);
  const noColor = new Float32Array(classifier.input.channelCount);
  const difference = image.data.map((x, i) => x - hidden[i]);
  const wanted = numberIn("rise: batch", batch ?? defaultBatch(classifier), { min: 1, integer: true });
  const forward = await classifier.forward({ batch: classifier.prepared.batchFor(Math.min(wanted, count)) });
  const inputs = new Float32Array(forward.batch * image.data.length);
  const rows = Array.from({ length: forward.batch }, (_, n) =>
    inputs.subarray(n * image.data.length, (n + 1) * image.data.length),
  );

  const sum = masks.createSum();
  let scores = 0;
  for (let done = 0; done < count; ) {
    throwIfAborted(signal, "rise");
    const drawn: RiseMask[] = [];
    for (let n = 0; n < Math.min(forward.batch, count - done); n++) {
      const mask = masks.draw(random, probability);
      masks.apply(mask, color ?? noColor, difference, rows[n]);
      if (color === undefined) for (let i = 0; i < hidden.length; i++) rows[n][i] += hidden[i];
      drawn.push(mask);
    }
    const logits = await forward.run(rows.slice(0, drawn.length), { signal });
    for (const [n, mask] of drawn.entries()) {
      const score = scoreOf(settings.score, logits[n], label, target);
      scores += score;
      sum.add(mask, score);
    }
    done += drawn.length;
    onProgress?.({ done, of: count });
  }

  const total = sum.total();
  let least = 0;
  for (const value of total) if (value < least) least = value;
  const map = Float32Array.from(total, (value) => (value - least) / (count * probability));
  return {
    map: floatTensor(map, [height, width]),
    label,
    evaluations: { forward: count + (given === undefined ? 1 : 0), gradient: 0 },
    settings: { ...settings },
    details: { meanScore: scores / count, subtracted: least / (count * probability) },
  };
}

/** {@link riseSaliency} as a method of the registry. */
export const riseMethod: SaliencyMethod = {
  name: "rise",
  title: "RISE",
  source: "Petsiuk, Das and Saenko, RISE: Randomized Input Sampling for Explanation of Black-box Models, BMVC 2018",
  summary: "The average score of the class over random masks that leave a pixel visible.",
  version: 1,
  check(classifier, { target, settings }) {
    riseSettings(settings);
    checkContrast("rise", classifier, undefined, target);
  },
  explain: riseSaliency,
};
