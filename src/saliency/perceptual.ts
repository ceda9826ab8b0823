/**
 * @file Perceptual perturbations as explanations: where the least perceptible flip changes the image is what the label rests on.
 *
 * Source: Elliott, Law and Russell, "Adversarial Perturbations on the Perceptual Ball", section 4 ("we simply treat the
 * magnitude of the alteration in each pixel as its salience").
 */
import { type PerceptualOptions, type PerceptualResult, perceptualAttack } from "../attacks/perceptual.ts";
import { guidedRules } from "../autodiff/guided-rules.ts";
import type { Classifier } from "../classifier/classifier.ts";
import type { ImageTensor } from "../image/picture.ts";
import { type FloatTensor, floatTensor } from "../tensor/tensor.ts";
import type { SaliencyMap } from "./saliency-map.ts";

export interface PerceptualSaliency extends PerceptualResult {
  readonly map: SaliencyMap;
}

/**
 * The perceptual perturbation of `image` with its saliency map: for each pixel, the root of the mean over channels of the
 * squared perturbation, in the space that was optimized in (pixels; for the preset `released`, normalized values).
 *
 * Not blurred: Gaussian smoothing with σ = 2, as in the released code, is `blur(map, { sigmaPixels: 2 })`.
 */
export async function perceptualSaliency(
  classifier: Classifier,
  image: ImageTensor,
  options: PerceptualOptions = {},
): Promise<PerceptualSaliency> {
  const result = await perceptualAttack(classifier, image, options);
  return { ...result, map: rootMeanSquare(result.optimizedPerturbation) };
}

/**
 * The guided variant of section 4: the perturbation times, element by element, the guided gradient of the margin at the clean
 * image, normalized by its largest magnitude (the paper leaves the normalization open). The map is the root of the mean over
 * channels of the squared product.
 */
export async function guidedPerceptualSaliency(
  classifier: Classifier,
  image: ImageTensor,
  options: PerceptualOptions = {},
): Promise<PerceptualSaliency> {
  const result = await perceptualAttack(classifier, image, options);
  return { ...result, map: await guidedMap(classifier, image, result, options.signal) };
}

/** The guided map for a perturbation that has been found already. */
export async function guidedMap(
  classifier: Classifier,
  image: ImageTensor,
  { label, target, perturbation }: Pick<PerceptualResult, "label" | "target" | "perturbation">,
  signal?: AbortSignal,
): Promise<SaliencyMap> {
  const { gradient } = await classifier.marginGradient(image, target ?? label, {
    rules: guidedRules,
    targeted: target !== undefined,
    signal,
  });
  const largest = gradient.reduce((max, g) => Math.max(max, Math.abs(g)), 0);
  const product = perturbation.data.map((delta, i) => (largest > 0 ? (delta * gradient[i]) / largest : 0));
  return rootMeanSquare(floatTensor(product, perturbation.shape));
}

/** The root of the mean over channels of the squares: [C, H, W] → [H, W], summed in float64. */
export function rootMeanSquare({ shape: [channels, height, width], data }: FloatTensor): SaliencyMap {
  const plane = height * width;
  const map = new Float32Array(plane);
  for (let i = 0; i < plane; i++) {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += data[c * plane + i] ** 2;
    map[i] = Math.sqrt(sum / channels);
  }
  return floatTensor(map, [height, width]);
}
