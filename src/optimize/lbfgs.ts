/** @file Limited-memory BFGS, free or under a projection. */
import { checkForm, checkKeys, numberIn, oneOf } from "../errors.ts";
import { openWorkspace, type Workspace } from "../simd/workspace.ts";
import { type FloatArray, sumOfMagnitudes } from "../tensor/vector.ts";
import { type BindingSet, bindingSetFinder, bindingSetSize } from "./binding-set.ts";
import { boundsOf } from "./bounds.ts";
import { curvatureHistory, curvatureHistorySize } from "./curvature-history.ts";
import { backtrack } from "./line-search.ts";
import type { PairMeasures } from "./pair-products.ts";
import {
  type Evaluation,
  largestIfFinite,
  type Outcome,
  type Projection,
  type Query,
  type Solution,
  type Solver,
  startingPoint,
} from "./solver.ts";
import { type Constraint, gainAlong, moveTo, scaleInPlace } from "./steps.ts";

export interface LbfgsOptions {
  /** Steps at most; default 20. */
  readonly maxIterations?: number;
  /** Evaluations at most, the start included; default 5/4 of maxIterations, but enough for one each and the start. */
  readonly maxEvaluations?: number;
  /** Curvature pairs remembered; default 100. Memory grows to 2·(history + 1) arrays of the size of the point. */
  readonly history?: number;
  /** The step length tried first (the very first step is shortened further, see {@link lbfgs}); default 1. */
  readonly learningRate?: number;
  /** Stop when no element of the gradient is larger than this; default 1e-7. */
  readonly toleranceGradient?: number;
  /** Stop when the value, or every element of the point, changes by no more than this; default 1e-9. */
  readonly toleranceChange?: number;
  /** `none` takes every step as it comes; `armijo` shortens it until the value falls enough. Default `none`. */
  readonly lineSearch?: LineSearch;
  /** Applied to the start and to every point before it is evaluated; default none. */
  readonly project?: Projection;
}

export const lineSearches = ["none", "armijo"] as const;
export type LineSearch = (typeof lineSearches)[number];

const optionKeys: readonly (keyof LbfgsOptions)[] = [
  "maxIterations",
  "maxEvaluations",
  "history",
  "learningRate",
  "toleranceGradient",
  "toleranceChange",
  "lineSearch",
  "project",
];

/** The share of the decrease promised by the slope that a step must bring (Nocedal & Wright 2006, eq. 3.4). */
const sufficientDecrease = 1e-4;
/** Units in the last place that two values must differ by for their difference to be believed. */
const resolutionUlps = 16;
/** Trials per line search: a step shortened to 2⁻²⁰ at most and 10⁻²⁰ at least has left any sensible scale. */
const maxTrials = 20;

/**
 * A solver that minimizes by L-BFGS from `start`, and returns its last point.
 *
 * With `lineSearch: "none"` and no projection, the points visited are those of `torch.optim.LBFGS` without line search: the
 * first step has length min(1, 1/‖g‖₁)·learningRate along −g, every later one learningRate along −H·g; a curvature pair counts if
 * yᵀs > 1e-10; H starts from yᵀs/yᵀy of the newest pair; the search ends when max|g| ≤ toleranceGradient, gᵀd > −toleranceChange,
 * max|Δpoint| ≤ toleranceChange or |Δvalue| < toleranceChange. The value may rise on the way: wrap the solver in `bestSoFar`.
 * Deviation: torch leaves the last point unevaluated; here it is evaluated, so that the solution has a value. So
 * maxIterations steps are maxIterations + 1 evaluations.
 *
 * With `lineSearch: "armijo"`, steps are shortened (Nocedal & Wright 2006, section 3.5) until f(x⁺) ≤ f(x) + 10⁻⁴·gᵀ(x⁺ − x);
 * where the two values are equal but
 * for 16 units in the last place of the point's precision, no decrease can be read from them, and the slopes decide: gᵀ(x⁺ − x)
 * with the gradient at x⁺ must be at most (2·10⁻⁴ − 1) times what it is with that at x (the approximate Wolfe condition of Hager &
 * Zhang 2005, eq. 4.1). Values that are not finite count as too high; if no step along −H·g does, the history is dropped and −g tried. A pair counts
 * if the cosine of y and s exceeds 1e-8.
 *
 * With `project`, each iterate is x⁺ = P(x + t·d) ("we clip the solution at each iteration", section 3 of the paper) and s is
 * the difference of the projected points, what was really moved. Clipping a quasi-Newton step alone can stall or climb, so
 * elements that lie on a bound with the negative gradient pointing outward are left out of d and of H, which makes d a
 * descent direction along the projected arc for boxes (the two-metric projection of Bertsekas 1982; the same for quasi-Newton
 * in Schmidt, van den Berg, Friedlander & Murphy 2009), and max|P(x − g) − x| takes the place of max|g|. For sets that are not
 * boxes use `armijo`, whose fall-back to −g is safe on any convex set.
 *
 * A value or gradient that is not finite ends a search without line search with the outcome `non-finite` and the last point.
 * Errors: MisuseError for unknown or impossible options and a start that is not finite.
 */
