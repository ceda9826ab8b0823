/** @file Shape rules of the element-wise operators: the output has the (broadcast) shape of the inputs. */
import { UnsupportedError } from "../../../errors.ts";
import { broadcastShapes } from "../../../tensor/shape.ts";
import type { DataType } from "../../../tensor/tensor.ts";
import { dataTypeOfNumber } from "../../file/tensor-proto.ts";
import { checkBroadcasts, checkScalar, type ShapeCall, type ShapeRule } from "./shape-rule.ts";

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
export const Add = variadic;
export const Sub = variadic;
export const Mul = variadic;
export const Div = variadic;
export const Sum = variadic;
export const Mean = variadic;
export const Max = variadic;
export const Min = variadic;
export const Pow = variadic;
export const Mod = variadic;

export const Less = comparison;
export const LessOrEqual = comparison;
export const Greater = comparison;
export const GreaterOrEqual = comparison;
export const Equal = comparison;
export const And = comparison;
export const Or = comparison;
export const Xor = comparison;
export const Not = unary;
export const Where: ShapeRule = (call) => broadcast(call, call.inputs[1]!.dtype);

export const Clip: ShapeRule = ({ where, inputs: [x, least, largest] }) => {
  checkScalar(where, "the lower bound", least?.shape);
  checkScalar(where, "the upper bound", largest?.shape);
  return [x!];
};

export const Cast: ShapeRule = ({ inputs: [x], attributes, where }) => {
  const to = attributes.int("to");
  const dtype = dataTypeOfNumber(to);
  if (dtype === undefined) throw new UnsupportedError({ where, what: `cannot cast to element type number ${to}` });
  return [{ dtype, shape: x!.shape }];
};

export const CastLike: ShapeRule = ({ inputs: [x, like] }) => [{ dtype: like!.dtype, shape: x!.shape }];

/** The inference form, and the training form with ratio 0, which drops nothing either; else an UnsupportedError. */
export const Dropout: ShapeRule = ({ where, inputs: [x, ratio, mode], constant }) => {
  const isTraining = mode !== undefined && constant(2)?.data[0] !== 0;
  const drops = ratio === undefined || constant(1)?.data[0] !== 0;
  if (!isTraining || !drops) return [x!, { dtype: "bool", shape: x!.shape }];
  throw new UnsupportedError({
    where,
    what: "Dropout in training mode, which gives another result each time",
    advice: "Export the model in evaluation mode.",
  });
};

export const Neg = unary;
export const Abs = unary;
export const Sign = unary;
export const Sqrt = unary;
export const Exp = unary;
export const Log = unary;
export const Relu = unary;
export const Sigmoid = unary;
export const LeakyRelu = unary;
export const HardSigmoid = unary;
export const Reciprocal = unary;
export const Erf = unary;
export const Floor = unary;
export const Ceil = unary;
export const Round = unary;
export const Sin = unary;
export const Cos = unary;
export const Tan = unary;
export const Asin = unary;
export const Acos = unary;
export const Atan = unary;
export const Sinh = unary;
export const Cosh = unary;
export const Tanh = unary;
export const Asinh = unary;
export const Acosh = unary;
export const Atanh = unary;
export const HardSwish = unary;
export const ThresholdedRelu = unary;
export const Shrink = unary;
export const Elu = unary;
export const Celu = unary;
export const Selu = unary;
export const Softplus = unary;
export const Softsign = unary;
export const Mish = unary;
export const Swish = unary;
export const Gelu = unary;
/** The slope broadcasts to the input, never the other way. */
export const PRelu: ShapeRule = ({ where, inputs: [x, slope] }) => {
  checkBroadcasts(where, "the slope", slope!.shape, x!.shape);
  return [x!];
};

const test: ShapeRule = ({ inputs: [x] }) => [{ dtype: "bool", shape: x!.shape }];
export const IsNaN = test;
export const IsInf = test;
