/**
 * @file The perceptual perturbation: an adversarial image that changes the network's own features as little as it can.
 *
 * Source: Elliott, Law and Russell, "Adversarial Perturbations on the Perceptual Ball", equations (1) to (4) and section 3;
 * preset `released` after the authors' published code.
 */
import type { Classifier } from "../../classifier/classifier.ts";
import { type Classification, classificationOf, marginOf, softmaxAt } from "../../classifier/logits.ts";
import { checkKeys } from "../../errors.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { drive } from "../../optimize/drivers.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { type Distances, distancesBetween } from "../distances.ts";
import {
  type PerceptualOptions,
  type PerceptualSettings,
  perceptualOptionKeys,
  perceptualPlan,
} from "./perceptual-plan.ts";
import {
  type PerceptualFound,
  type PerceptualRun,
  perceptualSearch,
  problemOf,
  relativeDistance,
  settingsOf,
  toPixels,
  toSpace,
} from "./perceptual-search.ts";

export {
  type Constraint,
  constraints,
  type PerceptualOptions,
  type PerceptualPreset,
  type PerceptualSettings,
  perceptualOptionKeys,
  perceptualPresets,
} from "./perceptual-plan.ts";

/** How an attack ended. */
export type AttackOutcome = "flipped" | "not-flipped" | "already-flipped";

export const attackOutcomeDescriptions: Readonly<Record<AttackOutcome, string>> = {
  flipped: "The label is flipped.",
  "not-flipped":
    "The label is not flipped: the perceptual term is too strong for this budget. Lower the perceptual weight, raise the iterations, or use the automatic preset.",
  "already-flipped": "The clean image does not have this label (or has the target already), so nothing had to change.",
};

export interface PerceptualResult {
  readonly outcome: AttackOutcome;
  /** Why the solver stopped, a sentence. */
  readonly solverOutcome: string;
  readonly label: number;
  readonly target: number | undefined;
  readonly clean: Classification;
  readonly adversarial: Classification;
  /** The softmax of `label` at the adversarial image. */
  readonly labelConfidence: number;
  /** Pixels [C, H, W]; within [0, 1] unless the constraint is `none`. */
  readonly image: ImageTensor;
  /** Adversarial less clean pixels, [C, H, W]. */
  readonly perturbation: ImageTensor;
  /** The perturbation in the space that was optimized in, [C, H, W]: what the saliency map is made of. */
  readonly optimizedPerturbation: ImageTensor;
  readonly margin: { readonly clean: number; readonly adversarial: number };
  /** In pixels, plus `perceptual`: the mean over the layers of ‖C⁽ˡ⁾(x') − C⁽ˡ⁾(x)‖² / ‖C⁽ˡ⁾(x)‖². */
  readonly distances: Distances & { readonly perceptual: number };
  /** What is left after the pixels are clipped to [0, 1] and rounded to 8 bits, as a PNG stores them. */
  readonly rounded: { readonly label: number; readonly flipped: boolean };
  /** Runs of the network with gradient, all of them. */
  readonly evaluations: number;
  /** Of the search of `auto`, in order: strength tried, and whether it flipped the label. */
  readonly stages: readonly { readonly strength: number; readonly flipped: boolean; readonly evaluations: number }[];
  readonly settings: PerceptualSettings;
}

const optionKeys: readonly (keyof PerceptualOptions)[] = [
  ...perceptualOptionKeys,
  "label",
  "target",
  "signal",
  "onProgress",
];

/** Throws the MisuseError that {@link perceptualAttack} would throw for `options`, before any image is at hand. */
export function checkPerceptualOptions(classifier: Classifier, options: PerceptualOptions): void {
  checkKeys("perceptualAttack", options, optionKeys);
  perceptualPlan("perceptualAttack", classifier, options);
  for (const label of [options.label, options.target]) if (label !== undefined) classifier.findLabel(label);
}

/**
 * The perceptual perturbation of `image` [C, H, W], pixels in [0, 1] at the network's size. Not flipping the label is an outcome,
 * not an error. Throws a MisuseError for options that cannot be meant, all of them before anything runs.
 *
 * Deviation: the paper's T is "greater than zero"; since M ≤ 0 is what a flip means, it is negative here, as in the released
 * code (T = −2). A margin target of 0 or more is refused.
 */
export async function perceptualAttack(
  classifier: Classifier,
  image: ImageTensor,
  options: PerceptualOptions = {},
): Promise<PerceptualResult> {
  checkKeys("perceptualAttack", options, optionKeys);
  const plan = perceptualPlan("perceptualAttack", classifier, options);
  const { signal, onProgress } = options;
  const compared = { layers: plan.layers, space: plan.space };
  const objective = await classifier.objective(compared);
  const start = toSpace(image.data, { plan, classifier });
  const [reference] = await (await classifier.references(compared)).run([start], { signal });
  const clean = classificationOf(reference.logits);
  const label = options.label === undefined ? clean.label : classifier.findLabel(options.label);
  const target = options.target === undefined ? undefined : classifier.findLabel(options.target);
  const cleanMargin = marginOf(reference.logits, target ?? label, target !== undefined);
  const run: PerceptualRun = { plan, classifier, reference, image: image.data, start, label, target, cleanMargin };
  let found: PerceptualFound;
  if (cleanMargin <= 0) {
    const solverOutcome = "Nothing was to be done.";
    found = { point: start, strength: 0, solverOutcome, evaluations: 0, stages: [] };
  } else {
    const { solver, problem } = perceptualSearch(run);
    let evaluations = 1;
    found = await drive(
      solver,
      async (point) => {
        const [evaluation] = await objective.run([{ image: point, problem: problem() }], { signal });
        evaluations++;
        onProgress?.({ evaluations, of: plan.evaluations });
        return { ...evaluation, perceptual: relativeDistance(evaluation, reference) };
      },
      { signal },
    );
  }

  const perturbed = found.point === start ? image.data : Float32Array.from(toPixels(found.point, run));
  // The last run: what a PNG keeps of it.
  const bytes = perturbed.map((x) => Math.round(255 * Math.min(Math.max(x, 0), 1)) / 255);
  const rounded = toSpace(bytes, run);
  const problem = problemOf(run, found.strength);
  const [atPoint] = await objective.run([{ image: found.point, problem }], { signal });
  const [atRounded] = await objective.run([{ image: rounded, problem }], { signal });
  const adversarial = classificationOf(atPoint.logits);
  const flipped = target === undefined ? adversarial.label !== label : adversarial.label === target;
  const roundedLabel = classificationOf(atRounded.logits).label;
  const shape = image.shape;
  return {
    outcome: cleanMargin <= 0 ? "already-flipped" : flipped ? "flipped" : "not-flipped",
    solverOutcome: found.solverOutcome,
    label,
    target,
    clean,
    adversarial,
    labelConfidence: softmaxAt(atPoint.logits, label),
    image: floatTensor(perturbed, shape),
    perturbation: floatTensor(difference(perturbed, image.data), shape),
    optimizedPerturbation: floatTensor(difference(found.point, start), shape),
    margin: { clean: cleanMargin, adversarial: atPoint.margin },
    distances: {
      ...distancesBetween(perturbed, image.data, shape[1] * shape[2]),
      perceptual: relativeDistance(atPoint, reference),
    },
    rounded: { label: roundedLabel, flipped: target === undefined ? roundedLabel !== label : roundedLabel === target },
    evaluations: found.evaluations + 3,
    stages: found.stages,
    settings: settingsOf(run, found.strength),
  };
}

function difference(a: Float32Array, b: Float32Array): Float32Array {
  return a.map((value, i) => value - b[i]);
}
