/** @file In which numbers gradients are taken: those of pixels, or those that the network sees. */
import type { Classifier } from "../classifier/classifier.ts";
import { affineOf } from "../classifier/preprocessing/preprocessing.ts";
import { wordOption } from "../options/option.ts";

const attributionSpaces = ["network", "pixels"] as const;
/**
 * `network`: the normalized numbers that the network is given, as in all reference implementations; `pixels`: [0, 1]. The
 * gradients differ by one factor per channel, for ImageNet's normalization from 0.224 to 0.229: next to nothing.
 */
export type AttributionSpace = (typeof attributionSpaces)[number];

/** The setting `space` of methods that differentiate. */
export const spaceOption = wordOption(
  "In which numbers gradients are taken: the normalized ones that the network is given, or pixels in [0, 1].",
  attributionSpaces,
  { fallback: "network" },
);

/** For each channel of the pixels, the factor and offset with which the network's numbers are made of them: u = factor · x + offset. */
export function pixelAffine({ input }: Classifier): { readonly factor: number[]; readonly offset: number[] } {
  const { factor, offset } = affineOf(input);
  return input.channels === "bgr" ? { factor: factor.toReversed(), offset: offset.toReversed() } : { factor, offset };
}

/** The gradient [C, H, W] (flat) with respect to pixels as that in `space`, in the pixels' channel order. */
export function gradientIn(space: AttributionSpace, gradient: Float32Array, classifier: Classifier): Float32Array {
  if (space === "pixels") return gradient;
  const { factor } = pixelAffine(classifier);
  return perChannel(
    gradient,
    factor.map((f) => 1 / f),
    factor.map(() => 0),
  );
}

/** An image [C, H, W] (flat, pixels in [0, 1]) in the numbers of `space`, in the pixels' channel order. */
export function imageIn(space: AttributionSpace, pixels: Float32Array, classifier: Classifier): Float32Array {
  if (space === "pixels") return pixels;
  const { factor, offset } = pixelAffine(classifier);
  return perChannel(pixels, factor, offset);
}

/** factor · value + offset, with one factor and offset for each channel. */
function perChannel(values: Float32Array, factor: readonly number[], offset: readonly number[]): Float32Array {
  const plane = values.length / factor.length;
  const result = new Float32Array(values.length);
  factor.forEach((f, c) => {
    const o = offset[c];
    for (let i = c * plane; i < (c + 1) * plane; i++) result[i] = f * values[i] + o;
  });
  return result;
}
