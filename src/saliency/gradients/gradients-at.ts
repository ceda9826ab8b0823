/** @file Gradients at many points near one image, in batches, one after the other in memory. */
import type { Classifier } from "../../classifier/classifier.ts";
import type { Output } from "../../classifier/passes/network-graphs.ts";
import { throwIfAborted } from "../../errors.ts";
import type { MethodOptions } from "../method.ts";

export interface GradientsAtOptions extends Pick<MethodOptions, "batch" | "signal" | "onProgress"> {
  readonly of: Output;
  /** The cotangent [K] of the class scores. */
  readonly seed: Float32Array;
  readonly count: number;
  /** Writes point `index` into `pixels` (flat [C, H, W]). Called in order. */
  readonly point: (index: number, pixels: Float32Array) => void;
  /** Takes the gradient (flat [C, H, W], with respect to pixels) at point `index`. Called in order; the array is the caller's only until it returns. */
  readonly take: (index: number, gradient: Float32Array) => void;
}

/**
 * Calls `take` with the gradient at each of `count` points; resolves when all are done. Memory does not grow with the count. With a
 * batch of more than one, runs hold that many points; the result is the same up to rounding.
 */
export async function gradientsAt(classifier: Classifier, size: number, options: GradientsAtOptions): Promise<void> {
  const { of, seed, count, point, take, signal, onProgress } = options;
  const batch = Math.min(options.batch ?? 1, count);
  const pass = await classifier.backward({ of, batch });
  const points = new Float32Array(batch * size);
  for (let first = 0; first < count; first += batch) {
    throwIfAborted(signal, "explain");
    const rows = Array.from({ length: Math.min(batch, count - first) }, (_, n) =>
      points.subarray(n * size, (n + 1) * size),
    );
    rows.forEach((row, n) => {
      point(first + n, row);
    });
    const results = await pass.run(
      rows.map((image) => ({ image, seed })),
      { signal },
    );
    results.forEach(({ gradient }, n) => {
      take(first + n, gradient);
    });
    onProgress?.({ done: first + rows.length, of: count });
  }
}
