/**
 * @file Projected gradient descent: repeated small steps that raise the cross-entropy, each projected back into the ball.
 *
 * Source: Madry, Makelov, Schmidt, Tsipras and Vladu 2018; presets after the numbers of Roth, Kilcher and Hofmann 2019 ("The Odds
 * are Odd") and of Foolbox 3 (Rauber et al. 2017).
 */

import type { Classifier } from "../classifier/classifier.ts";
import { numberIn, oneOf } from "../errors.ts";
import type { ImageTensor } from "../image/picture.ts";
import { driveBatch } from "../optimize/drivers.ts";
import type { Query } from "../optimize/solver.ts";
import { indexOfLargest } from "../tensor/vector.ts";
import type { AttackMethod, AttackOptions, AttackResult, AttackTask, Found } from "./attack.ts";
import { checkEpsilon, type Norm, norms, paperEpsilon } from "./budget.ts";
import { type LikelihoodEvaluation, likelihoodOf } from "./likelihood.ts";
import { type GradientSteps, projectedGradient, randomPointInBall } from "./projected-gradient.ts";
import { runAttack, succeeds } from "./run-attack.ts";

export const pgdPresets = ["paper", "odds", "foolbox"] as const;
export type PgdPreset = (typeof pgdPresets)[number];

export interface PgdOptions extends AttackOptions {
  /**
   * `paper` (default): 20 steps of ε/4 from a random start (section 5 of the paper). `odds`: 10 of them, as the published code of
   * Roth et al. does; in ℓ2 every step ends on the sphere. `foolbox`: 40 steps of ε/30 in ℓ∞, 50 of ε/40 in ℓ2, from a random start.
   * Deviation: in ℓ2 Foolbox projects on the ball and clips to [0, 1] afterwards; here the projection is on what both have in common.
   */
  readonly preset?: PgdPreset;
  /** Default `linf`. */
  readonly norm?: Norm;
  /** The radius of the ball, in pixels of [0, 1]. Default 8/255; in ℓ2, 8/255 times the root of the number of elements. */
  readonly epsilon?: number;
  readonly steps?: number;
  /** The length of a step, in the norm of the ball. */
  readonly stepSize?: number;
  /** Whether to start from a point drawn uniformly from the ball (then projected on [0, 1]) rather than the image. */
  readonly randomStart?: boolean;
  /** Starts at most; the first that succeeds ends the search, else the one of the largest cross-entropy is kept. Default 1. */
  readonly restarts?: number;
}

/** The numbers of a gradient attack on images of `elements` elements. */
export interface PgdPlan extends GradientSteps {
  readonly preset: PgdPreset;
  readonly randomStart: boolean;
  readonly restarts: number;
}

/** Errors: MisuseError for what cannot be meant, in the name of `where`. */
export function pgdPlan(where: string, { input }: Classifier, options: PgdOptions): PgdPlan {
  const elements = input.channelCount * input.height * input.width;
  const preset = oneOf(`${where}: preset`, options.preset ?? "paper", pgdPresets);
  const norm = oneOf(`${where}: norm`, options.norm ?? "linf", norms);
  const defaultEpsilon = norm === "linf" ? paperEpsilon : paperEpsilon * Math.sqrt(elements);
  const epsilon = checkEpsilon(where, options.epsilon ?? defaultEpsilon, norm, elements);
  const defaults = {
    paper: { steps: 20, share: 1 / 4 },
    odds: { steps: 10, share: 1 / 4 },
    foolbox: norm === "linf" ? { steps: 40, share: 1 / 30 } : { steps: 50, share: 1 / 40 },
  }[preset];
  const count = { min: 1, integer: true };
  return {
    preset,
    budget: { norm, epsilon },
    steps: numberIn(`${where}: steps`, options.steps ?? defaults.steps, count),
    stepSize: numberIn(`${where}: stepSize`, options.stepSize ?? defaults.share * epsilon, { min: Number.MIN_VALUE }),
    randomStart: options.randomStart ?? true,
    restarts: numberIn(`${where}: restarts`, options.restarts ?? 1, count),
    onSphere: norm === "l2" && preset === "odds",
  };
}

export const pgd: AttackMethod<PgdOptions> = {
  name: "pgd",
  title: "PGD",
  source: "Madry et al., Towards deep learning models resistant to adversarial attacks (ICLR 2018)",
  summary: "Small steps along the gradient of the cross-entropy from a random start, projected back into the ball.",
  version: 1,
  presets: pgdPresets,
  optionKeys: ["preset", "norm", "epsilon", "steps", "stepSize", "randomStart", "restarts"],
  plan(classifier, options) {
    const plan = pgdPlan("pgd", classifier, options);
    const { budget, onSphere, ...settings } = plan;
    return {
      budget,
      settings: { ...settings, ...budget, ...(onSphere ? { onSphere } : {}) },
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

function* searchOf(task: AttackTask, plan: PgdPlan): Generator<Query, Found, LikelihoodEvaluation> {
  let best: { readonly point: Float32Array; readonly value: number } | undefined;
  let gradient = 0;
  for (let restart = 1; restart <= plan.restarts; restart++) {
    const start = plan.randomStart ? randomPointInBall(task.image, plan.budget, task.random) : task.image;
    const point = yield* projectedGradient(start, task.image, plan);
    gradient += plan.steps;
    if (plan.restarts === 1) return { point, evaluations: { forward: 0, gradient } };
    const { value, logits } = yield { point, iteration: plan.steps + 1 };
    gradient++;
    const flipped = succeeds(task, indexOfLargest(logits));
    if (best === undefined || flipped || value < best.value) best = { point, value };
    if (flipped) break;
  }
  return { point: best!.point, evaluations: { forward: 0, gradient }, details: { value: best!.value } };
}

/** What PGD finds for `images` [C, H, W], pixels in [0, 1]; options and errors as {@link PgdOptions} and {@link runAttack} say. */
export function pgdAttack(
  classifier: Classifier,
  images: readonly ImageTensor[],
  options: PgdOptions = {},
): Promise<AttackResult[]> {
  return runAttack(pgd, classifier, images, options);
}
