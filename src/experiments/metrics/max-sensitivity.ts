/**
 * @file Max-sensitivity: how much a map changes at most if the image changes a little.
 *
 * Source: Yeh, Hsieh, Suggala, Inouye and Ravikumar, "On the (In)fidelity and Sensitivity of Explanations", NeurIPS 2019, definition 3.1, with the noise of
 * Quantus 0.6.
 */
import { checkClassifier } from "../../classifier/check-arguments.ts";
import type { Classifier } from "../../classifier/classifier.ts";
import { checkKeys, numberIn, throwIfAborted } from "../../errors.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { fillUniform } from "../../random/fill.ts";
import { createRandom, createWords, type Random } from "../../random/random.ts";
import { pixelAffine } from "../../saliency/attribution-space.ts";
import type { SaliencyMap } from "../../saliency/saliency-map.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { euclideanNorm, squaredDistance } from "../../tensor/vector.ts";
import { checkMap } from "./metric-input.ts";

export interface MaxSensitivityOptions {
  /** Noisy images. Default 10, as in captum; Quantus takes 200. */
  readonly samples?: number;
  /** The noise is uniform in ± this, in the network's numbers. Default 0.2. */
  readonly radius?: number;
  /** Whether noisy images are cut off at pixels of 0 and 1, for methods that change them. Default false. */
  readonly isClipped?: boolean;
  /** Default: a fixed seed. */
  readonly random?: Random;
  readonly signal?: AbortSignal | undefined;
}

/**
 * max over noisy images x' of ‖m(x') − m(x)‖ / ‖m(x)‖ for the map m(x) [H, W] of `image` [C, H, W]. At least 0; the lower, the better. `explain` makes the map of
 * a noisy image, of the same class. Undefined for a map that is zero everywhere. As many runs of the method as there are samples.
 */
export async function maxSensitivity(
  classifier: Classifier,
  image: ImageTensor,
  map: SaliencyMap,
  explain: (image: ImageTensor) => Promise<SaliencyMap>,
  options: MaxSensitivityOptions = {},
): Promise<number | undefined> {
  checkKeys("maxSensitivity", options, ["samples", "radius", "isClipped", "random", "signal"]);
  const { samples = 10, radius = 0.2, isClipped = false, random = createRandom(0), signal } = options;
  checkClassifier("maxSensitivity", classifier);
  checkMap("maxSensitivity", image, map);
  numberIn("maxSensitivity: samples", samples, { min: 1, integer: true });
  numberIn("maxSensitivity: radius", radius, { min: 0 });
  const norm = euclideanNorm(map.data);
  if (norm === 0) return undefined;
  const { factor } = pixelAffine(classifier);
  const plane = map.data.length;
  const words = createWords(random() * 2 ** 53);
  let most = 0;
  for (let sample = 0; sample < samples; sample++) {
    throwIfAborted(signal, "maxSensitivity");
    const noisy = new Float32Array(image.data.length);
    fillUniform(words, noisy);
    for (const [c, f] of factor.entries()) {
      for (let i = c * plane; i < (c + 1) * plane; i++) {
        const value = image.data[i] + (radius / Math.abs(f)) * noisy[i];
        noisy[i] = isClipped ? Math.min(1, Math.max(0, value)) : value;
      }
    }
    const { data } = await explain(floatTensor(noisy, image.shape));
    const change = Math.sqrt(squaredDistance(data, map.data));
    most = Math.max(most, change / norm);
  }
  return most;
}
