/**
 * @file The mean of PGDs: adversarial images found from noisy copies of the image, averaged. Averaging takes away much of what
 * the single perturbations have by accident.
 *
 * Source: the attack "Mean" of Roth, Kilcher and Hofmann 2019 ("The Odds are Odd"), by the numbers of their published code.
 */
import type { Query } from "../optimize/solver.ts";
import { countOption, numberOption } from "../options/option.ts";
import type { AttackTask } from "./attack.ts";
import { linfEpsilonOption, projectOnBudget } from "./budget.ts";
import { defineAttack } from "./define-attack.ts";
import { type LikelihoodEvaluation, likelihoodOf } from "./likelihood.ts";
import { type Found, inLockstep } from "./lockstep.ts";
import { gradientOptions, gradientStepsOf } from "./pgd.ts";
import { type BallSteps, projectedGradient, randomPointInBall } from "./projected-gradient.ts";

interface MeanSteps extends BallSteps {
  readonly randomStart: boolean;
  readonly copies: number;
  readonly noiseShare: number;
}

export const pgdMean = defineAttack({
  name: "pgd-mean",
  title: "Mean of PGDs",
  source: "Roth, Kilcher and Hofmann, The odds are odd (ICML 2019), attack Mean",
  summary: "The average of PGD from the image and from 16 noisy copies of it, clipped to the ball around the image.",
  version: 1,
  options: {
    ...gradientOptions,
    epsilon: linfEpsilonOption,
    copies: countOption("Noisy copies, besides the image itself.", { min: 0, fallback: 16 }),
    noiseShare: numberOption("The noise of the copies is uniform in ± this share of epsilon.", {
      ...{ min: 0, max: 1, fallback: 0.1 },
    }),
  },
  search(options, classifier) {
    const { preset, randomStart, copies, noiseShare } = options;
    const steps = gradientStepsOf("pgd-mean", { ...options, norm: "linf" }, classifier);
    const { budget, stepSize } = steps;
    return {
      budget,
      settings: { preset, steps: steps.steps, stepSize, randomStart, copies, noiseShare, ...budget },
      gradients: (copies + 1) * steps.steps,
      run: inLockstep(likelihoodOf, (task) => search(task, { ...steps, randomStart, copies, noiseShare })),
    };
  },
});

/** Each PGD stays in the ball around its own noisy copy, which may lie outside of [0, 1] itself. */
function* search(
  { image, random, mask }: AttackTask,
  plan: MeanSteps,
): Generator<Query, Found<undefined>, LikelihoodEvaluation> {
  const { budget, copies, noiseShare, randomStart } = plan;
  const noise = { norm: budget.norm, epsilon: noiseShare * budget.epsilon };
  const sums = new Float64Array(image.length);
  for (let copy = 0; copy <= copies; copy++) {
    const center = copy === 0 ? image : randomPointInBall(image, noise, random, mask);
    const start = randomStart ? randomPointInBall(center, budget, random, mask) : center;
    const point = yield* projectedGradient(start, center, plan);
    for (let i = 0; i < sums.length; i++) sums[i] += point[i];
  }
  const point = Float32Array.from(sums, (sum) => sum / (copies + 1));
  projectOnBudget(image, budget)(point);
  return { point };
}
