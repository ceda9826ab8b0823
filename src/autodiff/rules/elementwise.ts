/** @file VJP rules of the element-wise operators. */
import type { GraphBuilder, Value } from "../../onnx/builder.ts";
import { numberOfDataType } from "../../onnx/tensor-proto.ts";
import { reshapeTo } from "../linear-maps.ts";
import { unbroadcast } from "../unbroadcast.ts";
import type { VjpRule } from "../vjp-rule.ts";

/** `x` times a constant; itself where that is 1. */
function scaled(g: GraphBuilder, x: Value, factor: number): Value {
  return factor === 1 ? x : g.op("Mul", [x, g.scalar(factor, x.dtype)]);
}

/** y = x ⇒ x̄ = ȳ */
export const Identity: VjpRule = ({ cotangents: [dy] }) => [dy];

/** y = x at inference ⇒ x̄ = ȳ */
export const Dropout: VjpRule = ({ cotangents: [dy] }) => [dy];

/** y = x as another float type ⇒ x̄ = ȳ as x's type */
export const Cast: VjpRule = ({ g, inputs: [x], cotangents: [dy] }) => [castLike(g, dy!, x!)];

function castLike(g: GraphBuilder, value: Value, like: Value): Value {
  return value.dtype === like.dtype ? value : g.op("Cast", [value], { to: numberOfDataType(like.dtype) });
}

/** y = a + b + … ⇒ each input's cotangent is ȳ, summed over the axes along which it was repeated */
const sum: VjpRule = ({ g, inputs, cotangents: [dy], wants }) =>
  inputs.map((input, i) => (wants(i) ? unbroadcast(g, dy!, input!.shape) : undefined));
export const Add = sum;
export const Sum = sum;

/** y = a − b ⇒ ā = ȳ, b̄ = −ȳ */
export const Sub: VjpRule = ({ g, inputs: [a, b], cotangents: [dy], wants }) => [
  wants(0) ? unbroadcast(g, dy!, a!.shape) : undefined,
  wants(1) ? g.op("Neg", [unbroadcast(g, dy!, b!.shape)]) : undefined,
];

/** y = a · b ⇒ ā = ȳ · b, b̄ = ȳ · a */
export const Mul: VjpRule = ({ g, inputs, cotangents: [dy], wants }) => {
  const [a, b] = inputs;
  return [
    wants(0) ? unbroadcast(g, g.op("Mul", [dy, b]), a!.shape) : undefined,
    wants(1) ? unbroadcast(g, g.op("Mul", [dy, a]), b!.shape) : undefined,
  ];
};

/** y = a / b ⇒ ā = ȳ / b, b̄ = −ȳ · y / b */
export const Div: VjpRule = ({ g, inputs: [a, b], outputs: [y], cotangents: [dy], wants }) => {
  const quotient = g.op("Div", [dy, b]);
  return [
    wants(0) ? unbroadcast(g, quotient, a!.shape) : undefined,
    wants(1) ? g.op("Neg", [unbroadcast(g, g.op("Mul", [quotient, y]), b!.shape)]) : undefined,
  ];
};

/**
 * y = max(a, b, …) or min(a, b, …) ⇒ ȳ in equal shares to the inputs that attain y. So two equal inputs get half each, as in
 * PyTorch's maximum and minimum.
 */
const extremum: VjpRule = ({ g, inputs, outputs: [y], cotangents: [dy], wants }) => {
  if (inputs.length === 1) return [dy];
  const [zero, one] = [g.scalar(0, y.dtype), g.scalar(1, y.dtype)];
  const attains = inputs.map((input) => g.op("Equal", [input, y]));
  const count = attains
    .map((mask) => g.op("Where", [mask, one, zero]))
    .reduce((total, mask) => g.op("Add", [total, mask]));
  const share = g.op("Div", [dy, count]);
  return inputs.map((input, i) =>
    wants(i) ? unbroadcast(g, g.op("Where", [attains[i], share, zero]), input!.shape) : undefined,
  );
};
export const Max = extremum;
export const Min = extremum;

