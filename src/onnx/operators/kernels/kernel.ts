/** @file The type of a reference kernel: what an operator computes, in float64. */
import type { AttributeReader } from "../../attributes.ts";
import type { Node, ValueType } from "../../model.ts";
import type { NumericTensor } from "../../numeric-tensor.ts";

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
