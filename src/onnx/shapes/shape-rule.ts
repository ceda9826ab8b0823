/** @file The type of a shape rule: what an operator's outputs look like, given what its inputs look like. */
import type { AttributeReader } from "../attributes.ts";
import type { NumericTensor } from "../kernels/kernel.ts";
import type { Node, ValueType } from "../model.ts";

export interface ShapeCall {
  readonly node: Node;
  /** The node as messages name it: operator and name. */
  readonly where: string;
  readonly attributes: AttributeReader;
  /** Element type and static shape of each input; undefined for an optional one that is left out. */
  readonly inputs: readonly (ValueType | undefined)[];
  /** The value of input `index` where it is known before the graph runs. */
  constant(index: number): NumericTensor | undefined;
}

/** The types of all outputs that the operator can have, in order; a node that names fewer uses the first ones. */
export type ShapeRule = (call: ShapeCall) => readonly ValueType[];
