/** @file Drivers answer solvers: alone and synchronously, alone and asynchronously, or many in lockstep on one batch. */
import { checkForm, checkKeys, MisuseError, throwIfAborted } from "../errors.ts";
import type { FloatArray } from "../tensor/vector.ts";
import type { Evaluation, Query } from "./solver.ts";

/** Anything that asks like a solver and returns an `R`; E is what it must be answered, A the array of its points. */
export type Asker<R, E, A extends FloatArray> = Generator<Query<A>, R, E>;

/** What a driver reports after each answer; the point is the solver's own and must not be kept or changed. */
export interface DriveProgress<E, A extends FloatArray = Float32Array> {
  readonly point: A;
  readonly evaluation: E;
  /** The number of this evaluation, from 0, counted per solver. */
  readonly index: number;
  readonly iteration: number;
  /** Which solver of a batch; 0 for a solver that runs alone. */
  readonly row: number;
}

export interface DriveOptions<E, A extends FloatArray = Float32Array> {
  /** Aborts between evaluations; the driver then throws an AbortedError. */
  readonly signal?: AbortSignal;
  /** Called after each evaluation, before the solver sees it. */
  readonly onEvaluation?: (progress: DriveProgress<E, A>) => void;
}

const driveKeys: readonly (keyof DriveOptions<unknown>)[] = ["signal", "onEvaluation"];

/** What the solver returns, every query answered by `evaluate` at once. */
export function driveSync<R, E extends Evaluation<A>, A extends FloatArray = Float32Array>(
  solver: Asker<R, E, A>,
  evaluate: (point: A) => E,
  options: DriveOptions<E, A> = {},
): R {
  checkKeys("driveSync", options, driveKeys);
  checkForm("driveSync: solver", solver, ["next"]);
  checkForm("driveSync: evaluate", evaluate, "function");
  let state = solver.next();
  for (let index = 0; !state.done; index++) {
    throwIfAborted(options.signal, "driveSync");
    const { point, iteration } = state.value;
    const evaluation = evaluate(point);
    options.onEvaluation?.({ point, evaluation, index, iteration, row: 0 });
    state = solver.next(evaluation);
  }
  return state.value;
}

/** What the solver returns, every query answered by awaiting `evaluate`. Throws an AbortedError when `signal` aborts. */
export async function drive<R, E extends Evaluation<A>, A extends FloatArray = Float32Array>(
  solver: Asker<R, E, A>,
  evaluate: (point: A) => Promise<E>,
  options: DriveOptions<E, A> = {},
): Promise<R> {
  checkKeys("drive", options, driveKeys);
  checkForm("drive: solver", solver, ["next"]);
  checkForm("drive: evaluate", evaluate, "function");
  let state = solver.next();
  for (let index = 0; !state.done; index++) {
    throwIfAborted(options.signal, "drive");
    const { point, iteration } = state.value;
    const evaluation = await evaluate(point);
    // Again, since the answer of a run that was aborted need not mean anything.
    throwIfAborted(options.signal, "drive");
    options.onEvaluation?.({ point, evaluation, index, iteration, row: 0 });
    state = solver.next(evaluation);
  }
  return state.value;
}

/**
 * What each solver returns, in order, all of them run in lockstep: each round, `evaluate` gets one point per solver and gives
 * one evaluation per point. A solver that has finished stays in the batch with its last query, its flag in `active` is false,
 * and what it is answered is ignored. Each solver sees what it would see alone, so its result is the same bit for bit if
 * `evaluate` treats the rows independently.
 *
 * Errors: MisuseError if the number of evaluations is not the number of solvers; AbortedError when `signal` aborts.
 */
export async function driveBatch<R, E extends Evaluation<A>, A extends FloatArray = Float32Array>(
  solvers: readonly Asker<R, E, A>[],
  evaluate: (points: readonly A[], active: readonly boolean[]) => Promise<readonly E[]>,
  options: DriveOptions<E, A> = {},
): Promise<R[]> {
  checkKeys("driveBatch", options, driveKeys);
  checkForm("driveBatch: solvers", solvers, "list");
  checkForm("driveBatch: evaluate", evaluate, "function");
  const states = solvers.map((solver) => solver.next());
  const queries = states.map((state, row) => {
    if (!state.done) return state.value;
    throw new MisuseError({
      where: `driveBatch: solvers[${row}]`,
      what: "it has no point to evaluate",
      expected: "a solver that was not run before",
      got: "a finished one",
    });
  });
  for (let index = 0; states.some((state) => !state.done); index++) {
    throwIfAborted(options.signal, "driveBatch");
    const active = states.map((state) => !state.done);
    const evaluations = await evaluate(
      queries.map((query) => query.point),
      active,
    );
    throwIfAborted(options.signal, "driveBatch");
    if (evaluations.length !== solvers.length) {
      throw new MisuseError({
        where: "driveBatch: evaluate",
        what: "wrong number of evaluations",
        expected: `${solvers.length}, one per point`,
        got: String(evaluations.length),
      });
    }
    solvers.forEach((solver, row) => {
      if (!active[row]) return;
      const { point, iteration } = queries[row];
      options.onEvaluation?.({ point, evaluation: evaluations[row], index, iteration, row });
      const state = solver.next(evaluations[row]);
      states[row] = state;
      if (!state.done) queries[row] = state.value;
    });
  }
  return states.map((state) => state.value as R);
}
