/** @file Numbers as 64-bit integers: bounds "to the end" are read as 2^63, which no 64-bit integer is. */
import type { Shape, Tensor } from "../tensor/tensor.ts";

const largest = 2n ** 63n - 1n;
const smallest = -(2n ** 63n);

/** The 64-bit integer nearest to the whole number (or infinity) `value`. */
export function toInt64(value: number): bigint {
  if (value >= 2 ** 63) return largest;
  if (value <= -(2 ** 63)) return smallest;
  return BigInt(value);
}

/** An int64 tensor (1-D unless a shape is given) of the integers nearest to `values`. */
export function int64Tensor(values: readonly number[], shape: Shape = [values.length]): Tensor {
  return { dtype: "int64", shape, data: BigInt64Array.from(values, toInt64) };
}
