/** @file The type of a reference kernel: what an operator computes, in float64. */
import { type DataType, numbersOf, type Shape, type Tensor } from "../../../tensor/tensor.ts";
import type { AttributeReader } from "../../attributes.ts";
import type { Node, ValueType } from "../../model.ts";

/**
 * A tensor as the reference kernels see it: every element a float64, whatever `dtype` says. `dtype` still decides what an
 * operation means (integer division truncates, booleans are 0 or 1); floats are never rounded to fewer bits.
 */
export interface NumericTensor {
  readonly dtype: DataType;
  readonly shape: Shape;
  readonly data: Float64Array;
}

export interface KernelCall {
  readonly node: Node;
  readonly where: string;
  readonly attributes: AttributeReader;
  readonly inputs: readonly (NumericTensor | undefined)[];
  /** What the shape rule says of the outputs, one for each output that the operator can have. */
  readonly outputs: readonly ValueType[];
}

/** The outputs, in order and of the types in `call.outputs`; optional trailing ones may be left out if the node does not name them. */
export type Kernel = (call: KernelCall) => readonly NumericTensor[];

/** `tensor` with its elements as float64 (shared if they are already). */
export function numeric(tensor: Tensor): NumericTensor {
  const numbers = numbersOf(tensor);
  const data = numbers instanceof Float64Array ? numbers : Float64Array.from(numbers);
  return { dtype: tensor.dtype, shape: tensor.shape, data };
}
