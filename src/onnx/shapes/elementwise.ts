/** @file Shape rules of the element-wise operators: the output has the (broadcast) shape of the inputs. */
import { broadcastShapes } from "../../tensor/shape.ts";
import type { DataType } from "../../tensor/tensor.ts";
import type { ShapeCall, ShapeRule } from "./shape-rule.ts";

/** The output is like the first input. */
const unary: ShapeRule = ({ inputs }) => [inputs[0]!];

/** The output has the shape that all inputs broadcast to, and `dtype` or else the first input's element type. */
function broadcast({ inputs, where }: ShapeCall, dtype?: DataType) {
  const present = inputs.filter((input) => input !== undefined);
  const shape = broadcastShapes(where, ...present.map((input) => input.shape));
  return [{ dtype: dtype ?? present[0].dtype, shape }];
}

const variadic: ShapeRule = (call) => broadcast(call);
const comparison: ShapeRule = (call) => broadcast(call, "bool");

export const Identity = unary;
export const Relu = unary;
export const Add = variadic;
export const Mul = variadic;
export const Greater = comparison;
export const Where: ShapeRule = (call) => broadcast(call, call.inputs[1]!.dtype);