export function lbfgs(start: Float32Array, options?: LbfgsOptions): Solver;
export function lbfgs(start: Float64Array, options?: LbfgsOptions): Solver<Float64Array>;
export function lbfgs<A extends FloatArray>(start: A, options?: LbfgsOptions): Solver<A>;
export function* lbfgs<A extends FloatArray>(start: A, options: LbfgsOptions = {}): Solver<A> {
  checkForm("lbfgs: start", start, "numbers");
  checkKeys("lbfgs", options, optionKeys);
  const maxIterations = numberIn("lbfgs: maxIterations", options.maxIterations ?? 20, { min: 0, integer: true });
  const maxEvaluations = numberIn(
    "lbfgs: maxEvaluations",
    options.maxEvaluations ?? Math.max(maxIterations + 1, Math.floor((maxIterations * 5) / 4)),
    { min: 1, integer: true },
  );
  const capacity = numberIn("lbfgs: history", options.history ?? 100, { min: 1, integer: true });
  const learningRate = numberIn("lbfgs: learningRate", options.learningRate ?? 1, { min: Number.MIN_VALUE });
  const toleranceGradient = numberIn("lbfgs: toleranceGradient", options.toleranceGradient ?? 1e-7, { min: 0 });
  const toleranceChange = numberIn("lbfgs: toleranceChange", options.toleranceChange ?? 1e-9, { min: 0 });
  const searches = oneOf("lbfgs: lineSearch", options.lineSearch ?? "none", lineSearches) === "armijo";
  const { project } = options;
  // More pairs than iterations can never arise.
  const pairs = Math.max(1, Math.min(capacity, maxIterations));
  const sizes = [curvatureHistorySize(pairs), bindingSetSize(start), { vectors: 4, doubles: 1, integers: 0 }];
  const workspace = openWorkspace(start, {
    vectors: sizes.reduce((sum, { vectors }) => sum + vectors, 0),
    doubles: sizes.reduce((sum, { doubles }) => sum + doubles, 0),
    integers: sizes.reduce((sum, { integers }) => sum + integers, 0),
  });
  const settings = { maxIterations, maxEvaluations, pairs, learningRate, toleranceGradient, toleranceChange, searches };
  try {
    return yield* minimize(start, { ...settings, project }, workspace);
  } finally {
    workspace.close();
  }
}

/** Complete options of {@link lbfgs}. */
interface LbfgsSettings {
  readonly maxIterations: number;
  readonly maxEvaluations: number;
  readonly pairs: number;
  readonly learningRate: number;
  readonly toleranceGradient: number;
  readonly toleranceChange: number;
  readonly searches: boolean;
  readonly project: Projection | undefined;
}

