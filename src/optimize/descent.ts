/** @file Gradient descent: plain, with momentum, and along the steepest directions of the ℓ2 and ℓ∞ norms. */
import { checkKeys, MisuseError, numberIn, oneOf } from "../errors.ts";
import {
  type FloatArray,
  largestIfFinite,
  type Projection,
  type Solver,
  startingPoint,
  sumOfMagnitudes,
  zerosLike,
} from "./solver.ts";

const rules = ["gradient", "unit", "sign"] as const;
/** The step for a velocity v: v itself, v / ‖v‖₂, or sign(v) with sign(0) = 0. */
export type DescentRule = (typeof rules)[number];

export interface DescentOptions {
  /** The factor of every step, or a function of the iteration, counted from 1. */
  readonly stepSize: number | ((iteration: number) => number);
  /** Steps; default 20. Each is one evaluation, and the start is one more. */
  readonly maxIterations?: number;
  /** Default `gradient`. */
  readonly rule?: DescentRule;
  /** The share μ of the last velocity kept in v ← μ·v + g, from 0 to 1; default 0. */
  readonly momentum?: number;
  /** The share of each gradient but the first that is kept out of v, from 0 to 1: v ← μ·v + (1 − dampening)·g; default 0. */
  readonly dampening?: number;
  /** Divides each gradient by its ℓ1 norm before it enters v; default false. */
  readonly normalize?: boolean;
  /** Applied to the start and to every point before it is evaluated; default none. */
  readonly project?: Projection;
}

const optionKeys: readonly (keyof DescentOptions)[] = [
  "stepSize",
  "maxIterations",
  "rule",
  "momentum",
  "dampening",
  "normalize",
  "project",
];

/**
 * A solver that takes x ← P(x − stepSize·rule(v)), v ← μ·v + g, and returns its last point.
 *
 * `rule: "sign"` with `project` is projected gradient descent in the ℓ∞ norm (Madry et al. 2018, with the objective's sign
 * turned, since solvers minimize), `rule: "unit"` that in ℓ2; `rule: "sign"` with `momentum` and `normalize` is MI-FGSM (Dong et
 * al. 2018, eq. 6–7); `rule: "gradient"` with `momentum` is Polyak's heavy ball as torch.optim.SGD writes it, `dampening` included.
 * A zero gradient ends the search as converged if there is no momentum left to follow; of `unit`, the step for v = 0 is 0.
 * A value or gradient that is not finite ends it with the outcome `non-finite` and the last point where both were.
 */
export function descent(start: Float32Array, options: DescentOptions): Solver;
export function descent(start: Float64Array, options: DescentOptions): Solver<Float64Array>;
export function descent<A extends FloatArray>(start: A, options: DescentOptions): Solver<A>;
export function* descent<A extends FloatArray>(start: A, options: DescentOptions): Solver<A> {
  checkKeys("descent", options, optionKeys);
  const maxIterations = numberIn("descent: maxIterations", options.maxIterations ?? 20, { min: 0, integer: true });
  const momentum = numberIn("descent: momentum", options.momentum ?? 0, { min: 0, max: 1 });
  const dampening = numberIn("descent: dampening", options.dampening ?? 0, { min: 0, max: 1 });
  const rule = oneOf("descent: rule", options.rule ?? "gradient", rules);
  const stepSizeAt = stepSizes("descent", options.stepSize);
  const { project, normalize = false } = options;

  let point = startingPoint("descent", start, project);
  let next = zerosLike(point);
  const velocity = zerosLike(point);
  let answer = yield { point, iteration: 0 };
  if (Number.isNaN(largestIfFinite(answer))) {
    return { point, value: Number.POSITIVE_INFINITY, outcome: "non-finite", iterations: 0, evaluations: 1 };
  }
  for (let iteration = 1; iteration <= maxIterations; iteration++) {
    const { value, gradient } = answer;
    const sum = normalize ? sumOfMagnitudes(gradient) : 1;
    const kept = iteration === 1 ? 1 : 1 - dampening;
    const share = sum > 0 ? kept / sum : 0;
    let square = 0;
    for (let i = 0; i < velocity.length; i++) {
      velocity[i] = momentum * velocity[i] + share * gradient[i];
      square += velocity[i] * velocity[i];
    }
    if (square === 0) return { point, value, outcome: "converged", iterations: iteration - 1, evaluations: iteration };
    const stepSize = stepSizeAt(iteration);
    const factor = rule === "unit" ? stepSize / Math.sqrt(square) : stepSize;
    for (let i = 0; i < next.length; i++) {
      next[i] = point[i] - factor * (rule === "sign" ? Math.sign(velocity[i]) : velocity[i]);
    }
    project?.(next);
    const trial = yield { point: next, iteration };
    if (Number.isNaN(largestIfFinite(trial))) {
      return { point, value, outcome: "non-finite", iterations: iteration, evaluations: iteration + 1 };
    }
    answer = trial;
    [point, next] = [next, point];
  }
  const evaluations = maxIterations + 1;
  return { point, value: answer.value, outcome: "iterations-exhausted", iterations: maxIterations, evaluations };
}

/** The step size as a function of the iteration; throws a MisuseError if it is not a number above zero. */
export function stepSizes(
  where: string,
  stepSize: number | ((iteration: number) => number),
): (iteration: number) => number {
  if (typeof stepSize === "function") return stepSize;
  if (stepSize > 0 && Number.isFinite(stepSize)) return () => stepSize;
  throw new MisuseError({
    where: `${where}: stepSize`,
    what: "value out of range",
    expected: "a number above 0 or a function of the iteration",
    got: String(stepSize),
  });
}
