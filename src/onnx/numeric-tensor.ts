/** @file Tensors as the float64 reference evaluator sees them. */
import { type DataType, numbersOf, type Shape, type Tensor } from "../tensor/tensor.ts";

/**
 * A tensor as the reference kernels see it: every element a float64, whatever `dtype` says. `dtype` still decides what an
 * operation means (integer division truncates, booleans are 0 or 1); floats are never rounded to fewer bits.
 */
export interface NumericTensor {
  readonly dtype: DataType;
  readonly shape: Shape;
  readonly data: Float64Array;
}

/** `tensor` with its elements as float64 (shared if they are already). */
export function numeric(tensor: Tensor): NumericTensor {
  const numbers = numbersOf(tensor);
  const data = numbers instanceof Float64Array ? numbers : Float64Array.from(numbers);
  return { dtype: tensor.dtype, shape: tensor.shape, data };
}
