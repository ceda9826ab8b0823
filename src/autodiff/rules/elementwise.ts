/** @file VJP rules of the element-wise operators. */
import type { GraphBuilder, Value } from "../../onnx/builder.ts";
import { numberOfDataType } from "../../onnx/file/tensor-proto.ts";
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

/** y = x as the other input's type ⇒ x̄ = ȳ as x's type */
export const CastLike = Cast;

function castLike(g: GraphBuilder, value: Value, like: Value): Value {
  return value.dtype === like.dtype ? value : g.op("Cast", [value], { to: numberOfDataType(like.dtype) });
}

/** y = a + b + … ⇒ each input's cotangent is ȳ, summed over the axes along which it was repeated */
const sum: VjpRule = ({ g, inputs, cotangents: [dy], wants }) =>
  inputs.map((input, i) => (wants(i) ? unbroadcast(g, dy!, input!.shape) : undefined));
export const Add = sum;
export const Sum = sum;

/** y = (a + b + …) / n ⇒ each input's cotangent is ȳ / n, summed over the axes along which it was repeated */
export const Mean: VjpRule = ({ g, inputs, cotangents: [dy], wants }) => {
  const share = scaled(g, dy!, 1 / inputs.length);
  return inputs.map((input, i) => (wants(i) ? unbroadcast(g, share, input!.shape) : undefined));
};

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

