/** @file The loops of the convolutions: what the planes of the input add to a plane of the output. */
import { sizeOf } from "../../../tensor/tensor.ts";
import type { NumericTensor } from "../../numeric-tensor.ts";

/** A tensor [N, M, …] filled with its bias, or zeros. */
export function biased(shape: readonly number[], bias: NumericTensor | undefined): Float64Array {
  const [n, m, ...spatial] = shape;
  const plane = sizeOf(spatial);
  const data = new Float64Array(n * m * plane);
  if (bias !== undefined) {
    for (let i = 0; i < n * m; i++) data.fill(bias.data[i % m], i * plane, (i + 1) * plane);
  }
  return data;
}

/** Everything that one output plane of a convolution needs to know of its input planes, which lie one behind the other. */
export interface Planes {
  readonly input: Float64Array;
  /** Elements per input plane. */
  readonly size: number;
  /** How many input planes there are. */
  readonly count: number;
  readonly weight: Float64Array;
  /** From one input plane's first weight to the next one's. */
  readonly weightStep: number;
  /** The rows that a tap touches (see `rowsOf`), the output's position first. */
  readonly rows: Int32Array;
  /** Steps along a row of the input and of the output. */
  readonly inputStep: number;
  readonly outputStep: number;
}

/**
 * Adds to the plane of `data` that starts at `to` what the input planes from `from` on give, with the weights from `first` on.
 * Four planes at a time: the output is loaded and stored once for all four, which makes it twice as fast.
 */
export function addPlanes(data: Float64Array, to: number, planes: Planes, from: number, first: number): void {
  const { input, size, count, weight, weightStep, rows, inputStep, outputStep } = planes;
  let plane = 0;
  for (; plane + 4 <= count; plane += 4) {
    const start = from + plane * size;
    for (let r = 0; r < rows.length; r += 4) {
      const k = first + plane * weightStep + rows[r];
      const [a, b] = [weight[k], weight[k + weightStep]];
      const [c, d] = [weight[k + 2 * weightStep], weight[k + 3 * weightStep]];
      let o = to + rows[r + 1];
      let p = start + rows[r + 2];
      for (let i = rows[r + 3]; i > 0; i--) {
        data[o] += a * input[p] + b * input[p + size] + c * input[p + 2 * size] + d * input[p + 3 * size];
        o += outputStep;
        p += inputStep;
      }
    }
  }
  for (; plane < count; plane++) {
    const start = from + plane * size;
    for (let r = 0; r < rows.length; r += 4) {
      const a = weight[first + plane * weightStep + rows[r]];
      let o = to + rows[r + 1];
      let p = start + rows[r + 2];
      for (let i = rows[r + 3]; i > 0; i--) {
        data[o] += a * input[p];
        o += outputStep;
        p += inputStep;
      }
    }
  }
}
