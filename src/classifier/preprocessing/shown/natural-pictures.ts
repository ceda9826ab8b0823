/** @file What natural pictures are like on average, and what a convolution makes of them. */
import { type Initializer, tensorOfInitializer } from "../../../onnx/model.ts";
import { numbersOf } from "../../../tensor/tensor.ts";
import type { PreparedModel } from "../../network/prepare-model.ts";
import { affineOf, type Normalization } from "../preprocessing.ts";

/** Means of red, green and blue in [0, 1]. */
export const naturalMean = [0.46, 0.44, 0.4];

/** The mean of gray pictures in [0, 1]. */
const grayMean = [0.44];

/** Standard deviation of pixels in [0, 1]. */
export const naturalDeviation = 0.25;

/** Correlations of red, green and blue at one pixel. */
const channelCorrelation = [
  [1, 0.93, 0.86],
  [0.93, 1, 0.95],
  [0.86, 0.95, 1],
];

/** Distances in pixels at which the correlation of pixels has fallen to 1/e: of small, middling and large pictures. */
export const correlationLengths = [3, 8, 20];

/**
 * Mean W·m and variance wᵀΣw of each filter's output, without its bias, on natural pictures under a normalization: m and Σ are the mean and the covariance of a
 * patch. `weights` are [filters, channels, height, width], of one channel or three.
 */
export function momentsOfFilters(
  weights: Initializer,
  normalization: Omit<Normalization, "layout">,
  correlationLength: number,
): readonly { readonly mean: number; readonly variance: number }[] {
  const values = numbersOf(tensorOfInitializer(weights));
  const [filters, channels, height, width] = weights.shape;
  const area = height * width;
  const isReversed = normalization.channels === "bgr";
  const { factor, offset } = affineOf({ ...normalization, layout: "nchw" });
  const means = channels === 1 ? grayMean : isReversed ? naturalMean.toReversed() : naturalMean;
  const channelMean = factor.map((f, c) => f * means[c] + offset[c]);
  const channelDeviation = factor.map((f) => f * naturalDeviation);
  const near = Array.from({ length: area }, (_, i) =>
    Array.from({ length: area }, (_, j) => {
      const [dx, dy] = [(i % width) - (j % width), Math.floor(i / width) - Math.floor(j / width)];
      return Math.exp(-Math.hypot(dx, dy) / correlationLength);
    }),
  );
  return Array.from({ length: filters }, (_, o) => {
    let [mean, variance] = [0, 0];
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < area; i++) {
        const weight = values[(o * channels + c) * area + i];
        mean += weight * channelMean[c];
        for (let d = 0; d < channels; d++) {
          // The correlations are the same for blue, green and red but for the order, in which only two nearly equal ones change.
          const scale = weight * channelDeviation[c] * channelDeviation[d] * channelCorrelation[c][d];
          for (let j = 0; j < area; j++) variance += scale * near[i][j] * values[(o * channels + d) * area + j];
        }
      }
    }
    return { mean, variance };
  });
}

/** Whether a network takes one channel of so few pixels as handwritten digits have: 28, and 32 with the border that LeNet takes. */
export function isOfDigitsSize({
  channels,
  height,
  width,
}: Pick<PreparedModel, "channels" | "height" | "width">): boolean {
  return channels === 1 && Math.max(height, width) <= 32;
}