/** y = a − b · n with an integer n that does not vary ⇒ ā = ȳ, b̄ = −ȳ · n. Where n jumps these hold too, as in PyTorch. */
export const Mod: VjpRule = ({ g, inputs: [a, b], outputs: [y], cotangents: [dy], wants }) => {
  const divisor = (): Value => g.op("Div", [g.op("Mul", [dy, g.op("Sub", [y, a])]), b]);
  return [
    wants(0) ? unbroadcast(g, dy!, a!.shape) : undefined,
    wants(1) ? unbroadcast(g, divisor(), b!.shape) : undefined,
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
  const exponentSlope = (): Value => {
    const slope = g.op("Mul", [y, g.op("Log", [a])]);
    const atZero = g.op("Where", [g.op("Less", [b, zero]), slope, zero]);
    return g.op("Where", [g.op("Equal", [a, zero]), atZero, slope]);
  };
  return [
    wants(0) ? unbroadcast(g, g.op("Mul", [dy, powerSlope(g, a!, b!)]), a!.shape) : undefined,
    wants(1) ? unbroadcast(g, g.op("Mul", [dy, exponentSlope()]), b!.shape) : undefined,
  ];
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

/** y = 1 / x ⇒ x̄ = −ȳ y² */
export const Reciprocal: VjpRule = ({ g, outputs: [y], cotangents: [dy] }) => [
  g.op("Neg", [g.op("Mul", [dy, g.op("Mul", [y, y])])]),
];

/** y = erf x ⇒ x̄ = ȳ · 2/√π · e^(−x²) */
export const Erf: VjpRule = ({ g, inputs: [x], cotangents: [dy] }) => {
  const gauss = g.op("Exp", [g.op("Neg", [g.op("Mul", [x, x])])]);
  return [g.op("Mul", [dy, scaled(g, gauss, 2 / Math.sqrt(Math.PI))])];
};

/** 1 + x², or 1 − x² */
function onePlusSquare(g: GraphBuilder, x: Value, sign: 1 | -1): Value {
  return g.op(sign > 0 ? "Add" : "Sub", [g.scalar(1, x.dtype), g.op("Mul", [x, x])]);
}

/** y = sin x ⇒ x̄ = ȳ · cos x */
export const Sin: VjpRule = ({ g, inputs: [x], cotangents: [dy] }) => [g.op("Mul", [dy, g.op("Cos", [x])])];

/** y = cos x ⇒ x̄ = −ȳ · sin x */
export const Cos: VjpRule = ({ g, inputs: [x], cotangents: [dy] }) => [
  g.op("Neg", [g.op("Mul", [dy, g.op("Sin", [x])])]),
];

/** y = tan x ⇒ x̄ = ȳ · (1 + y²) */
export const Tan: VjpRule = ({ g, outputs: [y], cotangents: [dy] }) => [g.op("Mul", [dy, onePlusSquare(g, y, 1)])];

/** y = arcsin x ⇒ x̄ = ȳ / √(1 − x²) */
export const Asin: VjpRule = ({ g, inputs: [x], cotangents: [dy] }) => [
  g.op("Div", [dy, g.op("Sqrt", [onePlusSquare(g, x!, -1)])]),
];

/** y = arccos x ⇒ x̄ = −ȳ / √(1 − x²) */
export const Acos: VjpRule = ({ g, inputs: [x], cotangents: [dy] }) => [
  g.op("Neg", [g.op("Div", [dy, g.op("Sqrt", [onePlusSquare(g, x!, -1)])])]),
];

/** y = arctan x ⇒ x̄ = ȳ / (1 + x²) */
export const Atan: VjpRule = ({ g, inputs: [x], cotangents: [dy] }) => [g.op("Div", [dy, onePlusSquare(g, x!, 1)])];

/** y = sinh x ⇒ x̄ = ȳ · cosh x */
export const Sinh: VjpRule = ({ g, inputs: [x], cotangents: [dy] }) => [g.op("Mul", [dy, g.op("Cosh", [x])])];

/** y = cosh x ⇒ x̄ = ȳ · sinh x */
export const Cosh: VjpRule = ({ g, inputs: [x], cotangents: [dy] }) => [g.op("Mul", [dy, g.op("Sinh", [x])])];

/** y = tanh x ⇒ x̄ = ȳ · (1 − y²) */
export const Tanh: VjpRule = ({ g, outputs: [y], cotangents: [dy] }) => [g.op("Mul", [dy, onePlusSquare(g, y, -1)])];

/** y = arsinh x ⇒ x̄ = ȳ / √(x² + 1) */
export const Asinh: VjpRule = ({ g, inputs: [x], cotangents: [dy] }) => [
  g.op("Div", [dy, g.op("Sqrt", [onePlusSquare(g, x!, 1)])]),
];

/** y = arcosh x ⇒ x̄ = ȳ / √(x² − 1) */
export const Acosh: VjpRule = ({ g, inputs: [x], cotangents: [dy] }) => [
  g.op("Div", [dy, g.op("Sqrt", [g.op("Neg", [onePlusSquare(g, x!, -1)])])]),
];

/** y = artanh x ⇒ x̄ = ȳ / (1 − x²) */
export const Atanh: VjpRule = ({ g, inputs: [x], cotangents: [dy] }) => [g.op("Div", [dy, onePlusSquare(g, x!, -1)])];

/** y = max(x, 0) ⇒ x̄ = ȳ · [y > 0]. At the kink x = 0 the derivative is 0, as in PyTorch. */
export const Relu: VjpRule = ({ g, outputs: [y], cotangents: [dy] }) => [inside(g, y, 0, Infinity, dy!)];

/** y = 1 / (1 + e⁻ˣ) ⇒ x̄ = ȳ · y · (1 − y) */
export const Sigmoid: VjpRule = ({ g, outputs: [y], cotangents: [dy] }) => {
  const slope = g.op("Mul", [y, g.op("Sub", [g.scalar(1, y.dtype), y])]);
  return [g.op("Mul", [dy, slope])];
};

/** y = x > 0 ? x : α x ⇒ x̄ = ȳ · (x > 0 ? 1 : α). At x = 0 the derivative is α, as in PyTorch. */
export const LeakyRelu: VjpRule = ({ g, attributes, inputs: [x], cotangents: [dy] }) => {
  const alpha = g.scalar(attributes.float("alpha", 0.01), x!.dtype);
  return [g.op("Mul", [dy, oneWherePositive(g, x!, alpha)])];
};

/** 1 where x > 0, and `other` elsewhere */
function oneWherePositive(g: GraphBuilder, x: Value, other: Value): Value {
  return g.op("Where", [g.op("Greater", [x, g.scalar(0, x.dtype)]), g.scalar(1, x.dtype), other]);
}

/**
 * y = x > 0 ? x : s x ⇒ x̄ = ȳ · (x > 0 ? 1 : s), s̄ = ȳ · min(x, 0) summed over the axes along which s was repeated. At x = 0
 * the derivative is s, as in PyTorch.
 */
export const PRelu: VjpRule = ({ g, inputs: [x, slope], cotangents: [dy], wants }) => {
  const zero = g.scalar(0, x!.dtype);
  const negative = (): Value => g.op("Where", [g.op("Less", [x, zero]), x, zero]);
  return [
    wants(0) ? g.op("Mul", [dy, oneWherePositive(g, x!, slope!)]) : undefined,
    wants(1) ? unbroadcast(g, g.op("Mul", [dy, negative()]), slope!.shape) : undefined,
  ];
};

/** y = x > α ? x : 0 ⇒ x̄ = ȳ · [x > α]. At the jump the derivative is 0, as in PyTorch's threshold. */
export const ThresholdedRelu: VjpRule = ({ g, attributes, inputs: [x], cotangents: [dy] }) => [
  inside(g, x!, attributes.float("alpha", 1), Infinity, dy!),
];

/** y = x moved toward 0 by b where |x| > λ, and 0 elsewhere ⇒ x̄ = ȳ · [|x| > λ]. At ±λ it is 0, as in PyTorch's shrinks. */
export const Shrink: VjpRule = ({ g, attributes, inputs: [x], cotangents: [dy] }) => [
  inside(g, g.op("Abs", [x]), attributes.float("lambd", 0.5), Infinity, dy!),
];

/** y = x > 0 ? x : α (eˣ − 1) ⇒ x̄ = ȳ · (x > 0 ? 1 : y + α). At x = 0 the derivative is α, as in PyTorch. */
export const Elu: VjpRule = ({ g, attributes, inputs: [x], outputs: [y], cotangents: [dy] }) => {
  const exponential = g.op("Add", [y, g.scalar(attributes.float("alpha", 1), y.dtype)]);
  return [g.op("Mul", [dy, oneWherePositive(g, x!, exponential)])];
};

/** y = x > 0 ? x : α (e^(x/α) − 1) ⇒ x̄ = ȳ · (x > 0 ? 1 : y / α + 1) */
export const Celu: VjpRule = ({ g, attributes, inputs: [x], outputs: [y], cotangents: [dy] }) => {
  const exponential = g.op("Add", [scaled(g, y, 1 / attributes.float("alpha", 1)), g.scalar(1, y.dtype)]);
  return [g.op("Mul", [dy, oneWherePositive(g, x!, exponential)])];
};

/** y = γ (x > 0 ? x : α (eˣ − 1)) ⇒ x̄ = ȳ · (x > 0 ? γ : y + α γ). At x = 0 the derivative is α γ, as in PyTorch. */
export const Selu: VjpRule = ({ g, attributes, inputs: [x], outputs: [y], cotangents: [dy] }) => {
  const alpha = attributes.float("alpha", Math.fround(1.6732632));
  const gamma = attributes.float("gamma", Math.fround(1.050701));
  const isPositive = g.op("Greater", [x, g.scalar(0, y.dtype)]);
  const exponential = g.op("Add", [y, g.scalar(alpha * gamma, y.dtype)]);
  return [g.op("Mul", [dy, g.op("Where", [isPositive, g.scalar(gamma, y.dtype), exponential])])];
};

/** y = ln(1 + eˣ) ⇒ x̄ = ȳ / (1 + e⁻ˣ) */
export const Softplus: VjpRule = ({ g, inputs: [x], cotangents: [dy] }) => [g.op("Mul", [dy, g.op("Sigmoid", [x])])];

/** y = x / (1 + |x|) ⇒ x̄ = ȳ / (1 + |x|)² */
export const Softsign: VjpRule = ({ g, inputs: [x], cotangents: [dy] }) => {
  const denominator = g.op("Add", [g.op("Abs", [x]), g.scalar(1, x!.dtype)]);
  return [g.op("Div", [dy, g.op("Mul", [denominator, denominator])])];
};

/** y = x t with t = tanh(ln(1 + eˣ)) ⇒ x̄ = ȳ · (t + x (1 − t²) / (1 + e⁻ˣ)) */
export const Mish: VjpRule = ({ g, inputs: [x], cotangents: [dy] }) => {
  const t = g.op("Tanh", [g.op("Softplus", [x])]);
  const inner = g.op("Mul", [g.op("Mul", [x, g.op("Sigmoid", [x])]), onePlusSquare(g, t, -1)]);
  return [g.op("Mul", [dy, g.op("Add", [t, inner])])];
};

/** y = x s with s = 1 / (1 + e^(−α x)) ⇒ x̄ = ȳ · (s + α y (1 − s)) */
export const Swish: VjpRule = ({ g, attributes, inputs: [x], outputs: [y], cotangents: [dy] }) => {
  const alpha = attributes.float("alpha", 1);
  const s = g.op("Sigmoid", [scaled(g, x!, alpha)]);
  const rest = g.op("Mul", [scaled(g, y, alpha), g.op("Sub", [g.scalar(1, y.dtype), s])]);
  return [g.op("Mul", [dy, g.op("Add", [s, rest])])];
};

/**
 * y = x · min(max(x/6 + ½, 0), 1) ⇒ x̄ = ȳ · (x/3 + ½) for |x| < 3, ȳ for x ≥ 3, 0 for x ≤ −3. At the kinks ±3 PyTorch's
 * versions differ (up to 1.13 at least it takes the inner slope); the outer slope agrees with HardSigmoid.
 */
export const HardSwish: VjpRule = ({ g, inputs: [x], cotangents: [dy] }) => {
  const constant = (value: number): Value => g.scalar(value, x!.dtype);
  const slope = g.op("Add", [scaled(g, x!, 1 / 3), constant(0.5)]);
  const left = g.op("Where", [g.op("Greater", [x, constant(-3)]), slope, constant(0)]);
  return [g.op("Mul", [dy, g.op("Where", [g.op("Less", [x, constant(3)]), left, constant(1)])])];
};

/**
 * y = x Φ(x) ⇒ x̄ = ȳ · (Φ(x) + x φ(x)), with the normal distribution Φ and its density φ; for the approximation
 * y = ½ x (1 + t), t = tanh(k (x + c x³)) ⇒ x̄ = ȳ · ½ (1 + t + x (1 − t²) k (1 + 3 c x²)), k = √(2/π), c = 0.044715
 */
export const Gelu: VjpRule = ({ g, attributes, inputs: [input], cotangents: [dy] }) => {
  const x = input!;
  const constant = (value: number): Value => g.scalar(value, x.dtype);
  if (attributes.string("approximate", "none") === "tanh") {
    const [k, c] = [Math.sqrt(2 / Math.PI), 0.044715];
    const square = g.op("Mul", [x, x]);
    const t = g.op("Tanh", [g.op("Mul", [x, g.op("Add", [scaled(g, square, k * c), constant(k)])])]);
    const inner = g.op("Mul", [x, g.op("Add", [scaled(g, square, 3 * k * c), constant(k)])]);
    const slope = g.op("Add", [g.op("Add", [t, constant(1)]), g.op("Mul", [inner, onePlusSquare(g, t, -1)])]);
    return [g.op("Mul", [scaled(g, dy!, 0.5), slope])];
  }
  // With u = x/√2: Φ(x) = ½ (1 + erf u) and x φ(x) = u e^(−u²) / √π.
  const u = scaled(g, x, Math.SQRT1_2);
  const distribution = g.op("Add", [scaled(g, g.op("Erf", [u]), 0.5), constant(0.5)]);
  const gauss = g.op("Exp", [g.op("Neg", [g.op("Mul", [u, u])])]);
  const density = g.op("Mul", [scaled(g, u, 1 / Math.sqrt(Math.PI)), gauss]);
  return [g.op("Mul", [dy, g.op("Add", [distribution, density])])];
};

/** y = min(max(α x + β, 0), 1) ⇒ x̄ = α ȳ · [0 < y < 1]. At the kinks the derivative is 0, as in PyTorch's hardsigmoid. */
export const HardSigmoid: VjpRule = ({ g, attributes, outputs: [y], cotangents: [dy] }) => [
  inside(g, y, 0, 1, scaled(g, dy!, attributes.float("alpha", 0.2))),
];