/** {@link lbfgs} with its memory from `workspace`. */
function* minimize<A extends FloatArray>(start: A, settings: LbfgsSettings, workspace: Workspace<A>): Solver<A> {
  const { maxIterations, maxEvaluations, pairs, learningRate, toleranceGradient, toleranceChange } = settings;
  const { searches, project } = settings;
  let point = startingPoint("lbfgs", start, project, workspace);
  let trial = workspace.vectors();
  const answers: Answers<A> = { workspace, place: workspace.vectors() };
  let spare = workspace.vectors();
  const gain = workspace.doubles(1);
  const history = curvatureHistory(
    start,
    { capacity: pairs, isUsable: searches ? hasPositiveCosine : exceedsTorchThreshold },
    workspace,
  );
  const bounds = boundsOf(project, start, workspace);
  const findBindingSet = project === undefined ? undefined : bindingSetFinder(start, project, workspace, bounds);

  let isSettled = false;
  let iterations = 0;
  let evaluations = 1;
  let { value, gradient } = adopted(yield { point, iteration: 0 }, answers);
  // The workspace takes its memory back; the point is the caller's.
  const finish = (outcome: Outcome): Solution<A> => {
    return { point: point.slice() as A, value, outcome, iterations, evaluations };
  };
  let largest = largestIfFinite({ value, gradient });
  if (Number.isNaN(largest)) {
    value = Number.POSITIVE_INFINITY;
    return finish("non-finite");
  }

  while (true) {
    const binding: BindingSet | undefined = findBindingSet?.(point, gradient);
    if ((binding?.residual ?? largest) <= toleranceGradient) return finish("converged");
    if (isSettled) return finish("settled");
    if (iterations >= maxIterations) return finish("iterations-exhausted");
    if (evaluations >= maxEvaluations) return finish("evaluations-exhausted");
    iterations++;

    let { direction, slope } = history.direct(gradient, binding);
    if (searches && slope > -toleranceChange && history.size() > 0) {
      // Rounding has spoiled the history; with it gone, the direction is −g and cannot but descend.
      history.clear();
      ({ direction, slope } = history.direct(gradient, binding));
    }
    if (!Number.isFinite(slope)) return finish("non-finite");
    if (slope > -toleranceChange) return finish("settled");

    const isFirst = searches ? history.size() === 0 : iterations === 1;
    const length = (isFirst ? Math.min(1, 1 / freeSum(gradient, binding)) : 1) * learningRate;
    const constraint = { project, bounds, gain };
    const from: Origin<A> = { point, value, gradient, direction, slope, constraint, iteration: iterations };
    [answers.place, spare] = [spare, answers.place];
    const step = searches
      ? yield* armijoStep(from, length, trial, Math.min(maxTrials, maxEvaluations - evaluations), answers)
      : yield* fullStep(from, length, trial, answers);
    evaluations += step.trials;
    if (step.answer === undefined) {
      if (!searches) return finish("non-finite");
      if (evaluations >= maxEvaluations) return finish("evaluations-exhausted");
      if (history.size() === 0) return finish("line-search-failed");
      history.clear();
      [answers.place, spare] = [spare, answers.place];
      continue;
    }

    // From here on the direction is the step that was taken; under a projection, that is the change of the point.
    if (project === undefined) scaleInPlace(direction, step.length);
    [point, trial] = [trial, point];
    const previous = { value, gradient };
    ({ value, gradient } = step.answer);
    largest = step.largest;
    if (project === undefined) history.push(direction, gradient, previous.gradient);
    else history.push(point, gradient, previous.gradient, trial);
    isSettled = step.moved <= toleranceChange || Math.abs(value - previous.value) < toleranceChange;
  }
}

/** Torch's rule for a pair; absolute, so it depends on the scale of the objective. */
function exceedsTorchThreshold({ ys }: PairMeasures): boolean {
  return ys > 1e-10;
}

/** A rule that does not depend on the scale of the objective or of the point; below it, yᵀs is mostly rounding. */
function hasPositiveCosine({ ys, yy, ss }: PairMeasures): boolean {
  return ys > 1e-8 * Math.sqrt(yy * ss);
}

