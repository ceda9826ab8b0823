/** @file Images that methods compare with, and how nearly attributions add up to the difference that the image makes. */
import type { Classifier } from "../classifier/classifier.ts";
import { logSoftmaxAt, softmax } from "../classifier/logits.ts";
import type { NetworkOutput } from "../classifier/passes/network-graphs.ts";
import type { ImageTensor } from "../image/picture.ts";
import { wordOption } from "../options/option.ts";
import { pixelAffine } from "./attribution-space.ts";

export const plainBaselines = ["zero", "black", "gray", "white"] as const;
/** `zero` is where the network sees zeros, with most normalizations the mean color. */
export type PlainBaseline = (typeof plainBaselines)[number];

/** The setting `baseline` of methods that compare with a uniform image. */
export const baselineOption = wordOption(
  "What the image is compared with: where the network sees zeros (with most normalizations the mean color), black, gray or white.",
  plainBaselines,
  { fallback: "zero" },
);

/** The uniform image (flat [C, H, W], in pixels) that is called `baseline`, of the size of `image`. */
export function plainImage(
  baseline: PlainBaseline,
  classifier: Classifier,
  { data, shape }: ImageTensor,
): Float32Array {
  const { factor, offset } = pixelAffine(classifier);
  const plane = data.length / shape[0];
  const pixels = new Float32Array(data.length);
  const colors =
    baseline === "zero"
      ? factor.map((f, c) => -offset[c] / f)
      : factor.map(() => ({ black: 0, gray: 0.5, white: 1 })[baseline]);
  for (const [c, color] of colors.entries()) pixels.fill(color, c * plane, (c + 1) * plane);
  return pixels;
}

/** seed · s, for the class scores s that are differentiated. In float64. */
export function seededScore(of: NetworkOutput, logits: Float32Array, seed: Float32Array): number {
  const scores: Readonly<Record<NetworkOutput, (classIndex: number) => number>> = {
    logits: (j) => logits[j],
    probabilities: (j) => softmax(logits)[j],
    "log-probabilities": (j) => logSoftmaxAt(logits, j),
  };
  return seed.reduce((sum, weight, j) => (weight === 0 ? sum : sum + weight * scores[of](j)), 0);
}

/** What attributions add up to, what they should add up to, and the distance. */
export interface Completeness {
  readonly attributed: number;
  readonly difference: number;
  readonly completenessError: number;
}

/** How nearly `attributions` add up to `difference`. */
export function completenessOf(attributions: ArrayLike<number>, difference: number): Completeness {
  let attributed = 0;
  for (let i = 0; i < attributions.length; i++) attributed += attributions[i];
  return { attributed, difference, completenessError: Math.abs(attributed - difference) };
}
