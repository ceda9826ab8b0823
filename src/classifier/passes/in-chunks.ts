/** @file More things than one call takes. */

/** What `run` gives for all of `inputs`, which it is given `size` at a time, one call after the other. */
export async function inChunks<In, Out>(
  inputs: readonly In[],
  size: number,
  run: (some: readonly In[]) => Promise<readonly Out[]>,
): Promise<Out[]> {
  const results: Out[] = [];
  for (let from = 0; from < inputs.length; from += size) {
    results.push(...(await run(inputs.slice(from, from + size))));
  }
  return results;
}
