/** @file A wrapper that makes any solver return the best of the points it evaluated. */
import { checkForm, checkKeys } from "../errors.ts";
import type { FloatArray } from "../tensor/vector.ts";
import type { Evaluation, Query, Solution, Solver } from "./solver.ts";

export interface BestSoFarOptions<E, A extends FloatArray = Float32Array> {
  /**
   * Whether `candidate` is to replace `incumbent`; default: its value is lower. Both have finite values. Drivers may answer
   * with more than value and gradient (logits, say), and this test may look at all of it.
   */
  readonly prefer?: (candidate: E, incumbent: E) => boolean;
  /** Ends the search, with the outcome `stopped`, after the first evaluation for which it is true; default never. */
  readonly until?: (evaluation: E, point: A) => boolean;
}

/** The best point and what was answered there; the rest is the inner solver's. */
export interface BestSolution<E, A extends FloatArray = Float32Array> extends Solution<A> {
  /** The answer at {@link Solution.point}; undefined if no value was finite. */
  readonly evaluation: E | undefined;
  /** The number of that evaluation, from 0; −1 if no value was finite. */
  readonly index: number;
}

/**
 * A solver that asks what `solver` asks, and returns the preferred one of all points evaluated (the first of equals), line-search
 * trials included. Evaluations whose value is not finite are never preferred; if there is no other, the inner solution's point
 * is returned with the index −1. The point is a copy.
 */
export function* bestSoFar<E extends Evaluation<A>, A extends FloatArray = Float32Array>(
  solver: Solver<A>,
  options: BestSoFarOptions<E, A> = {},
): Generator<Query<A>, BestSolution<E, A>, E> {
  checkKeys("bestSoFar", options, ["prefer", "until"]);
  checkForm("bestSoFar: solver", solver, ["next"]);
  const prefer = options.prefer ?? ((candidate: E, incumbent: E) => candidate.value < incumbent.value);
  let point: A | undefined;
  let evaluation: E | undefined;
  let index = -1;

  let state = solver.next();
  let evaluations = 0;
  while (!state.done) {
    const query = state.value;
    const answer = yield query;
    if (Number.isFinite(answer.value) && (evaluation === undefined || prefer(answer, evaluation))) {
      if (point === undefined) point = query.point.slice() as A;
      else point.set(query.point);
      evaluation = answer;
      index = evaluations;
    }
    evaluations++;
    if (options.until?.(answer, query.point)) {
      const kept = point ?? (query.point.slice() as A);
      const value = evaluation?.value ?? Number.POSITIVE_INFINITY;
      return { point: kept, value, outcome: "stopped", iterations: query.iteration, evaluations, evaluation, index };
    }
    state = solver.next(answer);
  }
  const inner = state.value;
  return { ...inner, point: point ?? inner.point, value: evaluation?.value ?? inner.value, evaluation, index };
}
