/** @file Gradients at many points near one image, in batches, one after the other in memory. */
import type { NetworkOutput } from "../../classifier/passes/network-graphs.ts";
import { throwIfAborted } from "../../errors.ts";
import type { MethodTask } from "../define-method.ts";

export interface GradientsAtOptions {
  readonly of: NetworkOutput;
  readonly count: number;
  /** Writes point `index` into `pixels` (flat [C, H, W]). Called in order. */
  readonly point: (index: number, pixels: Float32Array) => void;
  /** Takes the gradient (flat [C, H, W], with respect to pixels) at point `index`. Called in order; the array is the caller's only until it returns. */
  readonly take: (index: number, gradient: Float32Array) => void;
}

/**
 * Calls `take` with the gradient of the task's class score at each of `count` points; resolves when all are done. Memory does not grow
 * with the count. With a batch of more than one, runs hold that many points; the result is the same up to rounding.
 */
export async function gradientsAt(
  { classifier, image, seed, batch: wanted, signal, onProgress }: MethodTask<unknown>,
  { of, count, point, take }: GradientsAtOptions,
): Promise<void> {
  const size = image.data.length;
  const batch = Math.min(wanted ?? 1, count);
  const pass = await classifier.backward({ of, batch });
  const points = new Float32Array(batch * size);
  for (let first = 0; first < count; first += batch) {
    throwIfAborted(signal, "explain");
    const rows = Array.from({ length: Math.min(batch, count - first) }, (_, n) =>
      points.subarray(n * size, (n + 1) * size),
    );
    for (const [n, row] of rows.entries()) point(first + n, row);
    const inputs = rows.map((row) => ({ image: row, seed }));
    const results = await pass.run(inputs, { signal });
    for (const [n, { gradient }] of results.entries()) take(first + n, gradient);
    onProgress({ done: first + rows.length, of: count, unit: "gradients" });
  }
}
