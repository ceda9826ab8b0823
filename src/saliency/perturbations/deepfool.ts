/**
 * @file DeepFool's perturbation as an explanation: where the nearest decision boundary, by small steps, changes the image.
 *
 * Source: Moosavi-Dezfooli, Fawzi and Frossard, "DeepFool", CVPR 2016; as an explanation, Elliott, Law and Russell, "Adversarial
 * Perturbations on the Perceptual Ball", section 4.
 */
import type { AttackEnding } from "../../attacks/attack.ts";
import { roundingOption } from "../../attacks/attack-options.ts";
import { describeEnding } from "../../attacks/ending.ts";
import { goalOf } from "../../attacks/goal.ts";
import { heldTo } from "../../attacks/hold-to-mask.ts";
import {
  type DeepFoolPoint,
  deepFoolOptions,
  deepFoolSettings,
  searchDeepFool,
} from "../../attacks/minimal/deepfool-search.ts";
import { classificationOf } from "../../classifier/logits.ts";
import type { ValuesOf } from "../../options/schema.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { definePerturbationMethod, type PerturbationTask } from "../define-method.ts";
import type { Perturbation } from "../method.ts";
import { rootMeanSquare } from "./root-mean-square.ts";

const deepFoolSchema = { ...deepFoolOptions, rounding: roundingOption };

/** What DeepFool's search says of itself. */
export type DeepFoolDetails = {
  readonly outcome: AttackEnding;
  /** A sentence. */
  readonly outcomeDescription: string;
  readonly adversarialLabel: number;
  readonly steps: number;
};

async function perturb(
  task: PerturbationTask<ValuesOf<typeof deepFoolSchema>>,
): Promise<Perturbation<DeepFoolDetails>> {
  const { classifier, image, label: given, target, mask, batch, signal, onProgress } = task;
  const seen = mask === undefined ? classifier : heldTo(classifier, mask);
  const { rounding, ...own } = task.settings;
  const settings = deepFoolSettings(own);
  const clean = await classifier.classify(image, { signal });
  const label = given ?? clean.label;
  const goal = goalOf({ label, target });
  const isDone = goal.isReached(clean.label);
  let done = 0;
  const onStep = (): void => onProgress({ done: ++done, of: settings.steps, unit: "steps" });
  const found: DeepFoolPoint = isDone
    ? { point: image.data, logits: clean.logits, steps: 0, cost: { forward: 0, gradient: 0 } }
    : await searchDeepFool(seen, { image: image.data, logits: clean.logits, label, target }, settings, {
        batch,
        signal,
        onStep,
      });
  const adversarialLabel = classificationOf(found.logits).label;
  const outcome: AttackEnding = isDone
    ? "already-flipped"
    : goal.isReached(adversarialLabel)
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
    evaluations: { ...found.cost, forward: found.cost.forward + 1 },
    settings: { ...settings, rounding },
    rounding,
    details: {
      outcome,
      outcomeDescription: describeEnding({ outcome, settings: { ...settings }, details: {} }),
      adversarialLabel,
      steps: found.steps,
    },
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
  box: { kind: "energy", alpha: 0.55 },
  settings: deepFoolSchema,
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
