/**
 * @file DeepFool's perturbation as an explanation: where the nearest decision boundary, by small steps, changes the image.
 *
 * Source: Moosavi-Dezfooli, Fawzi and Frossard, "DeepFool", CVPR 2016; as an explanation, Elliott, Law and Russell, "Adversarial
 * Perturbations on the Perceptual Ball", section 4.
 */
import {
  type DeepFoolOptions,
  type DeepFoolPoint,
  deepFoolPresets,
  deepFoolSettings,
  searchDeepFool,
} from "../../attacks/deepfool.ts";
import { classificationOf } from "../../classifier/logits.ts";
import { countOption, numberOption, wordOption } from "../../options/option.ts";
import { type ValuesOf, withPresets } from "../../options/schema.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { definePerturbationMethod, type PerturbationTask } from "../define-method.ts";
import type { Perturbation } from "../method.ts";
import { rootMeanSquare } from "./root-mean-square.ts";

/** How DeepFool ended, a sentence each. */
const outcomes = {
  flipped: "The label is flipped.",
  "not-flipped": "The label is not flipped within the steps.",
  "already-flipped": "The clean image does not have this label (or has the target already), so nothing had to change.",
} as const;

const settings = withPresets(
  {
    doc: "The numbers of Foolbox 2 (2.0 to 2.4; what the paper used), or of Foolbox 3.",
    fallback: "foolbox-2",
    presets: { "foolbox-2": {}, "foolbox-3": { steps: 50, overshoot: 0.02 } },
  },
  {
    norm: wordOption("The norm in which steps are shortest.", ["l2", "linf"], { fallback: "l2" }),
    steps: countOption("The most steps.", { fallback: deepFoolPresets["foolbox-2"].steps }),
    candidates: countOption(
      "How many classes are considered: those with the largest logits at the clean image, the label among them.",
      { min: 2, fallback: deepFoolPresets["foolbox-2"].candidates },
    ),
    overshoot: numberOption("η: the share by which the perturbation exceeds what the linearization asks for.", {
      min: 0,
      fallback: deepFoolPresets["foolbox-2"].overshoot,
    }),
  },
);

async function perturb(task: PerturbationTask<ValuesOf<typeof settings>>): Promise<Perturbation> {
  const { classifier, image, label: given, target, batch, signal, onProgress } = task;
  const options: DeepFoolOptions = task.settings;
  const settings = deepFoolSettings(options);
  const clean = await classifier.classify(image, { signal });
  const label = given ?? clean.label;
  const succeeds = (found: number): boolean => (target === undefined ? found !== label : found === target);
  const isDone = succeeds(clean.label);
  let done = 0;
  const onStep = (): void => onProgress({ done: ++done, of: settings.steps, unit: "steps" });
  const found: DeepFoolPoint = isDone
    ? { point: image.data, logits: clean.logits, steps: 0, evaluations: { forward: 0, gradient: 0 } }
    : await searchDeepFool(classifier, { image: image.data, logits: clean.logits, label, target }, settings, {
        batch,
        signal,
        onStep,
      });
  const adversarialLabel = classificationOf(found.logits).label;
  const outcome: keyof typeof outcomes = isDone
    ? "already-flipped"
    : succeeds(adversarialLabel)
      ? "flipped"
      : "not-flipped";
  const pixels = floatTensor(
    found.point.map((x, i) => x - image.data[i]),
    image.shape,
  );
  return {
    label,
    target,
    clean,
    pixels,
    optimized: pixels,
    evaluations: { ...found.evaluations, forward: found.evaluations.forward + 1 },
    settings: { ...settings },
    details: { outcome, outcomeDescription: outcomes[outcome], adversarialLabel, steps: found.steps },
  };
}

/**
 * The root of the mean over channels of DeepFool's squared perturbation, [H, W], in pixels; all zero if the image does not have
 * the label to begin with. `target` is the class to reach.
 */
export const deepFool = definePerturbationMethod({
  name: "deepfool",
  title: "DeepFool",
  source: "Moosavi-Dezfooli, Fawzi and Frossard, DeepFool, CVPR 2016",
  summary: "How much each pixel changes on the way to the nearest decision boundary in ℓ2 or ℓ∞.",
  version: 1,
  settings,
  shows: "change",
  search: "deepfool",
  perturb,
  cost: ({ steps, candidates }, { classCount }) => ({
    forward: steps + 1,
    gradient: steps * (Math.min(candidates, classCount) - 1),
  }),
  mapOf: ({ perturbation }) => rootMeanSquare(perturbation.pixels),
  mapCost: { forward: 0, gradient: 0 },
});
