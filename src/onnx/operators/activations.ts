/** @file Activation functions. */
import { erf } from "./arithmetic/erf.ts";
import { checkBroadcasts, checkScalar } from "./check-shape.ts";
import { operator } from "./operator.ts";
import { binary, likeFirst, unary, unaryWith } from "./pointwise.ts";

export const Relu = operator({
  inputs: "n",
  shape: likeFirst,
  kernel: unary((x) => Math.max(x, 0)),
  traits: ["activation", "elementwise", "nonNegative"],
});

export const LeakyRelu = operator({
  inputs: "f",
  attributes: "alpha:float",
  shape: likeFirst,
  kernel: unaryWith(({ attributes }) => {
    const alpha = attributes.float("alpha", 0.01);
    return (x) => (x < 0 ? alpha * x : x);
  }),
  traits: ["activation", "elementwise"],
});

/** The slope broadcasts to the input, never the other way. */
export const PRelu = operator({
  inputs: "n n",
  shape: ({ where, inputs: [x, slope] }) => {
    checkBroadcasts(where, "the slope", slope.shape, x.shape);
    return [x];
  },
  kernel: binary((x, slope) => (x < 0 ? slope * x : x)),
  traits: ["activation", "keepsShape"],
});

export const ThresholdedRelu = operator({
  inputs: "f",
  attributes: "alpha:float",
  shape: likeFirst,
  kernel: unaryWith(({ attributes }) => {
    const alpha = attributes.float("alpha", 1);
    return (x) => (x > alpha ? x : 0);
  }),
  traits: ["activation", "elementwise"],
});

/** Where the bounds cross, the upper one wins. */
export const Clip = operator({
  inputs: "n n? n?",
  shape: ({ where, inputs: [x, least, largest] }) => {
    checkScalar(where, "the lower bound", least?.shape);
    checkScalar(where, "the upper bound", largest?.shape);
    return [x];
  },
  kernel: unaryWith(({ inputs: [, low, high] }) => {
    const [min, max] = [low?.data[0] ?? -Infinity, high?.data[0] ?? Infinity];
    return (x) => Math.min(Math.max(x, min), max);
  }),
  traits: ["activation", "elementwise"],
});

export const Elu = operator({
  inputs: "f",
  attributes: "alpha:float",
  shape: likeFirst,
  kernel: unaryWith(({ attributes }) => {
    const alpha = attributes.float("alpha", 1);
    return (x) => (x > 0 ? x : alpha * Math.expm1(x));
  }),
  traits: ["activation", "elementwise"],
});

export const Celu = operator({
  inputs: "f",
  attributes: "alpha:float",
  shape: likeFirst,
  kernel: unaryWith(({ attributes }) => {
    const alpha = attributes.float("alpha", 1);
    return (x) => Math.max(0, x) + Math.min(0, alpha * Math.expm1(x / alpha));
  }),
  traits: ["activation", "elementwise"],
});

export const Selu = operator({
  inputs: "f",
  attributes: "alpha:float gamma:float",
  shape: likeFirst,
  kernel: unaryWith(({ attributes }) => {
    const alpha = attributes.float("alpha", Math.fround(1.6732632));
    const gamma = attributes.float("gamma", Math.fround(1.050701));
    return (x) => gamma * (x > 0 ? x : alpha * Math.expm1(x));
  }),
  traits: ["activation", "elementwise"],
});

/** 1 / (1 + e⁻ˣ), in the form that does not overflow. */
function sigmoid(x: number): number {
  const e = Math.exp(-Math.abs(x));
  return x >= 0 ? 1 / (1 + e) : e / (1 + e);
}

export const Sigmoid = operator({
  inputs: "f",
  shape: likeFirst,
  kernel: unary(sigmoid),
  traits: ["activation", "elementwise", "probability", "gate", "nonNegative"],
});

export const HardSigmoid = operator({
  inputs: "f",
  attributes: "alpha:float beta:float",
  shape: likeFirst,
  kernel: unaryWith(({ attributes }) => {
    const [alpha, beta] = [attributes.float("alpha", 0.2), attributes.float("beta", 0.5)];
    return (x) => Math.max(0, Math.min(1, alpha * x + beta));
  }),
  traits: ["activation", "elementwise", "gate", "nonNegative"],
});

export const HardSwish = operator({
  inputs: "f",
  shape: likeFirst,
  kernel: unary((x) => x * Math.max(0, Math.min(1, x / 6 + 0.5))),
  traits: ["activation", "elementwise"],
});

export const Swish = operator({
  inputs: "f",
  attributes: "alpha:float",
  shape: likeFirst,
  kernel: unaryWith(({ attributes }) => {
    const alpha = attributes.float("alpha", 1);
    return (x) => x * sigmoid(alpha * x);
  }),
  traits: ["activation", "elementwise"],
});

/** x Φ(x), with Φ the normal distribution function or the usual approximation of it by tanh. */
export const Gelu = operator({
  inputs: "f",
  attributes: "approximate:none,tanh",
  shape: likeFirst,
  kernel: unaryWith(({ attributes }) =>
    attributes.string("approximate", "none") === "tanh"
      ? (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))
      : (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  ),
  traits: ["activation", "elementwise"],
});

/** ln(1 + eˣ), in the form that does not overflow. */
function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

export const Softplus = operator({
  inputs: "f",
  shape: likeFirst,
  kernel: unary(softplus),
  traits: ["activation", "elementwise", "nonNegative"],
});

export const Mish = operator({
  inputs: "f",
  shape: likeFirst,
  kernel: unary((x) => x * Math.tanh(softplus(x))),
  traits: ["activation", "elementwise"],
});

export const Tanh = operator({
  inputs: "f",
  shape: likeFirst,
  kernel: unary(Math.tanh),
  traits: ["activation", "elementwise"],
});

export const Softsign = operator({
  inputs: "f",
  shape: likeFirst,
  kernel: unary((x) => x / (1 + Math.abs(x))),
  traits: ["activation", "elementwise"],
});

export const Shrink = operator({
  inputs: "n",
  attributes: "bias:float lambd:float",
  shape: likeFirst,
  kernel: unaryWith(({ attributes }) => {
    const [lambda, bias] = [attributes.float("lambd", 0.5), attributes.float("bias", 0)];
    return (x) => (x < -lambda ? x + bias : x > lambda ? x - bias : 0);
  }),
  traits: ["activation", "elementwise"],
});
