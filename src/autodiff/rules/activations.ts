/** @file Rules of the activations: rectifiers, their leaky and smooth relatives, and squashing functions. */
import type { Value } from "../../onnx/builder.ts";
import { reshapeTo } from "../adjoints/linear-maps.ts";
import { unbroadcast } from "../adjoints/unbroadcast.ts";
import type { Arithmetic } from "../arithmetic.ts";
import { type Pull, pullbacks, unary } from "../pullbacks.ts";
import { rule } from "../rule.ts";

/** `value` where low < x < high, and 0 elsewhere; an infinite bound is not tested. */
function inside({ greater, less, select }: Arithmetic, x: Value, low: number, high: number, value: Value): Value {
  const above = low === -Infinity ? value : select(greater(x, low), value, 0);
  return high === Infinity ? above : select(less(x, high), above, 0);
}

/** 1 where x > 0, and `other` elsewhere */
function oneWherePositive({ greater, select }: Arithmetic, x: Value, other: Value): Value {
  return select(greater(x, 0), 1, other);
}

export const Relu = rule({
  formula: "y = max(x, 0) ⇒ x̄ = ȳ · [y > 0]. At the kink x = 0 the derivative is 0, as in PyTorch.",
  vjp: unary(({ y, dy, ...call }) => inside(call, y, 0, Infinity, dy)),
  guided: "gated",
  excitation: { by: "as gradient" },
  limit: ([x]) => Math.max(x, 0),
});

export const Clip = rule({
  formula: `
    y = min(max(x, low), high) ⇒ x̄ = ȳ where x is kept, and each bound's cotangent is the sum of the ȳ where it took over.
    At a bound the derivative is 1, as in PyTorch's clamp, so pixels at 0 or 1 that a model clamps keep their gradient; but
    with the bounds 0 and 6, or 0 and nothing, it is 0, as in PyTorch's relu6 and relu, which export to the same operator.`,
  vjp: pullbacks(["x", "low?", "high?"], ({ x, low, high, y, dy, ...call }) => {
    const { g, equal, less, greater, select } = call;
    const [min, max] = [low, high].map((bound) => bound && g.known(bound)?.data[0]);
    const isRelu = min === 0 && (max === 6 || high === undefined || max === Infinity);
    const total = (mask: Value, bound: Value): Value =>
      reshapeTo(g, g.op("ReduceSum", [select(mask, dy, 0)], { keepdims: 0 }), bound.shape);
    return {
      x: () => (isRelu ? inside(call, y, 0, max ?? Infinity, dy) : select(equal(x, y), dy, 0)),
      low: (bound) => total(less(x, y), bound),
      high: (bound) => total(greater(x, y), bound),
    };
  }),
  guided: "gated",
  excitation: { by: "first" },
  isNonNegative: ([, low], isNonNegative) => isNonNegative(low),
  limit: ([x, low = -Infinity, high = Infinity]) => Math.min(Math.max(x, low), high),
});

export const LeakyRelu = rule({
  formula: "y = x > 0 ? x : α x ⇒ x̄ = ȳ · (x > 0 ? 1 : α). At x = 0 the derivative is α, as in PyTorch.",
  vjp: unary(({ attributes, x, dy, ...call }) =>
    call.mul(dy, oneWherePositive(call, x, call.scalar(attributes.float("alpha", 0.01), x))),
  ),
  guided: "gated",
  excitation: { by: "first" },
});

export const PRelu = rule({
  formula: `
    y = x > 0 ? x : s x ⇒ x̄ = ȳ · (x > 0 ? 1 : s), s̄ = ȳ · min(x, 0) summed over the axes along which s was repeated. At x = 0
    the derivative is s, as in PyTorch.`,
  vjp: pullbacks(["x", "slope"], ({ x, slope, dy, ...call }) => {
    const { g, mul, less, select } = call;
    return {
      x: () => mul(dy, oneWherePositive(call, x, slope)),
      slope: () => unbroadcast(g, mul(dy, select(less(x, 0), x, 0)), slope.shape),
    };
  }),
  guided: "gated",
  excitation: { by: "first" },
});