/**
 * y = aᵇ ⇒ ā = ȳ · b · aᵇ⁻¹, b̄ = ȳ · y · ln a. As in PyTorch, ā is 0 where b = 0, and b̄ is 0 where a = 0 and b ≥ 0; ā is
 * infinite where a = 0 and 0 < b < 1, and b̄ is NaN where a < 0.
 */
export const Pow: VjpRule = ({ g, inputs: [a, b], outputs: [y], cotangents: [dy], wants }) => {
  const zero = g.scalar(0, y.dtype);
  return [
    wants(0) ? unbroadcast(g, g.op("Mul", [dy, powerSlope(g, a!, b!)]), a!.shape) : undefined,
    wants(1) ? unbroadcast(g, g.op("Mul", [dy, exponentSlope()]), b!.shape) : undefined,
  ];
  function exponentSlope(): Value {
    const slope = g.op("Mul", [y, g.op("Log", [a])]);
    const atZero = g.op("Where", [g.op("Less", [b, zero]), slope, zero]);
    return g.op("Where", [g.op("Equal", [a, zero]), atZero, slope]);
  }
};

/** b · aᵇ⁻¹, and 0 where b = 0; the usual constant exponents need no power. */
function powerSlope(g: GraphBuilder, a: Value, b: Value): Value {
  const exponents = g.known(b)?.data;
  const zero = g.scalar(0, a.dtype);
  if (exponents?.every((exponent) => exponent === exponents[0])) {
    const exponent = exponents[0];
    if (exponent === 0) return g.op("Expand", [zero, g.ints(a.shape)]);
    if (exponent === 1) return g.op("Expand", [g.scalar(1, a.dtype), g.ints(a.shape)]);
    if (exponent === 2) return scaled(g, a, 2);
    return scaled(g, g.op("Pow", [a, g.scalar(exponent - 1, a.dtype)]), exponent);
  }
  const exponent = castLike(g, b, a);
  const power = g.op("Pow", [a, g.op("Sub", [exponent, g.scalar(1, a.dtype)])]);
  return g.op("Where", [g.op("Equal", [exponent, zero]), zero, g.op("Mul", [exponent, power])]);
}

/** y = condition ? a : b ⇒ ā = condition ? ȳ : 0, b̄ = condition ? 0 : ȳ */
export const Where: VjpRule = ({ g, inputs: [condition, a, b], cotangents: [dy], wants }) => {
  const zero = g.scalar(0, dy!.dtype);
  return [
    undefined,
    wants(1) ? unbroadcast(g, g.op("Where", [condition, dy, zero]), a!.shape) : undefined,
    wants(2) ? unbroadcast(g, g.op("Where", [condition, zero, dy]), b!.shape) : undefined,
  ];
};

/** `value` where low < x < high, and 0 elsewhere; an infinite bound is not tested. */
function inside(g: GraphBuilder, x: Value, low: number, high: number, value: Value): Value {
  const zero = g.scalar(0, value.dtype);
  const above = low === -Infinity ? value : g.op("Where", [g.op("Greater", [x, g.scalar(low, x.dtype)]), value, zero]);
  return high === Infinity ? above : g.op("Where", [g.op("Less", [x, g.scalar(high, x.dtype)]), above, zero]);
}

/**
 * y = min(max(x, low), high) ⇒ x̄ = ȳ where x is kept, and each bound's cotangent is the sum of the ȳ where it took over.
 * At a bound the derivative is 1, as in PyTorch's clamp, so pixels at 0 or 1 that a model clamps keep their gradient; but
 * with the bounds 0 and 6, or 0 and nothing, it is 0, as in PyTorch's relu6 and relu, which export to the same operator.
 */
