/** @file Asynchronous work on many items, a few at a time. */
import { throwIfAborted } from "../errors.ts";

/**
 * The results of `work` for each item, in order, with at most `limit` under way at a time. Stops at the first error, and when
 * `signal` is aborted.
 */
export async function mapConcurrently<T, R>(
  items: readonly T[],
  work: (item: T, index: number) => Promise<R>,
  { limit = 16, signal }: { readonly limit?: number; readonly signal?: AbortSignal } = {},
): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  let failed = false;
  const worker = async (): Promise<void> => {
    while (next < items.length && !failed) {
      throwIfAborted(signal, "reading the data set");
      const index = next++;
      try {
        results[index] = await work(items[index], index);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}
