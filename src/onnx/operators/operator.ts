/** @file An operator's record: what it takes, what shape comes out, what it computes and what else is true of it. */
import type { AttributeReader } from "../attributes.ts";
import type { Node, ValueType } from "../model.ts";
import type { NumericTensor } from "../numeric-tensor.ts";
import { type AnyInputs, type FirstInput, type InputsOf, type Signature, signatureOf } from "./signature.ts";
import type { Trait } from "./traits.ts";

interface Call<Inputs> {
  readonly node: Node;
  /** The node as messages name it: operator and name. */
  readonly where: string;
  readonly attributes: AttributeReader;
  readonly inputs: Inputs;
}

/** What a shape rule is told of a node; `inputs` are element types and static shapes. */
export interface ShapeCall<Inputs extends AnyInputs<ValueType> = AnyInputs<ValueType>> extends Call<Inputs> {
  /** The value of input `index` where it is known before the graph runs. */
  constant(index: number): NumericTensor | undefined;
}

/** What is known of a node where its work is counted. */
export interface WorkCall<Inputs extends AnyInputs<ValueType> = AnyInputs<ValueType>> extends ShapeCall<Inputs> {
  /** What the shape rule says of the outputs, one for each output that the operator can have. */
  readonly outputs: readonly ValueType[];
}

/** What a kernel is told of a node. */
export interface KernelCall<Inputs extends AnyInputs<NumericTensor> = AnyInputs<NumericTensor>> extends Call<Inputs> {
  /** What the shape rule says of the outputs, one for each output that the operator can have. */
  readonly outputs: readonly ValueType[];
}

/**
 * The types of all outputs that an operator can have, in order; a node that names fewer uses the first ones. A rule that needs no more
 * than a first input fits every operator that has one.
 */
export type ShapeRule<Inputs extends AnyInputs<ValueType> = FirstInput<ValueType>> = (
  call: ShapeCall<Inputs>,
) => readonly ValueType[];

/**
 * What an operator computes, in float64: the outputs, in order and of the types in `call.outputs`. Optional trailing ones may be
 * left out if the node does not name them.
 */
export type Kernel<Inputs extends AnyInputs<NumericTensor> = FirstInput<NumericTensor>> = (
  call: KernelCall<Inputs>,
) => readonly NumericTensor[];

/** What {@link operator} makes a record of. */
export interface OperatorDefinition<Form extends string> {
  /** The inputs, a word each: "f f f?" for two floating-point inputs and one that may be left out. The letters are in `signature.ts`. */
  readonly inputs: Form;
  /** The attributes, a word each: "alpha:float mode:nearest,linear". */
  readonly attributes?: string;
  readonly shape: ShapeRule<InputsOf<NoInfer<Form>, ValueType>>;
  readonly kernel: Kernel<InputsOf<NoInfer<Form>, NumericTensor>>;
  /** How many steps its loops take where that is more than the elements of inputs and outputs: products of a sum, taps of all windows. */
  readonly work?: (call: WorkCall<InputsOf<NoInfer<Form>, ValueType>>) => number;
  readonly traits?: readonly Trait[];
}

/** All that this package knows of an operator, but for its derivative. */
export interface OperatorRecord {
  readonly signature: Signature;
  shape(call: ShapeCall): readonly ValueType[];
  kernel(call: KernelCall): readonly NumericTensor[];
  work(call: WorkCall): number;
  readonly traits: ReadonlySet<Trait>;
}

/** The record of an operator. Its shape rule and its kernel are called with inputs that fit its signature only: `check-node.ts` sees to it. */
export function operator<const Form extends string>(definition: OperatorDefinition<Form>): OperatorRecord {
  const { inputs, attributes = "", shape, kernel, work = () => 1, traits = [] } = definition;
  return {
    signature: signatureOf(inputs, attributes),
    shape: shape as OperatorRecord["shape"],
    kernel: kernel as OperatorRecord["kernel"],
    work: work as OperatorRecord["work"],
    traits: new Set(traits),
  };
}
