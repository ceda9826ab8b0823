/**
 * @file Projected gradient descent: repeated small steps that raise the cross-entropy, each projected back into the ball.
 *
 * Source: Madry, Makelov, Schmidt, Tsipras and Vladu 2018; presets after the numbers of Roth, Kilcher and Hofmann 2019 ("The Odds
 * are Odd") and of Foolbox 3 (Rauber et al. 2017).
 */
import type { Classifier } from "../classifier/classifier.ts";
import type { Query } from "../optimize/solver.ts";
import { countOption, derived, flagOption, numberOption, wordOption } from "../options/option.ts";
import type { ValuesOf } from "../options/schema.ts";
import { indexOfLargest } from "../tensor/vector.ts";
import type { AttackTask } from "./attack.ts";
import { ballOf, ballOptions } from "./budget.ts";
import { defineAttack } from "./define-attack.ts";
import { type LikelihoodEvaluation, likelihoodOf } from "./likelihood.ts";
import { type Found, inLockstep } from "./lockstep.ts";
import { type BallSteps, projectedGradient, randomPointInBall } from "./projected-gradient.ts";

/** What pgd and pgd-mean have in common besides the ball. */
export const gradientOptions = {
  preset: wordOption(
    "Whose numbers. `paper`: 20 steps of ε/4 from a random start (section 5 of the paper). `odds`: 10 of them, as the published code of Roth et al. does; in ℓ2 every step ends on the sphere. `foolbox`: 40 steps of ε/30, in ℓ2 50 of ε/40.",
    ["paper", "odds", "foolbox"],
    { fallback: "paper" },
  ),
  steps: countOption("Steps.", { fallback: derived("the preset's") }),
  stepSize: numberOption("The length of a step, in the norm of the ball.", {
    above: 0,
    fallback: derived("the preset's share of epsilon"),
  }),
  randomStart: flagOption(
    "Whether to start from a point drawn uniformly from the ball (then projected on [0, 1]) rather than from the image.",
    { fallback: true },
  ),
};

/** The steps that the options stand for; throws a MisuseError, in the name of `where`, for a ball that is too large. */
export function gradientStepsOf(
  where: string,
  { preset, steps, stepSize, ...ball }: ValuesOf<typeof gradientOptions & typeof ballOptions>,
  classifier: Classifier,
): BallSteps {
  const budget = ballOf(where, ball, classifier);
  const published = {
    paper: { steps: 20, share: 1 / 4 },
    odds: { steps: 10, share: 1 / 4 },
    foolbox: budget.norm === "linf" ? { steps: 40, share: 1 / 30 } : { steps: 50, share: 1 / 40 },
  }[preset];
  return {
    budget,
    steps: steps ?? published.steps,
    stepSize: stepSize ?? published.share * budget.epsilon,
    onSphere: budget.norm === "l2" && preset === "odds",
  };
}

/**
 * Projected gradient descent from `restarts` starts at most: the first that succeeds ends the search, else the one of the largest
 * cross-entropy is kept. With one start the last point is the answer and is not evaluated.
 *
 * Deviation: in ℓ2 Foolbox projects on the ball and clips to [0, 1] afterwards; here the projection is on what both have in common.
 */
export const pgd = defineAttack({
  name: "pgd",
  title: "PGD",
  source: "Madry et al., Towards deep learning models resistant to adversarial attacks (ICLR 2018)",
  summary: "Small steps along the gradient of the cross-entropy from a random start, projected back into the ball.",
  version: 1,
  options: {
    ...gradientOptions,
    ...ballOptions,
    restarts: countOption("Starts at most; the first that succeeds ends the search.", { fallback: 1 }),
  },
  search(options, classifier) {
    const steps = gradientStepsOf("pgd", options, classifier);
    const { preset, randomStart, restarts } = options;
    const { budget, stepSize, onSphere } = steps;
    return {
      budget,
      settings: {
        ...{ preset, steps: steps.steps, stepSize, randomStart, restarts, ...budget },
        ...(onSphere ? { onSphere } : {}),
      },
      gradients: restarts * (steps.steps + Number(restarts > 1)),
      run: inLockstep(likelihoodOf, (task) => search(task, steps, { randomStart, restarts })),
    };
  },
});

function* search(
  { image, goal, random, mask }: AttackTask,
  steps: BallSteps,
  { randomStart, restarts }: { readonly randomStart: boolean; readonly restarts: number },
): Generator<Query, Found<undefined>, LikelihoodEvaluation> {
  let best = { point: image, value: Infinity };
  for (let restart = 1; restart <= restarts; restart++) {
    const start = randomStart ? randomPointInBall(image, steps.budget, random, mask) : image;
    const point = yield* projectedGradient(start, image, steps);
    if (restarts === 1) return { point };
    const { value, logits } = yield { point, iteration: steps.steps + 1 };
    const flipped = goal.isReached(indexOfLargest(logits));
    if (restart === 1 || flipped || value < best.value) best = { point, value };
    if (flipped) break;
  }
  return { point: best.point, details: { value: best.value } };
}
