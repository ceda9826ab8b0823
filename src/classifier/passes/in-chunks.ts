/** @file More images than a run of the network takes. */
import { MisuseError } from "../../errors.ts";

/**
 * A function that calls `run` for at most `perRun` of `count` things at a time, and puts the results together: a model that
 * cannot be opened for another batch than its own is run several times. It refuses none and more than `most`.
 */
export function runsOf(perRun: number, most: number) {
  return async <T>(count: number, run: (from: number, to: number) => Promise<T[]>): Promise<T[]> => {
    if (count < 1 || count > most) {
      throw new MisuseError({
        where: "classifier",
        what: "wrong number of images",
        expected: `1 to ${most}`,
        got: String(count),
      });
    }
    if (count <= perRun) return run(0, count);
    const results: T[] = [];
    for (let from = 0; from < count; from += perRun) {
      results.push(...(await run(from, Math.min(count, from + perRun))));
    }
    return results;
  };
}
