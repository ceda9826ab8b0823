/**
 * @file DeepFool's perturbation as an explanation: where the nearest decision boundary, by small steps, changes the image.
 *
 * Source: Moosavi-Dezfooli, Fawzi and Frossard, "DeepFool", CVPR 2016; as an explanation, Elliott, Law and Russell, "Adversarial
 * Perturbations on the Perceptual Ball", section 4.
 */
import {
  type DeepFoolOptions,
  type DeepFoolPoint,
  type DeepFoolSettings,
  deepFoolSettings,
  searchDeepFool,
} from "../../attacks/deepfool.ts";
import type { Classifier } from "../../classifier/classifier.ts";
import { classificationOf } from "../../classifier/logits.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { checkContrast } from "../class-score.ts";
import type { Explanation, MethodOptions, SaliencyMethod } from "../method.ts";
import { rootMeanSquare } from "./perceptual.ts";

/** How DeepFool ended, a sentence each. */
export const deepFoolOutcomes = {
  flipped: "The label is flipped.",
  "not-flipped": "The label is not flipped within the steps.",
  "already-flipped": "The clean image does not have this label (or has the target already), so nothing had to change.",
} as const;

/**
 * The root of the mean over channels of DeepFool's squared perturbation, [H, W], in pixels; all zero if the image does not have
 * the label to begin with. Settings: those of {@link DeepFoolOptions}. `target` is the class to reach.
 */
export async function deepFoolSaliency(
  classifier: Classifier,
  image: ImageTensor,
  { label: given, target, batch, settings: options, signal, onProgress }: MethodOptions = {},
): Promise<Explanation> {
  const settings: DeepFoolSettings = deepFoolSettings(options as DeepFoolOptions | undefined);
  checkContrast("deepfool", classifier, given, target);
  const clean = await classifier.classify(image, { signal });
  const label = given ?? clean.label;
  const succeeds = (found: number): boolean => (target === undefined ? found !== label : found === target);
  const isDone = succeeds(clean.label);
  let done = 0;
  const onStep = (): void => onProgress?.({ done: ++done, of: settings.steps });
  const found: DeepFoolPoint = isDone
    ? { point: image.data, logits: clean.logits, steps: 0, evaluations: { forward: 0, gradient: 0 } }
    : await searchDeepFool(classifier, { image: image.data, logits: clean.logits, label, target }, settings, {
        batch,
        signal,
        onStep,
      });
  const adversarialLabel = classificationOf(found.logits).label;
  const outcome: keyof typeof deepFoolOutcomes = isDone
    ? "already-flipped"
    : succeeds(adversarialLabel)
      ? "flipped"
      : "not-flipped";
  const perturbation = floatTensor(
    found.point.map((x, i) => x - image.data[i]),
    image.shape,
  );
  return {
    map: rootMeanSquare(perturbation),
    label,
    evaluations: { ...found.evaluations, forward: found.evaluations.forward + 1 },
    settings: { ...settings },
    details: { outcome, outcomeDescription: deepFoolOutcomes[outcome], adversarialLabel, steps: found.steps },
    perturbation,
  };
}

/** {@link deepFoolSaliency} as a method of the registry. */
export const deepFoolMethod: SaliencyMethod = {
  name: "deepfool",
  title: "DeepFool",
  source: "Moosavi-Dezfooli, Fawzi and Frossard, DeepFool, CVPR 2016",
  summary: "How much each pixel changes on the way to the nearest decision boundary in ℓ2 or ℓ∞.",
  version: 1,
  check(classifier, { target, settings }) {
    deepFoolSettings(settings as DeepFoolOptions | undefined);
    checkContrast("deepfool", classifier, undefined, target);
  },
  explain: deepFoolSaliency,
};
