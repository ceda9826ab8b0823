/** @file The perceptual attack on many images in lockstep, and its ablation without the perceptual term. */
import type { Classifier } from "../../classifier/classifier.ts";
import { marginOf } from "../../classifier/logits.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { driveBatch } from "../../optimize/drivers.ts";
import type { AttackMethod, AttackOptions, AttackPlan, AttackResult, Found } from "../attack.ts";
import { runAttack } from "../run-attack.ts";
import {
  type PerceptualOptions,
  type PerceptualPlan,
  perceptualOptionKeys,
  perceptualPlan,
} from "./perceptual-plan.ts";
import { type PerceptualRun, perceptualSearch, relativeDistance, toPixels, toSpace } from "./perceptual-search.ts";

type SearchOptions = Omit<PerceptualOptions, "label" | "target" | "signal" | "onProgress">;

/** Options of the perceptual attack as {@link PerceptualOptions} says; the default preset is `detection`. */
export interface PerceptualAttackOptions extends AttackOptions, SearchOptions {}

/** {@link PerceptualAttackOptions} without what concerns the perceptual term. */
export interface L2AttackOptions extends Omit<PerceptualAttackOptions, "layers" | "perceptualWeight" | "preset"> {
  /** Default `detection`; see {@link PerceptualOptions.preset}. */
  readonly preset?: "detection" | "paper" | "released";
}

export const perceptual: AttackMethod<PerceptualAttackOptions> = {
  name: "perceptual",
  title: "Perceptual",
  source:
    "Elliott, Law and Russell, Adversarial perturbations on the perceptual ball (arXiv 1912.09405), objective (4)",
  summary:
    "L-BFGS on the squared miss of a margin target, the change of the network's own features and the ℓ2 distance.",
  version: 1,
  presets: ["detection", "auto", "paper", "released"],
  optionKeys: perceptualOptionKeys,
  plan: (classifier, options) => lockstep(perceptualPlan("perceptual", classifier, searchOptions(options))),
};

export const l2: AttackMethod<L2AttackOptions> = {
  name: "l2",
  title: "ℓ2",
  source:
    "Elliott, Law and Russell, Adversarial perturbations on the perceptual ball (arXiv 1912.09405), objective (3)",
  summary:
    "The perceptual attack without its perceptual term: the squared miss of a margin target and the ℓ2 distance.",
  version: 1,
  presets: ["detection", "paper", "released"],
  optionKeys: perceptualOptionKeys.filter((key) => key !== "layers" && key !== "perceptualWeight"),
  plan: (classifier, options) =>
    lockstep(perceptualPlan("l2", classifier, { ...searchOptions(options), layers: [], perceptualWeight: 0 })),
};

function searchOptions(options: PerceptualAttackOptions): SearchOptions {
  const given = perceptualOptionKeys.filter((key) => options[key] !== undefined);
  return { preset: "detection", ...Object.fromEntries(given.map((key) => [key, options[key]])) };
}

function lockstep(plan: PerceptualPlan): AttackPlan {
  const { layers, space, search, ...settings } = plan;
  return {
    budget: plan.constraint === "ball" ? { norm: "linf", epsilon: plan.epsilon } : undefined,
    settings: {
      ...settings,
      layers: layers.map((layer) => layer.name),
      space,
      // Without a search of its own the strength is that of the settings; with one, the details of each result say it.
      ...(search ? { perceptualWeight: null } : {}),
      ...(plan.constraint === "ball" ? {} : { epsilon: null }),
      marginTarget: plan.marginTarget ?? null,
    },
    layers,
    async search(tasks, { classifier, batch, signal, onGradients }) {
      const objective = await classifier.objective({ layers, space, batch });
      const runs = tasks.map(({ image, label, target, clean: { logits }, activations }): PerceptualRun => {
        const start = toSpace(image, { plan, classifier });
        const cleanMargin = marginOf(logits, target ?? label, target !== undefined);
        const reference = { image: start, features: activations, logits };
        return { plan, classifier, reference, image, start, label, target, cleanMargin };
      });
      const searches = runs.map(perceptualSearch);
      const found = await driveBatch(
        searches.map(({ solver }) => solver),
        async (points, active) => {
          const problems = searches.map(({ problem }) => problem());
          const evaluations = await objective.run(
            points.map((image, n) => ({ image, problem: problems[n] })),
            { signal },
          );
          onGradients(active.filter(Boolean).length);
          return evaluations.map((evaluation, n) => ({
            ...evaluation,
            perceptual: relativeDistance(evaluation, runs[n].reference),
          }));
        },
        { signal },
      );
      return found.map(({ point, strength, solverOutcome, evaluations, stages }, n): Found => {
        const pixels = Float32Array.from(toPixels(point, runs[n]));
        const details = { strength, solverOutcome, ...(search ? { stages } : {}) };
        return { point: pixels, evaluations: { forward: 0, gradient: evaluations }, details };
      });
    },
  };
}

/** The perceptual perturbations of `images` [C, H, W], pixels in [0, 1]; options and errors as {@link PerceptualAttackOptions} and {@link runAttack} say. */
export function perceptualAttacks(
  classifier: Classifier,
  images: readonly ImageTensor[],
  options: PerceptualAttackOptions = {},
): Promise<AttackResult[]> {
  return runAttack(perceptual, classifier, images, options);
}

/** What objective (3) alone gives for `images` [C, H, W], pixels in [0, 1]; options and errors as {@link L2AttackOptions} and {@link runAttack} say. */
export function l2Attack(
  classifier: Classifier,
  images: readonly ImageTensor[],
  options: L2AttackOptions = {},
): Promise<AttackResult[]> {
  return runAttack(l2, classifier, images, options);
}
