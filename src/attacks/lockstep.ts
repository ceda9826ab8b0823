/** @file Searches that ask for one point after the other, many images at once. */
import { driveBatch } from "../optimize/drivers.ts";
import type { Evaluation, Query } from "../optimize/solver.ts";
import type { AttackTask, SearchContext, SearchResult } from "./attack.ts";

/** What a search for one image returns; what it cost is counted. */
export type Found<F> = Omit<SearchResult<F>, "cost">;

/** Answers the points of all tasks together. */
export type Evaluator<E extends Evaluation> = (
  points: readonly Float32Array[],
  active: readonly boolean[],
) => Promise<readonly E[]>;

/**
 * The function `run` of a search: every task has a generator of its own, which yields the points that it wants evaluated and returns what it
 * found. All of them run in lockstep; `evaluatorOf` makes what answers them. A generator sees what it would see alone. An answer that took more than one run of the
 * network says so in `runs`.
 */
export function inLockstep<E extends Evaluation & { readonly runs?: number }, F = undefined>(
  evaluatorOf: (tasks: readonly AttackTask[], context: SearchContext) => Promise<Evaluator<E>>,
  searchOf: (task: AttackTask, n: number) => Generator<Query, Found<F>, E>,
): (tasks: readonly AttackTask[], context: SearchContext) => Promise<SearchResult<F>[]> {
  return async (tasks, context) => {
    const evaluate = await evaluatorOf(tasks, context);
    const gradients = tasks.map(() => 0);
    const found = await driveBatch(
      tasks.map(searchOf),
      async (points, active) => {
        const evaluations = await evaluate(points, active);
        let runs = 0;
        for (const [n, isActive] of active.entries()) {
          if (!isActive) continue;
          const own = evaluations[n].runs ?? 1;
          gradients[n] += own;
          runs += own;
        }
        context.onGradients(runs);
        return evaluations;
      },
      { signal: context.signal },
    );
    return found.map((one, n) => ({ ...one, cost: { forward: 0, gradient: gradients[n] } }));
  };
}
