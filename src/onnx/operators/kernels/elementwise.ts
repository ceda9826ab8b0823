/** @file Reference kernels of the element-wise operators. */
import { UnsupportedError } from "../../../errors.ts";
import { type DataType, isFloating, sizeOf } from "../../../tensor/tensor.ts";
import type { NumericTensor } from "../../numeric-tensor.ts";
import { erf } from "../arithmetic/erf.ts";
import { broadcastTo } from "../arithmetic/strided.ts";
import type { Kernel, KernelCall } from "./kernel.ts";

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
export const Mean: Kernel = (call) => {
  const [total] = Sum(call);
  return [{ ...total, data: total.data.map((x) => x / call.inputs.length) }];
};
export const Max = variadic(Math.max);
export const Min = variadic(Math.min);
/** Integers are rounded toward zero, as when a float power is cast to the base's type. */
export const Pow = binary((dtype) => (isFloating(dtype) ? (a, b) => a ** b : (a, b) => Math.trunc(a ** b)));
/** The result has the dividend's sign if `fmod` is set, otherwise the divisor's. */
export const Mod: Kernel = ({ inputs: [a, b], attributes, outputs: [type] }) => {
  if (attributes.int("fmod", 0) !== 0) return [join(a!, b!, type, (x, y) => x % y)];
  const modulo = (x: number, y: number): number => {
    const rest = x % y;
    return rest !== 0 && rest < 0 !== y < 0 ? rest + y : rest;
  };
  return [join(a!, b!, type, modulo)];
};

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

export const CastLike = Cast;

/** What it is at inference or with ratio 0: the input, and a mask that keeps everything. */
export const Dropout: Kernel = ({ inputs: [x, ratio, training], outputs: [, mask], where }) => {
  if (training?.data[0] && ratio?.data[0] !== 0) {
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
export const Reciprocal = simple((x) => 1 / x);
export const Erf = simple(erf);
export const Floor = simple(Math.floor);
export const Ceil = simple(Math.ceil);
/** Halves go to the even neighbor. */
export const Round = simple((x) => {
  const down = Math.floor(x);
  const rest = x - down;
  return rest < 0.5 || (rest === 0.5 && down % 2 === 0) ? down : down + 1;
});
export const IsNaN = simple((x) => Number(Number.isNaN(x)));
export const IsInf = unary(({ attributes }) => {
  const [negative, positive] = [attributes.int("detect_negative", 1), attributes.int("detect_positive", 1)];
  return (x) => Number((positive && x === Infinity) || (negative && x === -Infinity));
});

export const Sin = simple(Math.sin);
export const Cos = simple(Math.cos);
export const Tan = simple(Math.tan);
export const Asin = simple(Math.asin);
export const Acos = simple(Math.acos);
export const Atan = simple(Math.atan);
export const Sinh = simple(Math.sinh);
export const Cosh = simple(Math.cosh);
export const Tanh = simple(Math.tanh);
export const Asinh = simple(Math.asinh);
export const Acosh = simple(Math.acosh);
export const Atanh = simple(Math.atanh);

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
export const HardSwish = simple((x) => x * Math.max(0, Math.min(1, x / 6 + 0.5)));
export const PRelu = variadic((x, slope) => (x < 0 ? slope * x : x));
export const ThresholdedRelu = unary(({ attributes }) => {
  const alpha = attributes.float("alpha", 1);
  return (x) => (x > alpha ? x : 0);
});
export const Shrink = unary(({ attributes }) => {
  const [lambda, bias] = [attributes.float("lambd", 0.5), attributes.float("bias", 0)];
  return (x) => (x < -lambda ? x + bias : x > lambda ? x - bias : 0);
});
export const Elu = unary(({ attributes }) => {
  const alpha = attributes.float("alpha", 1);
  return (x) => (x > 0 ? x : alpha * Math.expm1(x));
});
export const Celu = unary(({ attributes }) => {
  const alpha = attributes.float("alpha", 1);
  return (x) => Math.max(0, x) + Math.min(0, alpha * Math.expm1(x / alpha));
});
export const Selu = unary(({ attributes }) => {
  const alpha = attributes.float("alpha", Math.fround(1.6732632));
  const gamma = attributes.float("gamma", Math.fround(1.050701));
  return (x) => gamma * (x > 0 ? x : alpha * Math.expm1(x));
});

/** ln(1 + eˣ), in the form that does not overflow. */
function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

export const Softplus = simple(softplus);
export const Softsign = simple((x) => x / (1 + Math.abs(x)));
export const Mish = simple((x) => x * Math.tanh(softplus(x)));
export const Swish = unary(({ attributes }) => {
  const alpha = attributes.float("alpha", 1);
  return (x) => x * sigmoid(alpha * x);
});
/** x Φ(x), with Φ the normal distribution function or the usual approximation of it by tanh. */
export const Gelu = unary(({ attributes }) =>
  attributes.string("approximate", "none") === "tanh"
    ? (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))
    : (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
);