export const ThresholdedRelu = rule({
  formula: "y = x > α ? x : 0 ⇒ x̄ = ȳ · [x > α]. At the jump the derivative is 0, as in PyTorch's threshold.",
  vjp: unary(({ attributes, x, dy, ...call }) => inside(call, x, attributes.float("alpha", 1), Infinity, dy)),
  guided: "gated",
  excitation: { by: "first" },
});

export const Elu = rule({
  formula: "y = x > 0 ? x : α (eˣ − 1) ⇒ x̄ = ȳ · (x > 0 ? 1 : y + α). At x = 0 the derivative is α, as in PyTorch.",
  vjp: unary(({ attributes, x, y, dy, ...call }) => {
    const exponential = call.add(y, attributes.float("alpha", 1));
    return call.mul(dy, oneWherePositive(call, x, exponential));
  }),
  guided: "gated",
  excitation: { by: "first" },
});

export const Celu = rule({
  formula: "y = x > 0 ? x : α (e^(x/α) − 1) ⇒ x̄ = ȳ · (x > 0 ? 1 : y / α + 1)",
  vjp: unary(({ attributes, x, y, dy, ...call }) => {
    const exponential = call.add(call.scaled(y, 1 / attributes.float("alpha", 1)), 1);
    return call.mul(dy, oneWherePositive(call, x, exponential));
  }),
  guided: "gated",
  excitation: { by: "first" },
});

export const Selu = rule({
  formula:
    "y = γ (x > 0 ? x : α (eˣ − 1)) ⇒ x̄ = ȳ · (x > 0 ? γ : y + α γ). At x = 0 the derivative is α γ, as in PyTorch.",
  vjp: unary(({ attributes, greater, add, select, mul, x, y, dy }) => {
    const alpha = attributes.float("alpha", Math.fround(1.6732632));
    const gamma = attributes.float("gamma", Math.fround(1.050701));
    const isPositive = greater(x, 0);
    const exponential = add(y, alpha * gamma);
    return mul(dy, select(isPositive, gamma, exponential));
  }),
  guided: "gated",
  excitation: { by: "first" },
});

export const Softplus = rule({
  formula: "y = ln(1 + eˣ) ⇒ x̄ = ȳ / (1 + e⁻ˣ)",
  vjp: unary(({ mul, sigmoid, x, dy }) => mul(dy, sigmoid(x))),
  guided: "gated",
  excitation: { by: "first" },
  limit: ([x]) => Math.log1p(Math.exp(x)),
});

export const Mish = rule({
  formula: "y = x t with t = tanh(ln(1 + eˣ)) ⇒ x̄ = ȳ · (t + x (1 − t²) / (1 + e⁻ˣ))",
  vjp: unary(({ g, add, sub, mul, square, tanh, sigmoid, x, dy }) => {
    const t = tanh(g.op("Softplus", [x]));
    const inner = mul(mul(x, sigmoid(x)), sub(1, square(t)));
    return mul(dy, add(t, inner));
  }),
  guided: "gated",
  excitation: { by: "first" },
});

export const Swish = rule({
  formula: "y = x s with s = 1 / (1 + e^(−α x)) ⇒ x̄ = ȳ · (s + α y (1 − s))",
  vjp: unary(({ attributes, add, sub, mul, sigmoid, scaled, x, y, dy }) => {
    const alpha = attributes.float("alpha", 1);
    const s = sigmoid(scaled(x, alpha));
    const rest = mul(scaled(y, alpha), sub(1, s));
    return mul(dy, add(s, rest));
  }),
  guided: "gated",
  excitation: { by: "first" },
});

export const HardSwish = rule({
  formula: `
    y = x · min(max(x/6 + ½, 0), 1) ⇒ x̄ = ȳ · (x/3 + ½) for |x| < 3, ȳ for x ≥ 3, 0 for x ≤ −3. At the kinks ±3 PyTorch's
    versions differ (up to 1.13 at least it takes the inner slope); the outer slope agrees with HardSigmoid.`,
  vjp: unary(({ add, mul, greater, less, select, scaled, x, dy }) => {
    const slope = add(scaled(x, 1 / 3), 0.5);
    const left = select(greater(x, -3), slope, 0);
    return mul(dy, select(less(x, 3), left, 1));
  }),
  guided: "gated",
  excitation: { by: "first" },
});

