/** @file Reference kernels of the element-wise operators. */
import { UnsupportedError } from "../../errors.ts";
import { type DataType, isFloating, sizeOf } from "../../tensor/tensor.ts";
import type { Kernel, KernelCall, NumericTensor } from "./kernel.ts";
import { broadcastTo } from "./strided.ts";

/** The kernel that applies `f` to every element; `f` sees the call's attributes first. */
function unary(prepare: (call: KernelCall) => (x: number) => number): Kernel {
  return (call) => {
    const f = prepare(call);
    const [type] = call.outputs;
    return [{ ...type, data: call.inputs[0]!.data.map((x) => f(x)) }];
  };
}

/** The kernel that applies `f` to every element. */
function simple(f: (x: number) => number): Kernel {
  return unary(() => f);
}

/** The corresponding elements of `a` and `b`, both repeated to fill `type`'s shape, joined by `f`. */
function join(a: NumericTensor, b: NumericTensor, type: NumericTensor | KernelCall["outputs"][0], f: Join) {
  const data = new Float64Array(sizeOf(type.shape));
  const [left, right] = [broadcastTo(a, type.shape), broadcastTo(b, type.shape)];
  for (let i = 0; i < data.length; i++) data[i] = f(left[i], right[i]);
  return { ...type, data };
}
type Join = (a: number, b: number) => number;

/** The kernel that joins two broadcast inputs by `f`, which may depend on the first one's element type. */
function binary(choose: (dtype: DataType) => Join): Kernel {
  return ({ inputs: [a, b], outputs: [type] }) => [join(a!, b!, type, choose(a!.dtype))];
}

/** The kernel that joins any number of broadcast inputs by `f`, from left to right. */
function variadic(f: Join): Kernel {
  return ({ inputs: [first, ...others], outputs: [type] }) => {
    const start: NumericTensor = { ...type, data: broadcastTo(first!, type.shape) };
    return [others.reduce<NumericTensor>((sum, next) => join(sum, next!, type, f), start)];
  };
}

export const Identity: Kernel = ({ inputs }) => [inputs[0]!];

export const Add = variadic((a, b) => a + b);
export const Sub = variadic((a, b) => a - b);
export const Mul = variadic((a, b) => a * b);
/** Integers are divided toward zero. */
export const Div = binary((dtype) => (isFloating(dtype) ? (a, b) => a / b : (a, b) => Math.trunc(a / b)));
export const Sum = Add;
export const Max = variadic(Math.max);
export const Min = variadic(Math.min);
/** Integers are rounded toward zero, as when a float power is cast to the base's type. */
export const Pow = binary((dtype) => (isFloating(dtype) ? (a, b) => a ** b : (a, b) => Math.trunc(a ** b)));

export const Less = variadic((a, b) => Number(a < b));
export const LessOrEqual = variadic((a, b) => Number(a <= b));
export const Greater = variadic((a, b) => Number(a > b));
export const GreaterOrEqual = variadic((a, b) => Number(a >= b));
export const Equal = variadic((a, b) => Number(a === b));
export const And = variadic((a, b) => a && b);
export const Or = variadic((a, b) => a || b);
export const Xor = variadic((a, b) => Number(a !== b));
export const Not = simple((x) => Number(!x));

export const Where: Kernel = ({ inputs: [condition, a, b], outputs: [type] }) => {
  const [test, yes, no] = [condition!, a!, b!].map((input) => broadcastTo(input, type.shape));
  const data = new Float64Array(sizeOf(type.shape));
  for (let i = 0; i < data.length; i++) data[i] = test[i] ? yes[i] : no[i];
  return [{ ...type, data }];
};

/** Where the bounds cross, the upper one wins. */
export const Clip = unary(({ inputs: [, low, high] }) => {
  const [min, max] = [low?.data[0] ?? -Infinity, high?.data[0] ?? Infinity];
  return (x) => Math.min(Math.max(x, min), max);
});

/** To integers toward zero, to bool by comparison with 0; floats keep float64's precision whatever they are called. */
export const Cast: Kernel = ({ inputs: [x], outputs: [type] }) => {
  if (type.dtype === "bool") return [{ ...type, data: x!.data.map((value) => Number(value !== 0)) }];
  return [{ ...type, data: isFloating(type.dtype) ? x!.data : x!.data.map(Math.trunc) }];
};

/** What it is at inference: the input, and a mask that keeps everything. */
export const Dropout: Kernel = ({ inputs: [x, , training], outputs: [, mask], where }) => {
  if (training?.data[0]) {
    throw new UnsupportedError({ where, what: "is in training mode", advice: "Export the model for inference." });
  }
  return [x!, { ...mask, data: new Float64Array(x!.data.length).fill(1) }];
};

export const Neg = simple((x) => -x);
export const Abs = simple(Math.abs);
export const Sign = simple(Math.sign);
export const Sqrt = simple(Math.sqrt);
export const Exp = simple(Math.exp);
export const Log = simple(Math.log);

/** 1 / (1 + e⁻ˣ), in the form that does not overflow. */
function sigmoid(x: number): number {
  const e = Math.exp(-Math.abs(x));
  return x >= 0 ? 1 / (1 + e) : e / (1 + e);
}

export const Relu = simple((x) => Math.max(x, 0));
export const Sigmoid = simple(sigmoid);
export const LeakyRelu = unary(({ attributes }) => {
  const alpha = attributes.float("alpha", 0.01);
  return (x) => (x < 0 ? alpha * x : x);
});
export const HardSigmoid = unary(({ attributes }) => {
  const [alpha, beta] = [attributes.float("alpha", 0.2), attributes.float("beta", 0.5)];
  return (x) => Math.max(0, Math.min(1, alpha * x + beta));
});
