/** @file What tests against others' code do with the numbers that it gave: draw them again, and compare with them. */

/** A generator that gives these numbers and no others. */
export function replay(...draws: readonly (readonly number[])[]): () => number {
  const all = draws.flat();
  let next = 0;
  return () => {
    if (next >= all.length) throw new Error("more numbers were drawn than there are");
    return all[next++];
  };
}

/** The largest difference between `found` and `expected`, NaN where one is; all that is expected is compared. */
export function apart(found: ArrayLike<number>, expected: readonly number[]): number {
  return expected.reduce((largest, value, i) => Math.max(largest, Math.abs(found[i] - value)), 0);
}
