/**
 * @file Infidelity: how far what a map predicts of changes of the image is from what the class score does.
 *
 * Source: Yeh, Hsieh, Suggala, Inouye and Ravikumar, "On the (In)fidelity and Sensitivity of Explanations", NeurIPS 2019, definition 2.1,
 * with the changes of Quantus 0.6: patch after patch becomes black.
 */
import type { Classifier } from "../../classifier/classifier.ts";
import { checkKeys, numberIn, oneOf, throwIfAborted } from "../../errors.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { pixelAffine } from "../../saliency/attribution-space.ts";
import type { SaliencyMap } from "../../saliency/saliency-map.ts";
import { darkestPixel } from "./darkest-pixel.ts";
import { checkMetricForms, type MetricOptions, openMetric } from "./metric-input.ts";

export interface InfidelityOptions extends MetricOptions {
  /** Height and width of a patch, in pixels. Default: a seventh of the shorter side, which is Quantus's 4 for its pictures of 28 × 28. */
  readonly patch?: number;
  /**
   * `none`: the map as it is, as in Quantus. `best`: the map times the factor with which the error is least, for maps whose unit is their own; captum's
   * `normalize`.
   */
  readonly scale?: "none" | "best";
}

/**
 * The mean over steps of (s(x) − s(x') − Σ m (x − x'))², where s is the logit of `label`, m the map [H, W] on each channel, and x − x' a difference in the
 * network's numbers: the lower, the better. Step by step, in raster order, one patch more is filled with the least number of the image; as in
 * Quantus, patches that were filled stay so. One run forward for each patch, and one for the image.
 *
 * Deviations: at the lower and the right edge patches are cut off where Quantus pads the image. Quantus repeats the same steps ten times, which
 * changes nothing.
 */
export async function infidelity(
  classifier: Classifier,
  image: ImageTensor,
  map: SaliencyMap,
  options: InfidelityOptions,
): Promise<number> {
  checkKeys("infidelity", options, ["label", "batch", "signal", "patch", "scale"]);
  checkMetricForms("infidelity", classifier, image, map, options);
  const { label, signal, scale = "none" } = options;
  oneOf("infidelity: scale", scale, ["none", "best"]);
  const [, height, width] = image.shape;
  const side = Math.min(height, width);
  const patch = numberIn("infidelity: patch", options.patch ?? Math.max(1, Math.round(side / 7)), {
    min: 1,
    max: side,
    integer: true,
  });
  const [rows, columns] = [Math.ceil(height / patch), Math.ceil(width / patch)];
  const forward = await openMetric("infidelity", classifier, image, map, options, rows * columns + 1);
  const { factor } = pixelAffine(classifier);
  const black = darkestPixel(classifier, image);
  const current = image.data.slice();
  let predicted = 0;
  const predictions: number[] = [];
  const scores: number[] = [];
  let pending = [current.slice()];
  const run = async (): Promise<void> => {
    throwIfAborted(signal, "infidelity");
    for (const logits of await forward.run(pending, { signal })) scores.push(logits[label]);
    pending = [];
  };
  for (let block = 0; block < rows * columns; block++) {
    const [top, left] = [patch * Math.floor(block / columns), patch * (block % columns)];
    for (const [c, f] of factor.entries()) {
      for (let y = top; y < Math.min(height, top + patch); y++) {
        for (let x = left; x < Math.min(width, left + patch); x++) {
          const place = c * height * width + y * width + x;
          predicted += map.data[y * width + x] * f * (image.data[place] - black[c]);
          current[place] = black[c];
        }
      }
    }
    predictions.push(predicted);
    if (pending.length === forward.batch) await run();
    pending.push(current.slice());
  }
  await run();
  const [clean, ...changed] = scores;
  const losses = changed.map((score) => clean - score);
  return meanSquare(losses, predictions, scale === "none" ? 1 : bestFactor(losses, predictions));
}

/** The factor β for which Σ (l − β p)² is least; 0 where all p are. */
function bestFactor(losses: readonly number[], predictions: readonly number[]): number {
  const power = predictions.reduce((sum, p) => sum + p * p, 0);
  return power > 0 ? predictions.reduce((sum, p, i) => sum + p * losses[i], 0) / power : 0;
}

function meanSquare(losses: readonly number[], predictions: readonly number[], factor: number): number {
  return losses.reduce((sum, loss, i) => sum + (loss - factor * predictions[i]) ** 2, 0) / losses.length;
}
