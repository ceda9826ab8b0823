/**
 * @file Sensitivity-n: whether the class falls more for pictures whose maps hold more where pixels are taken away.
 *
 * Source: Ancona, Ceolini, Öztireli and Gross, "Towards better understanding of gradient-based attribution methods for deep neural networks", ICLR
 * 2018, section 4, in the form of Quantus 0.6.
 */
import type { Classifier } from "../../classifier/classifier.ts";
import { softmaxAt } from "../../classifier/logits.ts";
import { checkForm, checkKeys, numberIn, throwIfAborted } from "../../errors.ts";
import type { ImageTensor } from "../../image/picture.ts";
import type { SaliencyMap } from "../../saliency/saliency-map.ts";
import { fallingOrder } from "../../tensor/falling-order.ts";
import { pearson } from "../statistics/statistics.ts";
import { darkestPixel } from "./darkest-pixel.ts";
import { checkMetricForms, type MetricOptions, openMetric } from "./metric-input.ts";

export interface SensitivityStepsOptions extends MetricOptions {
  /** Pixels that each step takes away. Default: a 32nd of all. */
  readonly pixelsInStep?: number;
  /** The share of the pixels within which steps count, in (0, 1]. Default 0.8. */
  readonly share?: number;
}

/** What one picture and map contribute; as many numbers in either list. */
export interface SensitivitySteps {
  /** How far the probability of the class has fallen after each step. */
  readonly losses: readonly number[];
  /** The sum of the map over the pixels of each step. */
  readonly sums: readonly number[];
}

/**
 * Step by step, the pixels of greatest value in `map` [H, W] that are left (of equal ones the first in raster order) are filled with the least number of
 * `image` [C, H, W]. One run forward for each step that counts, and one for the image.
 */
export async function sensitivitySteps(
  classifier: Classifier,
  image: ImageTensor,
  map: SaliencyMap,
  options: SensitivityStepsOptions,
): Promise<SensitivitySteps> {
  checkKeys("sensitivitySteps", options, ["label", "batch", "signal", "pixelsInStep", "share"]);
  checkMetricForms("sensitivitySteps", classifier, image, map, options);
  const { label, signal, share = 0.8 } = options;
  const plane = map.data.length;
  const pixels = numberIn(
    "sensitivitySteps: pixelsInStep",
    options.pixelsInStep ?? Math.max(1, Math.ceil(plane / 32)),
    {
      min: 1,
      max: plane,
      integer: true,
    },
  );
  numberIn("sensitivitySteps: share", share, { above: 0, max: 1 });
  const steps = Math.floor((share * plane) / pixels);
  const forward = await openMetric("sensitivitySteps", classifier, image, map, options, steps + 1);
  const order = fallingOrder(map.data);
  const black = darkestPixel(classifier, image);
  const current = image.data.slice();
  const sums: number[] = [];
  const images = [current.slice()];
  const probabilities: number[] = [];
  for (let step = 0; step <= steps; step++) {
    if (images.length === forward.batch || step === steps) {
      throwIfAborted(signal, "sensitivitySteps");
      for (const logits of await forward.run(images, { signal })) probabilities.push(softmaxAt(logits, label));
      images.length = 0;
    }
    if (step === steps) break;
    let sum = 0;
    for (const place of order.subarray(step * pixels, (step + 1) * pixels)) {
      sum += map.data[place];
      for (const [c, value] of black.entries()) current[c * plane + place] = value;
    }
    sums.push(sum);
    images.push(current.slice());
  }
  const [clean, ...changed] = probabilities;
  return { losses: changed.map((probability) => clean - probability), sums };
}

/**
 * The mean over the steps of Pearson's correlation, over the pictures, of losses and sums: in [−1, 1], the higher, the better. Steps at which all pictures
 * have one loss or one sum say nothing and are left out; undefined if none is left, as of one picture. All must have the same steps.
 *
 * The paper correlates over random sets of n pixels of one picture. Quantus, whose numbers these are, takes the pixels by falling value, correlates over
 * pictures what has been lost after all steps so far with the sum of the last step alone, and gives a number only for several pictures.
 */
export function sensitivityN(pictures: readonly SensitivitySteps[]): number | undefined {
  checkForm("sensitivityN: pictures", pictures, "list");
  // One picture has no correlation, and none has no steps.
  if (pictures.length < 2) return undefined;
  const steps = pictures.reduce((fewest, { losses }) => Math.min(fewest, losses.length), Number.POSITIVE_INFINITY);
  const correlations: number[] = [];
  for (let step = 0; step < steps; step++) {
    const correlation = pearson(
      pictures.map(({ losses }) => losses[step]),
      pictures.map(({ sums }) => sums[step]),
    );
    if (correlation !== undefined) correlations.push(correlation);
  }
  if (correlations.length === 0) return undefined;
  return correlations.reduce((sum, correlation) => sum + correlation, 0) / correlations.length;
}
