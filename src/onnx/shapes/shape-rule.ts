/** @file The type of a shape rule: what an operator's outputs look like, given what its inputs look like. */
import { UnsupportedError } from "../../errors.ts";
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

/** The numbers in input `index`, on which the output's shape depends; undefined if it is left out. Throws an UnsupportedError if they are not known before the graph runs. */
export function knownNumbers(
  { where, inputs, constant }: ShapeCall,
  index: number,
  what: string,
): number[] | undefined {
  if (inputs[index] === undefined) return undefined;
  const tensor = constant(index);
  if (tensor !== undefined) return Array.from(tensor.data);
  throw new UnsupportedError({
    where,
    what: `${what} depend on the graph's inputs`,
    advice: "Shapes must be fixed: export the model with a fixed input size.",
  });
}

/** As {@link knownNumbers}, for an input that must be there. */
export function requiredNumbers(call: ShapeCall, index: number, what: string): number[] {
  const numbers = knownNumbers(call, index, what);
  if (numbers !== undefined) return numbers;
  throw new UnsupportedError({ where: call.where, what: `${what} are missing` });
}