/** The point that a step leaves from, and where to. */
interface Origin<A extends FloatArray> {
  readonly point: A;
  readonly value: number;
  readonly gradient: A;
  readonly direction: A;
  readonly slope: number;
  readonly constraint: Constraint;
  readonly iteration: number;
}

/** Where the next answer's gradient goes. */
interface Answers<A extends FloatArray> {
  readonly workspace: Workspace<A>;
  place: A;
}

/** The answer, with a gradient that the kernels can work on. */
function adopted<A extends FloatArray>(answer: Evaluation<A>, { workspace, place }: Answers<A>): Evaluation<A> {
  return { value: answer.value, gradient: workspace.adopt(answer.gradient, place) };
}

/** A step tried; without an answer if no trial was acceptable. */
interface Step<A extends FloatArray> {
  readonly answer?: Evaluation<A>;
  readonly length: number;
  readonly trials: number;
  /** The largest magnitude in the step. */
  readonly moved: number;
  /** The largest magnitude in the answer's gradient. */
  readonly largest: number;
}

type Search<A extends FloatArray> = Generator<Query<A>, Step<A>, Evaluation<A>>;

/** Takes the step as it is; leaves the new point in `trial`. */
function* fullStep<A extends FloatArray>(from: Origin<A>, length: number, trial: A, answers: Answers<A>): Search<A> {
  const { moved } = moveTo(trial, from.point, length, from.direction, from.gradient, from.constraint);
  const answer = adopted(yield { point: trial, iteration: from.iteration }, answers);
  const largest = largestIfFinite(answer);
  return { answer: Number.isNaN(largest) ? undefined : answer, length, trials: 1, moved, largest };
}

/** Shortens the step until the value falls enough; leaves the new point in `trial`. */
function* armijoStep<A extends FloatArray>(
  from: Origin<A>,
  first: number,
  trial: A,
  maxTrials: number,
  answers: Answers<A>,
): Search<A> {
  const { value, slope } = from;
  let length = first;
  let before: { step: number; value: number } | undefined;
  for (let trials = 1; trials <= maxTrials; trials++) {
    const { moved, gain } = moveTo(trial, from.point, length, from.direction, from.gradient, from.constraint);
    const answer = adopted(yield { point: trial, iteration: from.iteration }, answers);
    const largest = largestIfFinite(answer);
    const finite = !Number.isNaN(largest);
    if (finite && descends(from, gain ?? length * slope, trial, answer))
      return { answer, length, trials, moved, largest };
    const stepValue = finite ? answer.value : Number.NaN;
    const shorter = backtrack({ value, slope, step: length, stepValue, before });
    before = finite ? { step: length, value: stepValue } : undefined;
    length = shorter;
  }
  return { length, trials: maxTrials, moved: 0, largest: Number.NaN };
}

/** Whether the step to `trial`, which promised a change of the value, lowers it enough. */
function descends<A extends FloatArray>(from: Origin<A>, promised: number, trial: A, answer: Evaluation<A>): boolean {
  const { point, value } = from;
  const change = answer.value - value;
  // On an arc a long step can promise nothing; then the value must at least not rise.
  if (change <= sufficientDecrease * Math.min(0, promised)) return true;
  const epsilon = point instanceof Float32Array ? 2 ** -23 : 2 ** -52;
  if (Math.abs(change) > resolutionUlps * epsilon * Math.abs(value) || promised >= 0) return false;
  return gainAlong(answer.gradient, point, trial) <= (2 * sufficientDecrease - 1) * promised;
}

/** The sum of the magnitudes of the gradient's elements that are not bound. */
function freeSum(gradient: FloatArray, binding: BindingSet | undefined): number {
  let sum = sumOfMagnitudes(gradient);
  if (binding === undefined) return sum;
  for (let k = 0; k < binding.count; k++) sum -= Math.abs(gradient[binding.indices[k]]);
  return sum;
}
