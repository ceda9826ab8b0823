/**
 * @file Perceptual perturbations as explanations: where the least perceptible flip changes the image is what the label rests on.
 *
 * Source: Elliott, Law and Russell, "Adversarial Perturbations on the Perceptual Ball", section 4 ("we simply treat the
 * magnitude of the alteration in each pixel as its salience").
 */
import {
  attackOutcomeDescriptions,
  checkPerceptualOptions,
  type PerceptualOptions,
  type PerceptualResult,
  perceptualAttack,
} from "../../attacks/perceptual/perceptual.ts";
import { perceptualOptionKeys } from "../../attacks/perceptual/perceptual-plan.ts";
import { guidedRules } from "../../autodiff/guided-rules.ts";
import type { Classifier } from "../../classifier/classifier.ts";
import { checkKeys } from "../../errors.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { type FloatTensor, floatTensor } from "../../tensor/tensor.ts";
import { largestMagnitude } from "../../tensor/vector.ts";
import { checkContrast } from "../class-score.ts";
import type { Explanation, MethodOptions, SaliencyMethod } from "../method.ts";
import type { SaliencyMap } from "../saliency-map.ts";

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
  const largest = largestMagnitude(gradient);
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

/** How many runs with gradient the guided map takes beyond those of the perturbation: one. */
const guidedRuns = { perceptual: 0, "guided-perceptual": 1 } as const;

export type PerceptualMethodName = keyof typeof guidedRuns;

/** A perturbation that has been found already as an explanation by either of the two methods, which differ in the map only. */
export async function perceptualExplanation(
  name: PerceptualMethodName,
  classifier: Classifier,
  image: ImageTensor,
  result: PerceptualResult,
  signal?: AbortSignal,
): Promise<Explanation> {
  const { outcome, solverOutcome, adversarial, margin, distances, stages, perturbation, settings } = result;
  return {
    map:
      name === "perceptual"
        ? rootMeanSquare(result.optimizedPerturbation)
        : await guidedMap(classifier, image, result, signal),
    label: result.label,
    evaluations: { forward: 0, gradient: result.evaluations + guidedRuns[name] },
    settings: { ...settings },
    details: {
      outcome,
      outcomeDescription: attackOutcomeDescriptions[outcome],
      solverOutcome,
      adversarialLabel: adversarial.label,
      margin,
      distances,
      stages,
    },
    perturbation,
  };
}

function perceptualMethodOf(
  description: Omit<SaliencyMethod, "check" | "explain"> & { name: PerceptualMethodName },
): SaliencyMethod {
  const { name } = description;
  return {
    ...description,
    check(classifier, { settings = {} }) {
      checkKeys(name, settings, perceptualOptionKeys);
      checkPerceptualOptions(classifier, settings);
    },
    /** Settings: those of PerceptualOptions. `target` is the class to reach. */
    async explain(classifier, image, { label, target, settings = {}, signal, onProgress }: MethodOptions = {}) {
      checkKeys(name, settings, perceptualOptionKeys);
      checkContrast(name, classifier, label, target);
      const result = await perceptualAttack(classifier, image, {
        ...settings,
        ...(label === undefined ? {} : { label }),
        ...(target === undefined ? {} : { target }),
        signal,
        onProgress: ({ evaluations, of }) => onProgress?.({ done: evaluations, of }),
      });
      return perceptualExplanation(name, classifier, image, result, signal);
    },
  };
}

const source = "Elliott, Law and Russell, Adversarial Perturbations on the Perceptual Ball, 2019";

/** {@link perceptualSaliency} as a method of the registry. */
export const perceptualMethod = perceptualMethodOf({
  name: "perceptual",
  title: "Perceptual perturbation",
  source,
  summary: "How much each pixel changes until the label flips, if the network's own features may hardly change.",
  version: 1,
});

/** {@link guidedPerceptualSaliency} as a method of the registry. */
export const guidedPerceptualMethod = perceptualMethodOf({
  name: "guided-perceptual",
  title: "Perceptual perturbation, guided",
  source,
  summary: "The perceptual perturbation where the guided gradient of the margin is strong as well.",
  version: 1,
});
