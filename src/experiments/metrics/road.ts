/**
 * @file ROAD: whether the class stays while the most salient pixels are taken away and filled in from their neighbors.
 *
 * Source: Rong, Leemann, Borisov, Kasneci and Kasneci, "A Consistent and Efficient Evaluation Strategy for Attribution Methods", ICML 2022,
 * with the numbers of Quantus 0.6: 1, 3, … 99 per cent, and noise of 0.01.
 */
import type { Classifier } from "../../classifier/classifier.ts";
import { classificationOf } from "../../classifier/logits.ts";
import { checkKeys, MisuseError, numberIn, throwIfAborted } from "../../errors.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { fillNormal } from "../../random/fill.ts";
import { createRandom, createWords, type Random } from "../../random/random.ts";
import { pixelAffine } from "../../saliency/attribution-space.ts";
import type { SaliencyMap } from "../../saliency/saliency-map.ts";
import { fallingOrder } from "../../tensor/falling-order.ts";
import { imputeLinearly } from "./linear-imputation.ts";
import { checkMetricForms, type MetricOptions, openMetric } from "./metric-input.ts";

export interface RoadOptions extends MetricOptions {
  /** Shares of the pixels that are taken away, in per cent, rising. Default 1, 3, … 99. */
  readonly percentages?: readonly number[];
  /** The standard deviation of the noise on what is filled in, in the network's numbers. Default 0.01. */
  readonly noise?: number;
  /** Default: a fixed seed. */
  readonly random?: Random;
}

export interface Road {
  readonly percentages: readonly number[];
  /** Whether the class is still the predicted one, at each of them. */
  readonly kept: readonly boolean[];
  /** The share of the percentages at which it is, in [0, 1]: the lower, the more the map's pixels matter. */
  readonly share: number;
}

/** Quantus's percentages. */
export const roadPercentages: readonly number[] = Array.from({ length: 50 }, (_, i) => 2 * i + 1);

/**
 * At each percentage p, whether `label` is the predicted class of `image` [C, H, W] without the ⌊p · H · W / 100⌋ pixels of greatest value in `map` [H, W] (of
 * equal ones the first in raster order): all channels of a missing pixel are filled in by `imputeLinearly`, and noise is added. Quantus averages over
 * pictures at each percentage; here one picture is averaged over the percentages, which has the same mean. One run forward for each percentage.
 *
 * Deviation: Quantus 0.6 gives each channel of a color image a rank of its own and then fails, since its imputation counts pixels; pixels are
 * ranked here, as in the paper.
 */
export async function road(
  classifier: Classifier,
  image: ImageTensor,
  map: SaliencyMap,
  options: RoadOptions,
): Promise<Road> {
  checkKeys("road", options, ["label", "batch", "signal", "percentages", "noise", "random"]);
  checkMetricForms("road", classifier, image, map, options);
  const { label, signal, percentages = roadPercentages, noise = 0.01, random = createRandom(0) } = options;
  checkPercentages(percentages);
  numberIn("road: noise", noise, { min: 0 });
  const forward = await openMetric("road", classifier, image, map, options, percentages.length);
  const words = createWords(random() * 2 ** 53);
  const { factor } = pixelAffine(classifier);
  const order = fallingOrder(map.data);
  const plane = order.length;
  // What was filled in before is where the next, larger hole is filled in from.
  const filled = Float64Array.from(image.data);
  const without = (percentage: number): Float32Array => {
    const places = order.subarray(0, Math.floor((plane * percentage) / 100));
    imputeLinearly(filled, image.shape, places);
    const result = Float32Array.from(filled);
    const drawn = new Float32Array(factor.length * places.length);
    if (noise > 0) fillNormal(words, drawn);
    for (const [c, f] of factor.entries()) {
      for (const [n, place] of places.entries()) {
        result[c * plane + place] += (noise / Math.abs(f)) * drawn[c * places.length + n];
      }
    }
    return result;
  };
  const kept: boolean[] = [];
  while (kept.length < percentages.length) {
    throwIfAborted(signal, "road");
    const some = percentages.slice(kept.length, kept.length + forward.batch).map(without);
    for (const logits of await forward.run(some, { signal })) kept.push(classificationOf(logits).label === label);
  }
  return { percentages, kept, share: kept.filter((isKept) => isKept).length / kept.length };
}

function checkPercentages(percentages: readonly number[]): void {
  let last = 0;
  for (const percentage of percentages) {
    numberIn("road: percentages", percentage, { min: 0, below: 100 });
    if (percentage < last) {
      throw new MisuseError({ where: "road: percentages", what: "they do not rise", expected: "rising numbers" });
    }
    last = percentage;
  }
  if (percentages.length > 0) return;
  throw new MisuseError({ where: "road: percentages", what: "the list is empty", expected: "at least one number" });
}
