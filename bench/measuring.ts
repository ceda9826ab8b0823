/** @file What all benchmarks count with: medians and quartiles, milliseconds, and turns in which programs do not disturb each other. */
import { setTimeout as sleep } from "node:timers/promises";
import { quantile as quantileOfSorted } from "../src/experiments/statistics/statistics.ts";

/** The quantile at `share` in [0, 1], between two values by linear interpolation. */
export const quantile = (values: readonly number[], share: number): number =>
  quantileOfSorted(
    values.toSorted((a, b) => a - b),
    share,
  );

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** The median with the quartiles in brackets. */
export const quartiles = (values: readonly number[], digits = 2): string =>
  `${median(values).toFixed(digits)} (${quantile(values, 0.25).toFixed(digits)}–${quantile(values, 0.75).toFixed(digits)})`;

/** Milliseconds that `run` takes. */
export async function timed(run: () => unknown): Promise<number> {
  const started = performance.now();
  await run();
  return performance.now() - started;
}

/**
 * By then, in milliseconds, the threads of the program whose turn it was have stopped to spin. They took half as much again from ResNet-50's gradient, and most from
 * what is short.
 */
const pause = 100;

/**
 * One turn, the milliseconds of its fastest run: what takes milliseconds is at the mercy of whatever else the machine does. A search runs a graph again and again, so
 * that the first run, which finds caches cold and threads asleep, does not count. It says to `repeats` how long it took, where that decides how many are to follow.
 */
export async function turn(
  run: () => Promise<number>,
  repeats: number | ((firstMs: number) => number),
): Promise<number> {
  await sleep(pause);
  const first = await run();
  const count = typeof repeats === "number" ? repeats : repeats(first);
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < count; i++) least = Math.min(least, await run());
  return least;
}
