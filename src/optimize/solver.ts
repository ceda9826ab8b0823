/**
 * @file The vocabulary of this folder: a solver is a generator that yields the points it wants evaluated and returns a
 * {@link Solution}. It never evaluates, waits or throws for numerical reasons; a driver (drivers.ts) answers it. Points and
 * gradients are float32, as inference sessions are; float64 serves the tests and other callers.
 */
import { MisuseError } from "../errors.ts";
import { kernelsFor } from "../simd/kernels.ts";
import type { Workspace } from "../simd/workspace.ts";
import { type FloatArray, firstNotFinite } from "../tensor/vector.ts";

/** What a solver yields: a point that it wants evaluated. */
export interface Query<A extends FloatArray = Float32Array> {
  /** The solver's own array: read it before answering, do not keep or change it. */
  readonly point: A;
  /** The iteration that asks: 0 for the start, then counted from 1. A line search asks more than once per iteration. */
  readonly iteration: number;
}

/** What a solver is answered. It is handed over: the driver writes to neither the object nor its arrays afterwards. */
export interface Evaluation<A extends FloatArray = Float32Array> {
  /** The objective at the point. */
  readonly value: number;
  /** Its gradient, one element per element of the point. */
  readonly gradient: A;
}

/** Why a solver ended, one helpful sentence each. */
export const outcomeDescriptions = {
  converged: "The gradient (over the directions that the constraints leave free) is within toleranceGradient of zero.",
  settled: "A further step would change the value or the point by less than toleranceChange.",
  "iterations-exhausted": "All iterations were used; raise maxIterations if the value was still falling.",
  "evaluations-exhausted": "All evaluations were used; raise maxEvaluations if the value was still falling.",
  "line-search-failed":
    "No step along the steepest descent direction lowers the value: either the point is as good as the precision of the values allows, or the gradient does not belong to the value.",
  "non-finite":
    "The objective or its gradient became infinite or NaN; the solution is the last point where both were finite. Try a smaller learningRate or stepSize, or a line search.",
  stopped: "The caller's own test ended the search.",
} as const;

/** Why a solver ended; {@link outcomeDescriptions} has a sentence for each. */
export type Outcome = keyof typeof outcomeDescriptions;

/** What a solver returns. */
export interface Solution<A extends FloatArray = Float32Array> {
  /** The solver's final point; the caller's to keep. Always finite. */
  readonly point: A;
  /** The objective there; Infinity if it was not finite even at the start. */
  readonly value: number;
  readonly outcome: Outcome;
  /** Steps taken or tried. */
  readonly iterations: number;
  /** Queries answered. */
  readonly evaluations: number;
}

/** A running minimization: yields queries, is answered evaluations, returns a solution. */
export type Solver<A extends FloatArray = Float32Array> = Generator<Query<A>, Solution<A>, Evaluation<A>>;

/** Moves `point`, in place, to the nearest point of a convex set. */
export interface Projection {
  (point: FloatArray): void;
  /** The set, if it is a box: solvers then need not ask where its bounds are. */
  readonly box?: Box;
}

/** {x : low ≤ x ≤ high}; each a number for all elements, or one per element. */
export interface Box {
  readonly low: number | FloatArray;
  readonly high: number | FloatArray;
}

/**
 * Where a search begins: `start` in the memory of `workspace`, projected if there is a projection. Throws a MisuseError if an element is not
 * finite.
 */
export function startingPoint<A extends FloatArray>(
  where: string,
  start: A,
  project: Projection | undefined,
  workspace: Workspace<A>,
): A {
  const point = workspace.vectors();
  point.set(start);
  if (Number.isNaN(largestIfFinite({ value: 0, gradient: point }))) {
    const i = firstNotFinite(start);
    throw new MisuseError({ where, what: `start[${i}]`, expected: "a finite number", got: String(start[i]) });
  }
  project?.(point);
  return point;
}

/** The largest magnitude in the gradient; NaN if one of its elements or the value is infinite or NaN. */
export function largestIfFinite({ value, gradient }: Evaluation<FloatArray>): number {
  const kernels = kernelsFor(gradient);
  if (kernels !== undefined) {
    return Number.isFinite(value) ? kernels.largestIfFinite(gradient.byteOffset, gradient.length) : Number.NaN;
  }
  let largest = 0;
  // Zero times an infinity or a NaN is NaN, and NaN survives a sum: one pass without a second branch.
  let zero = value * 0;
  for (let i = 0; i < gradient.length; i++) {
    const magnitude = Math.abs(gradient[i]);
    if (magnitude > largest) largest = magnitude;
    zero += magnitude * 0;
  }
  return zero === 0 ? largest : Number.NaN;
}
