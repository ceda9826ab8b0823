/** @file Adam, with projection. */
import { checkKeys, numberIn } from "../errors.ts";
import { stepSizes } from "./descent.ts";
import { type FloatArray, largestIfFinite, type Projection, type Solver, startingPoint, zerosLike } from "./solver.ts";

export interface AdamOptions {
  /** The factor α of every step, or a function of the iteration, counted from 1; default 0.001. */
  readonly stepSize?: number | ((iteration: number) => number);
  /** Steps; default 100. Each is one evaluation, and the start is one more. */
  readonly maxIterations?: number;
  /** Decay of the mean of the gradients; default 0.9. */
  readonly beta1?: number;
  /** Decay of the mean of their squares; default 0.999. */
  readonly beta2?: number;
  /** Added to the root of the mean square; default 1e-8. */
  readonly epsilon?: number;
  /** Stop when no element of the gradient is larger than this; default 0. */
  readonly toleranceGradient?: number;
  /** Applied to the start and to every point before it is evaluated; default none. */
  readonly project?: Projection;
}

const optionKeys: readonly (keyof AdamOptions)[] = [
  "stepSize",
  "maxIterations",
  "beta1",
  "beta2",
  "epsilon",
  "toleranceGradient",
  "project",
];

/**
 * A solver that minimizes by Adam (Kingma & Ba 2015, algorithm 1, with bias correction, ε outside the root) from `start`, and
 * returns its last point. The moments are kept in the precision of the point.
 * A value or gradient that is not finite ends it with the outcome `non-finite` and the last point where both were.
 */
export function adam(start: Float32Array, options?: AdamOptions): Solver;
export function adam(start: Float64Array, options?: AdamOptions): Solver<Float64Array>;
export function adam<A extends FloatArray>(start: A, options?: AdamOptions): Solver<A>;
export function* adam<A extends FloatArray>(start: A, options: AdamOptions = {}): Solver<A> {
  checkKeys("adam", options, optionKeys);
  const maxIterations = numberIn("adam: maxIterations", options.maxIterations ?? 100, { min: 0, integer: true });
  const below1 = { min: 0, max: 1 - Number.EPSILON };
  const beta1 = numberIn("adam: beta1", options.beta1 ?? 0.9, below1);
  const beta2 = numberIn("adam: beta2", options.beta2 ?? 0.999, below1);
  const epsilon = numberIn("adam: epsilon", options.epsilon ?? 1e-8, { min: Number.MIN_VALUE });
  const toleranceGradient = numberIn("adam: toleranceGradient", options.toleranceGradient ?? 0, { min: 0 });
  const stepSizeAt = stepSizes("adam", options.stepSize ?? 0.001);
  const { project } = options;

  let point = startingPoint("adam", start, project);
  let next = zerosLike(point);
  const mean = zerosLike(point);
  const meanSquare = zerosLike(point);
  let answer = yield { point, iteration: 0 };
  let largest = largestIfFinite(answer);
  if (Number.isNaN(largest)) {
    return { point, value: Number.POSITIVE_INFINITY, outcome: "non-finite", iterations: 0, evaluations: 1 };
  }
  for (let iteration = 1; iteration <= maxIterations; iteration++) {
    const { value, gradient } = answer;
    if (largest <= toleranceGradient) {
      return { point, value, outcome: "converged", iterations: iteration - 1, evaluations: iteration };
    }
    const factor = stepSizeAt(iteration) / (1 - beta1 ** iteration);
    const correction = 1 / (1 - beta2 ** iteration);
    for (let i = 0; i < next.length; i++) {
      mean[i] = beta1 * mean[i] + (1 - beta1) * gradient[i];
      meanSquare[i] = beta2 * meanSquare[i] + (1 - beta2) * gradient[i] * gradient[i];
      next[i] = point[i] - (factor * mean[i]) / (Math.sqrt(meanSquare[i] * correction) + epsilon);
    }
    project?.(next);
    const trial = yield { point: next, iteration };
    largest = largestIfFinite(trial);
    if (Number.isNaN(largest)) {
      return { point, value, outcome: "non-finite", iterations: iteration, evaluations: iteration + 1 };
    }
    answer = trial;
    [point, next] = [next, point];
  }
  const outcome = largest <= toleranceGradient ? "converged" : "iterations-exhausted";
  return { point, value: answer.value, outcome, iterations: maxIterations, evaluations: maxIterations + 1 };
}