export const Clip: VjpRule = ({ g, inputs: [x, low, high], outputs: [y], cotangents: [dy], wants }) => {
  const zero = g.scalar(0, y.dtype);
  const [min, max] = [low, high].map((bound) => bound && g.known(bound)?.data[0]);
  const isRelu = min === 0 && (max === 6 || high === undefined || max === Infinity);
  const total = (mask: Value, bound: Value): Value =>
    reshapeTo(g, g.op("ReduceSum", [g.op("Where", [mask, dy, zero])], { keepdims: 0 }), bound.shape);
  const kept = (): Value =>
    isRelu ? inside(g, y, 0, max ?? Infinity, dy!) : g.op("Where", [g.op("Equal", [x, y]), dy, zero]);
  return [
    wants(0) ? kept() : undefined,
    wants(1) ? total(g.op("Less", [x, y]), low!) : undefined,
    wants(2) ? total(g.op("Greater", [x, y]), high!) : undefined,
  ];
};

/** y = −x ⇒ x̄ = −ȳ */
export const Neg: VjpRule = ({ g, cotangents: [dy] }) => [g.op("Neg", [dy])];

/** y = |x| ⇒ x̄ = ȳ · sign x. At x = 0 the derivative is 0, as in PyTorch. */
export const Abs: VjpRule = ({ g, inputs: [x], cotangents: [dy] }) => {
  const zero = g.scalar(0, x!.dtype);
  const left = g.op("Where", [g.op("Less", [x, zero]), g.op("Neg", [dy]), zero]);
  return [g.op("Where", [g.op("Greater", [x, zero]), dy, left])];
};

/** y = √x ⇒ x̄ = ȳ / 2y. At x = 0 the derivative is infinite, as in PyTorch. */
export const Sqrt: VjpRule = ({ g, outputs: [y], cotangents: [dy] }) => [g.op("Div", [dy, scaled(g, y, 2)])];

/** y = eˣ ⇒ x̄ = ȳ · y */
export const Exp: VjpRule = ({ g, outputs: [y], cotangents: [dy] }) => [g.op("Mul", [dy, y])];

/** y = ln x ⇒ x̄ = ȳ / x */
export const Log: VjpRule = ({ g, inputs: [x], cotangents: [dy] }) => [g.op("Div", [dy, x])];

/** y = max(x, 0) ⇒ x̄ = ȳ · [y > 0]. At the kink x = 0 the derivative is 0, as in PyTorch. */
export const Relu: VjpRule = ({ g, outputs: [y], cotangents: [dy] }) => [inside(g, y, 0, Infinity, dy!)];

/** y = 1 / (1 + e⁻ˣ) ⇒ x̄ = ȳ · y · (1 − y) */
export const Sigmoid: VjpRule = ({ g, outputs: [y], cotangents: [dy] }) => {
  const slope = g.op("Mul", [y, g.op("Sub", [g.scalar(1, y.dtype), y])]);
  return [g.op("Mul", [dy, slope])];
};

/** y = x > 0 ? x : α x ⇒ x̄ = ȳ · (x > 0 ? 1 : α). At x = 0 the derivative is α, as in PyTorch. */
export const LeakyRelu: VjpRule = ({ g, attributes, inputs: [x], cotangents: [dy] }) => {
  const [one, alpha] = [g.scalar(1, x!.dtype), g.scalar(attributes.float("alpha", 0.01), x!.dtype)];
  const slope = g.op("Where", [g.op("Greater", [x, g.scalar(0, x!.dtype)]), one, alpha]);
  return [g.op("Mul", [dy, slope])];
};

/** y = min(max(α x + β, 0), 1) ⇒ x̄ = α ȳ · [0 < y < 1]. At the kinks the derivative is 0, as in PyTorch's hardsigmoid. */
export const HardSigmoid: VjpRule = ({ g, attributes, outputs: [y], cotangents: [dy] }) => [
  inside(g, y, 0, 1, scaled(g, dy!, attributes.float("alpha", 0.2))),
];
