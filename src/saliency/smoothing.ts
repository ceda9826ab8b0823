/**
 * @file The maps of noisy copies of an image, averaged: what NoiseTunnel is to gradients, for every method.
 *
 * Sources: Smilkov, Thorat, Kim, Viégas and Wattenberg, "SmoothGrad: removing noise by adding noise", 2017 (mean); Hooker, Erhan, Kindermans
 * and Kim, "A Benchmark for Interpretability Methods in Deep Neural Networks", 2019 (mean of squares); Adebayo, Gilmer, Goodfellow and
 * Kim, "Local Explanation Methods for Deep Neural Networks Lack Sensitivity to Parameter Values", 2018 (variance).
 */

import type { ImageTensor } from "../image/picture.ts";
import { type Cost, totalCost } from "../options/cost.ts";
import { countOption, numberOption, type OptionSpec, wordOption } from "../options/option.ts";
import { completeOptions, type OptionsOf, type ValuesOf } from "../options/schema.ts";
import { createWords, type Random } from "../random/random.ts";
import { floatTensor } from "../tensor/tensor.ts";
import { rangeOf } from "../tensor/vector.ts";
import { fillNoise } from "./noise.ts";
import type { SaliencyMap } from "./saliency-map.ts";

/** What is made of the maps of the copies, pixel by pixel. */
export const smoothingAggregates = ["mean", "mean-square", "variance"] as const;

/** The settings of smoothing. */
export const smoothingSettings = {
  samples: countOption("How many noisy copies.", { fallback: 20 }),
  noise: numberOption("The standard deviation of the noise, as a share of the range of the image's pixels.", {
    min: 0,
    fallback: 0.15,
  }),
  aggregate: wordOption(
    "What is made of the maps: their mean, the mean of their squares, or their variance.",
    smoothingAggregates,
    { fallback: "mean" },
  ),
};

/** How maps are smoothed, with what is left out as in `smoothingSettings`; a number is so many copies. */
export type Smoothing = number | OptionsOf<typeof smoothingSettings>;

/** How maps are smoothed, in full. */
export type SmoothingSettings = ValuesOf<typeof smoothingSettings>;

/** `given` in full. Throws a MisuseError in the name of `where` for what cannot be meant. */
export function completeSmoothing(where: string, given: Smoothing): SmoothingSettings {
  return completeOptions(where, smoothingSettings, typeof given === "number" ? { samples: given } : given);
}

/** The option `smoothing` of all methods. */
export const smoothingOption: OptionSpec<Smoothing | undefined> = {
  doc: "The map is made of those of noisy copies of the image: a number of copies, or { samples, noise, aggregate }.",
  kind: { type: "value", expected: "a number of copies, or { samples, noise, aggregate }" },
  fallback: undefined,
  fallbackText: "the image as it is",
  check: (where, value) => completeSmoothing(where, value as Smoothing),
};

/** What a smoothed map takes, where one map of a known class takes `each`; one run more finds the class where it is not given. */
export function smoothedCost(each: Cost, { samples }: SmoothingSettings, isLabelled: boolean): Cost {
  const copies = { forward: samples * each.forward, gradient: samples * each.gradient };
  return totalCost(copies, { forward: isLabelled ? 0 : 1, gradient: 0 });
}

/** Noisy copies of an image, one after the other. */
export interface NoisyCopies {
  /** The standard deviation of the noise, in pixels of [0, 1]. */
  readonly deviation: number;
  next(): ImageTensor;
}

/** Copies of `image` with normal noise (see `fillNoise`), drawn afresh for each; with `isClipped` cut off at 0 and 1, so that they are pictures. */
export function noisyCopies(
  image: ImageTensor,
  { noise }: Pick<SmoothingSettings, "noise">,
  random: Random,
  { isClipped }: { readonly isClipped: boolean },
): NoisyCopies {
  const [low, high] = rangeOf(image.data);
  const deviation = noise * (high - low);
  const words = createWords(random() * 2 ** 53);
  return {
    deviation,
    next() {
      const data = new Float32Array(image.data.length);
      fillNoise(words, data);
      for (const [i, x] of image.data.entries()) {
        const noisy = x + deviation * data[i];
        data[i] = isClipped ? Math.min(1, Math.max(0, noisy)) : noisy;
      }
      return floatTensor(data, image.shape);
    },
  };
}

/** Adds up maps and says what is made of them. */
export interface MapMoments {
  add(map: SaliencyMap): void;
  /** Of the maps so far, of which there is at least one: their mean, the mean of their squares, or their variance (over n, not n − 1). */
  take(aggregate: SmoothingSettings["aggregate"]): SaliencyMap;
}

/** The moments of maps of `shape`, in float64. */
export function mapMoments(shape: readonly number[]): MapMoments {
  const size = shape.reduce((product, extent) => product * extent, 1);
  const [sums, squares] = [new Float64Array(size), new Float64Array(size)];
  let count = 0;
  return {
    add({ data }) {
      count++;
      for (const [i, value] of data.entries()) {
        sums[i] += value;
        squares[i] += value * value;
      }
    },
    take(aggregate) {
      const values = Float32Array.from(sums, (sum, i) => {
        const [mean, square] = [sum / count, squares[i] / count];
        if (aggregate === "mean") return mean;
        return aggregate === "mean-square" ? square : Math.max(0, square - mean * mean);
      });
      return floatTensor(values, shape);
    },
  };
}