export const Gelu = rule({
  formula: `
    y = x Φ(x) ⇒ x̄ = ȳ · (Φ(x) + x φ(x)), with the normal distribution Φ and its density φ; for the approximation
    y = ½ x (1 + t), t = tanh(k (x + c x³)) ⇒ x̄ = ȳ · ½ (1 + t + x (1 − t²) k (1 + 3 c x²)), k = √(2/π), c = 0.044715`,
  vjp: unary((call) => (call.attributes.string("approximate", "none") === "tanh" ? tanhGelu(call) : normalGelu(call))),
  guided: "gated",
  excitation: { by: "first" },
});

function tanhGelu({ add, sub, mul, square, tanh, scaled, x, dy }: Pull & { readonly x: Value }): Value {
  const [k, c] = [Math.sqrt(2 / Math.PI), 0.044715];
  const xx = square(x);
  const t = tanh(mul(x, add(scaled(xx, k * c), k)));
  const inner = mul(x, add(scaled(xx, 3 * k * c), k));
  const slope = add(add(t, 1), mul(inner, sub(1, square(t))));
  return mul(scaled(dy, 0.5), slope);
}

function normalGelu({ g, add, mul, exp, neg, square, scaled, x, dy }: Pull & { readonly x: Value }): Value {
  // With u = x/√2: Φ(x) = ½ (1 + erf u) and x φ(x) = u e^(−u²) / √π.
  const u = scaled(x, Math.SQRT1_2);
  const distribution = add(scaled(g.op("Erf", [u]), 0.5), 0.5);
  const gauss = exp(neg(square(u)));
  const density = mul(scaled(u, 1 / Math.sqrt(Math.PI)), gauss);
  return mul(dy, add(distribution, density));
}

export const Sigmoid = rule({
  formula: "y = 1 / (1 + e⁻ˣ) ⇒ x̄ = ȳ · y · (1 − y)",
  vjp: unary(({ mul, sub, y, dy }) => mul(dy, mul(y, sub(1, y)))),
  excitation: { by: "first" },
  limit: ([x]) => 1 / (1 + Math.exp(-x)),
});

export const HardSigmoid = rule({
  formula:
    "y = min(max(α x + β, 0), 1) ⇒ x̄ = α ȳ · [0 < y < 1]. At the kinks the derivative is 0, as in PyTorch's hardsigmoid.",
  vjp: unary(({ attributes, y, dy, ...call }) =>
    inside(call, y, 0, 1, call.scaled(dy, attributes.float("alpha", 0.2))),
  ),
  excitation: { by: "first" },
  limit: ([x], attributes) =>
    Math.min(Math.max(attributes.float("alpha", 0.2) * x + attributes.float("beta", 0.5), 0), 1),
});

export const Tanh = rule({
  formula: "y = tanh x ⇒ x̄ = ȳ · (1 − y²)",
  vjp: unary(({ mul, sub, square, y, dy }) => mul(dy, sub(1, square(y)))),
  excitation: { by: "first" },
  limit: ([x]) => Math.tanh(x),
});

export const Softsign = rule({
  formula: "y = x / (1 + |x|) ⇒ x̄ = ȳ / (1 + |x|)²",
  vjp: unary(({ abs, add, div, square, x, dy }) => div(dy, square(add(abs(x), 1)))),
  excitation: { by: "first" },
});

export const Shrink = rule({
  formula:
    "y = x moved toward 0 by b where |x| > λ, and 0 elsewhere ⇒ x̄ = ȳ · [|x| > λ]. At ±λ it is 0, as in PyTorch's shrinks.",
  vjp: unary(({ attributes, x, dy, ...call }) =>
    inside(call, call.abs(x), attributes.float("lambd", 0.5), Infinity, dy),
  ),
  excitation: { by: "first" },
});
