/** @file The solver that follows an update rule. */
import { checkForm, checkKeys, numberIn } from "../errors.ts";
import { openWorkspace, type Workspace } from "../simd/workspace.ts";
import type { FloatArray } from "../tensor/vector.ts";
import { type Evaluation, largestIfFinite, type Projection, type Solver, startingPoint } from "./solver.ts";
import type { UpdateRule } from "./update-rules.ts";

export interface DescendOptions {
  /** Steps; default 100. Each is one evaluation, and the start is one more. */
  readonly maxIterations?: number;
  /** Stop when no element of the gradient is larger than this; by default that is not looked at. */
  readonly toleranceGradient?: number;
  /** Applied to the start and to every point before it is evaluated; default none. */
  readonly project?: Projection;
}

/**
 * A solver that takes x ← P(x − step) with the steps of `rule` from `start`, and returns its last point.
 *
 * With `signStep` and a projection it is projected gradient descent in the ℓ∞ norm (Madry et al. 2018, with the objective's sign
 * turned, since solvers minimize), with `unitStep` that in ℓ2. It ends as `converged` where the rule has nothing left to follow: a
 * gradient of zero, and no momentum. A value or gradient that is not finite ends it with the outcome `non-finite` and the last point
 * where both were. Errors: MisuseError for unknown or impossible options and a start that is not finite.
 */
export function descend(start: Float32Array, rule: UpdateRule, options?: DescendOptions): Solver;
export function descend(start: Float64Array, rule: UpdateRule, options?: DescendOptions): Solver<Float64Array>;
export function descend<A extends FloatArray>(start: A, rule: UpdateRule, options?: DescendOptions): Solver<A>;
export function* descend<A extends FloatArray>(start: A, rule: UpdateRule, options: DescendOptions = {}): Solver<A> {
  checkForm("descend: start", start, "numbers");
  checkForm("descend: rule", rule, "function");
  checkKeys("descend", options, ["maxIterations", "toleranceGradient", "project"]);
  const { project, toleranceGradient: tolerance } = options;
  const maxIterations = numberIn("descend: maxIterations", options.maxIterations ?? 100, { min: 0, integer: true });
  if (tolerance !== undefined) numberIn("descend: toleranceGradient", tolerance, { min: 0 });
  const isFlat = (largest: number): boolean => tolerance !== undefined && largest <= tolerance;

  // The point and the next one, a gradient, the bounds, and what the rule remembers.
  const workspace = openWorkspace(start, { vectors: 8, doubles: 0, integers: 0 });
  try {
    const solution = yield* follow(start, rule, { maxIterations, project, isFlat }, workspace);
    return { ...solution, point: solution.point.slice() as A };
  } finally {
    workspace.close();
  }
}

interface FollowSettings {
  readonly maxIterations: number;
  readonly project: Projection | undefined;
  readonly isFlat: (largest: number) => boolean;
}

/** {@link descend} with its memory from `workspace`, that of the solution included. */
function* follow<A extends FloatArray>(
  start: A,
  rule: UpdateRule,
  { maxIterations, project, isFlat }: FollowSettings,
  workspace: Workspace<A>,
): Solver<A> {
  let point = startingPoint("descend", start, project, workspace);
  let next = workspace.vectors();
  const update = rule(point, project);
  const place = workspace.vectors();
  const adopted = ({ value, gradient }: Evaluation<A>) => ({ value, gradient: workspace.adopt(gradient, place) });
  let answer = adopted(yield { point, iteration: 0 });
  let largest = largestIfFinite(answer);
  if (Number.isNaN(largest)) {
    return { point, value: Number.POSITIVE_INFINITY, outcome: "non-finite", iterations: 0, evaluations: 1 };
  }
  for (let iteration = 1; iteration <= maxIterations; iteration++) {
    const { value, gradient } = answer;
    if (isFlat(largest) || !update(gradient, point, next)) {
      return { point, value, outcome: "converged", iterations: iteration - 1, evaluations: iteration };
    }
    const trial = adopted(yield { point: next, iteration });
    largest = largestIfFinite(trial);
    if (Number.isNaN(largest)) {
      return { point, value, outcome: "non-finite", iterations: iteration, evaluations: iteration + 1 };
    }
    answer = trial;
    [point, next] = [next, point];
  }
  const outcome = isFlat(largest) ? "converged" : "iterations-exhausted";
  return { point, value: answer.value, outcome, iterations: maxIterations, evaluations: maxIterations + 1 };
}
