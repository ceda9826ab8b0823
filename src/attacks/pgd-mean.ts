/**
 * @file The mean of PGDs: adversarial images found from noisy copies of the image, averaged. Averaging takes away much of what
 * the single perturbations have by accident.
 *
 * Source: the attack "Mean" of Roth, Kilcher and Hofmann 2019 ("The Odds are Odd"), by the numbers of their published code.
 */
import type { Classifier } from "../classifier/classifier.ts";
import { numberIn } from "../errors.ts";
import type { ImageTensor } from "../image/picture.ts";
import { driveBatch } from "../optimize/drivers.ts";
import type { Query } from "../optimize/solver.ts";
import type { AttackMethod, AttackResult, AttackTask, Found } from "./attack.ts";
import { projectOnBudget } from "./budget.ts";
import { type LikelihoodEvaluation, likelihoodOf } from "./likelihood.ts";
import { type PgdOptions, type PgdPlan, pgdPlan, pgdPresets } from "./pgd.ts";
import { projectedGradient, randomPointInBall } from "./projected-gradient.ts";
import { runAttack } from "./run-attack.ts";

export interface PgdMeanOptions extends Omit<PgdOptions, "restarts" | "norm"> {
  /** Noisy copies, besides the image itself. Default 16. */
  readonly copies?: number;
  /** The noise of the copies is uniform in ±noiseShare·ε. Default 0.1. */
  readonly noiseShare?: number;
}

interface MeanPlan extends PgdPlan {
  readonly copies: number;
  readonly noiseShare: number;
}

export const pgdMean: AttackMethod<PgdMeanOptions> = {
  name: "pgd-mean",
  title: "Mean of PGDs",
  source: "Roth, Kilcher and Hofmann, The odds are odd (ICML 2019), attack Mean",
  summary: "The average of PGD from the image and from 16 noisy copies of it, clipped to the ball around the image.",
  version: 1,
  presets: pgdPresets,
  optionKeys: ["preset", "epsilon", "steps", "stepSize", "randomStart", "copies", "noiseShare"],
  plan(classifier, options) {
    const plan: MeanPlan = {
      ...pgdPlan("pgd-mean", classifier, options),
      copies: numberIn("pgd-mean: copies", options.copies ?? 16, { min: 0, integer: true }),
      noiseShare: numberIn("pgd-mean: noiseShare", options.noiseShare ?? 0.1, { min: 0, max: 1 }),
    };
    const { budget, onSphere: _, restarts: __, ...settings } = plan;
    return {
      budget,
      settings: { ...settings, ...budget },
      async search(tasks, context) {
        const evaluate = await likelihoodOf(tasks, context);
        return driveBatch(
          tasks.map((task) => searchOf(task, plan)),
          evaluate,
          { signal: context.signal },
        );
      },
    };
  },
};

/** Each PGD stays in the ball around its own noisy copy, which may lie outside of [0, 1] itself. */
function* searchOf({ image, random }: AttackTask, plan: MeanPlan): Generator<Query, Found, LikelihoodEvaluation> {
  const { budget, copies, noiseShare } = plan;
  const noise = { norm: budget.norm, epsilon: noiseShare * budget.epsilon };
  const sums = new Float64Array(image.length);
  for (let copy = 0; copy <= copies; copy++) {
    const center = copy === 0 ? image : randomPointInBall(image, noise, random);
    const start = plan.randomStart ? randomPointInBall(center, budget, random) : center;
    const point = yield* projectedGradient(start, center, plan);
    for (let i = 0; i < sums.length; i++) sums[i] += point[i];
  }
  const point = Float32Array.from(sums, (sum) => sum / (copies + 1));
  projectOnBudget(image, budget)(point);
  return { point, evaluations: { forward: 0, gradient: (copies + 1) * plan.steps } };
}

/** What the mean of PGDs is for `images` [C, H, W], pixels in [0, 1]; options and errors as {@link PgdMeanOptions} and {@link runAttack} say. */
export function pgdMeanAttack(
  classifier: Classifier,
  images: readonly ImageTensor[],
  options: PgdMeanOptions = {},
): Promise<AttackResult[]> {
  return runAttack(pgdMean, classifier, images, options);
}
