/** @file Projected gradient descent in a ball, as a solver: what pgd, pgd-mean and fgsm have in common. */

import { checkForm } from "../errors.ts";
import type { Projection, Query } from "../optimize/solver.ts";
import { signStep, unitStep } from "../optimize/update-rules.ts";
import { normal } from "../random/distributions.ts";
import type { Random } from "../random/random.ts";
import { openWorkspace } from "../simd/workspace.ts";
import type { FloatTensor } from "../tensor/tensor.ts";
import { euclideanNorm, type FloatArray, squaredDistance } from "../tensor/vector.ts";
import { type Budget, projectOnBudget } from "./budget.ts";
import { describeMask, keepOutside } from "./hold-to-mask.ts";
import type { LikelihoodEvaluation } from "./likelihood.ts";
import { checkGradient } from "./without-gradients.ts";

export interface BallSteps {
  readonly budget: Budget;
  readonly steps: number;
  /** The length of a step in the budget's norm. */
  readonly stepSize: number;
  /** Whether a point of an ℓ2 budget is moved to the sphere even from inside of it. */
  readonly onSphere: boolean;
}

/**
 * The last point of x ← P(x − stepSize·d): `steps` gradients, the result is not evaluated. d is sign(g) in ℓ∞, with sign(0) = 0,
 * and g / ‖g‖₂ in ℓ2 (0 for g = 0); P projects on the ball around `center` and on [0, 1]. `start` is projected first. Throws a BadInputError where
 * the first gradient is no number.
 */
export function* projectedGradient(
  start: Float32Array,
  center: Float32Array,
  ballSteps: BallSteps,
): Generator<Query, Float32Array, LikelihoodEvaluation> {
  checkForm("projectedGradient: start", start, "numbers");
  checkForm("projectedGradient: center", center, "numbers");
  checkForm("projectedGradient: ballSteps", ballSteps, ["budget", "steps", "stepSize", "onSphere"]);
  const { budget, steps, stepSize, onSphere } = ballSteps;
  const project = projectOnBudget(center, budget);
  const afterStep = onSphere ? throughSphere(center, budget.epsilon, project) : project;
  const rule = budget.norm === "linf" ? signStep(stepSize) : unitStep(stepSize);
  // The point, its gradient and the bounds.
  const workspace = openWorkspace(start, { vectors: 4, doubles: 0, integers: 0 });
  try {
    const point = workspace.vectors();
    const place = workspace.vectors();
    point.set(start);
    project(point);
    const update = rule<Float32Array>(point, afterStep);
    for (let iteration = 1; iteration <= steps; iteration++) {
      const { gradient } = yield { point, iteration };
      if (iteration === 1) checkGradient(gradient);
      update(workspace.adopt(gradient, place), point, point);
    }
    return point.slice();
  } finally {
    workspace.close();
  }
}

/** The projection of what {@link rescale} makes of a point. */
function throughSphere(center: Float32Array, radius: number, project: Projection): Projection {
  return (point) => {
    rescale(point, center, radius);
    project(point);
  };
}

/** `center` plus a point drawn uniformly from the ball; with a mask, from the ball of the pixels inside. */
export function randomPointInBall(
  center: Float32Array,
  { norm, epsilon }: Budget,
  random: Random,
  mask?: FloatTensor,
): Float32Array {
  if (norm === "linf") {
    const point = center.slice();
    for (let i = 0; i < point.length; i++) point[i] = center[i] + epsilon * (2 * random() - 1);
    if (mask !== undefined) keepOutside(point, mask, center);
    return point;
  }
  const direction = center.map(() => normal(random));
  if (mask !== undefined) keepOutside(direction, mask);
  const dimensions = mask === undefined ? center.length : freeElements(center.length, mask);
  const factor = (epsilon * random() ** (1 / dimensions)) / euclideanNorm(direction);
  return center.map((c, i) => c + factor * direction[i]);
}

/** How many of `count` elements [C, H, W] are inside. */
function freeElements(count: number, mask: FloatTensor): number {
  const { inside, of } = describeMask(mask);
  return (count / of) * inside;
}

/** Moves `point` along its ray from `center` to the distance `radius`. */
function rescale(point: FloatArray, center: Float32Array, radius: number): void {
  const squares = squaredDistance(point, center);
  if (squares === 0) return;
  const factor = radius / Math.sqrt(squares);
  for (let i = 0; i < point.length; i++) point[i] = center[i] + factor * (point[i] - center[i]);
}
