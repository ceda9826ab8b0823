/** @file Shape rules and kernels of operators that work element by element, made from the function of one element. */
import { broadcastShapes } from "../../tensor/shape.ts";
import { type DataType, sizeOf } from "../../tensor/tensor.ts";
import type { ValueType } from "../model.ts";
import type { NumericTensor } from "../numeric-tensor.ts";
import { broadcastTo } from "./arithmetic/strided.ts";
import type { Kernel, KernelCall, ShapeRule } from "./operator.ts";
import type { FirstInput } from "./signature.ts";

/** The output is like the first input. */
export const likeFirst: ShapeRule = ({ inputs: [x] }) => [x];

/** The output says something of each element of the first input: bool, of its shape. */
export const testOfFirst: ShapeRule = ({ inputs: [x] }) => [{ dtype: "bool", shape: x.shape }];

/** The shape to which all inputs broadcast. */
export function broadcastShape(where: string, inputs: readonly (ValueType | undefined)[]): number[] {
  // One after the other: a node may read more values than a call takes arguments.
  return inputs.reduce<number[]>(
    (shape, input) => (input === undefined ? shape : broadcastShapes(where, shape, input.shape)),
    [],
  );
}

/** The output has the shape that all inputs broadcast to, and the first one's element type. */
export const broadcast: ShapeRule = ({ where, inputs }) => {
  return [{ dtype: inputs[0].dtype, shape: broadcastShape(where, inputs) }];
};

/** As {@link broadcast}, of element type bool. */
export const comparison: ShapeRule = ({ where, inputs }) => [{ dtype: "bool", shape: broadcastShape(where, inputs) }];

/** A function of one number. */
type OfOne = (x: number) => number;
/** A function of two numbers. */
type OfTwo = (a: number, b: number) => number;
type Two = readonly [NumericTensor, NumericTensor];

/** The kernel that applies `f` to every element of the first input. */
export function unary(f: OfOne): Kernel {
  return unaryWith(() => f);
}

/** The kernel that applies a function to every element of the first input; `prepare` makes it, of the node's attributes and parameters. */
export function unaryWith(prepare: (call: KernelCall<FirstInput<NumericTensor>>) => OfOne): Kernel {
  return (call) => {
    const f = prepare(call);
    const [type] = call.outputs;
    return [{ ...type, data: call.inputs[0].data.map((x) => f(x)) }];
  };
}

/** The kernel that joins two inputs, broadcast to each other, by `f`. */
export function binary(f: OfTwo): Kernel<Two> {
  return binaryWith(() => f);
}

/** As {@link binary}; `choose` is told the first input's element type and the node. */
export function binaryWith(choose: (dtype: DataType, call: KernelCall<Two>) => OfTwo): Kernel<Two> {
  return (call) => {
    const { inputs, outputs } = call;
    const [a, b] = inputs;
    return [joined(a, b, outputs[0], choose(a.dtype, call))];
  };
}

/** The kernel that joins any number of inputs, broadcast to each other, by `f`, from left to right. */
export function variadic(f: OfTwo): Kernel<readonly [NumericTensor, ...NumericTensor[]]> {
  return ({ inputs: [first, ...others], outputs: [type] }) => {
    const start: NumericTensor = { ...type, data: broadcastTo(first, type.shape) };
    return [others.reduce((sum, next) => joined(sum, next, type, f), start)];
  };
}

/** The corresponding elements of `a` and `b`, both repeated to fill `type`'s shape, joined by `f`. */
function joined(a: NumericTensor, b: NumericTensor, type: ValueType, f: OfTwo): NumericTensor {
  const data = new Float64Array(sizeOf(type.shape));
  const [left, right] = [broadcastTo(a, type.shape), broadcastTo(b, type.shape)];
  for (let i = 0; i < data.length; i++) data[i] = f(left[i], right[i]);
  return { ...type, data };
}
