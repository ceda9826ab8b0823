/** @file Rules of the operators that work on each element alone, and of those that repeat their inputs to a common shape. */
import type { GraphBuilder, Value } from "../../onnx/builder.ts";
import { numberOfDataType } from "../../onnx/file/tensor-proto.ts";
import { isFloating, isInteger } from "../../tensor/tensor.ts";
import { unbroadcast } from "../adjoints/unbroadcast.ts";
import type { Arithmetic } from "../arithmetic.ts";
import { broadcasting, minus, type Pull, pullbacks, unary, variadic } from "../pullbacks.ts";
import { type Limit, noGradient, type Rule, rule, type Step } from "../rule.ts";

export const Identity = rule({
  formula: "y = x ⇒ x̄ = ȳ",
  vjp: unary(({ dy }) => dy),
  excitation: { by: "first" },
});

export const Dropout = rule({
  formula: "y = x at inference ⇒ x̄ = ȳ",
  vjp: unary(({ dy }) => dy),
  excitation: { by: "first" },
});

/** Integers stand for real numbers, so their cotangents stay real. */
const castBack = unary(({ g, x, dy }) => (isFloating(x.dtype) ? castLike(g, dy, x) : dy));

/** A Cast of real numbers to integers leaves out what comes after the point. */
const truncation: Step = {
  rounds: (x, y) => isFloating(x.dtype) && isInteger(y.dtype),
  passes: "unless bypassed",
};

export const Cast = rule({
  formula: `
    y = x as another type ⇒ x̄ = ȳ as x's type. To integers and from there it goes straight through, unless x has a continuous way
    to the result as well; then y is a constant.`,
  vjp: castBack,
  excitation: { by: "first" },
  step: truncation,
});

export const CastLike = rule({
  formula: "y = x as the other input's type ⇒ x̄ = ȳ as x's type. To integers and from there: as Cast.",
  vjp: castBack,
  excitation: { by: "first" },
  step: truncation,
});

function castLike(g: GraphBuilder, value: Value, like: Value): Value {
  return value.dtype === like.dtype ? value : g.op("Cast", [value], { to: numberOfDataType(like.dtype) });
}

const sum = {
  formula: "y = a + b + … ⇒ each input's cotangent is ȳ, summed over the axes along which it was repeated",
  vjp: variadic(
    ({ g, dy }) =>
      (input) =>
        unbroadcast(g, dy, input.shape),
  ),
  excitation: { by: "shares", among: "terms" },
} as const;

export const Add = rule({ ...sum, limit: ([a, b]) => a + b });
export const Sum = rule(sum);

export const Mean = rule({
  formula: "y = (a + b + …) / n ⇒ each input's cotangent is ȳ / n, summed over the axes along which it was repeated",
  vjp: variadic(({ g, scaled, inputs, dy }) => {
    const share = scaled(dy, 1 / inputs.length);
    return (input) => unbroadcast(g, share, input.shape);
  }),
  excitation: { by: "shares", among: "terms" },
});

export const Sub = rule({
  formula: "y = a − b ⇒ ā = ȳ, b̄ = −ȳ",
  vjp: broadcasting(
    ({ dy }) => dy,
    minus(({ dy }) => dy),
  ),
  excitation: { by: "shares", among: "difference" },
  limit: ([a, b]) => a - b,
});

export const Mul = rule({
  formula: "y = a · b ⇒ ā = ȳ · b, b̄ = ȳ · a",
  vjp: broadcasting(
    ({ mul, dy, b }) => mul(dy, b),
    ({ mul, dy, a }) => mul(dy, a),
  ),
  guided: "gated if it ends an activation",
  excitation: { by: "factors" },
  limit: ([a, b]) => a * b,
});

export const Div = rule({
  formula: "y = a / b ⇒ ā = ȳ / b, b̄ = −ȳ · y / b. Of integers, straight through the rounding.",
  vjp: pullbacks(["a", "b"], ({ g, mul, div, neg, b, y, dy }) => {
    const quotient = div(dy, b);
    return {
      a: (a) => unbroadcast(g, quotient, a.shape),
      b: () => neg(unbroadcast(g, mul(quotient, y), b.shape)),
    };
  }),
  excitation: { by: "first" },
  step: { rounds: (x) => isInteger(x.dtype), passes: "always" },
  limit: ([a, b]) => a / b,
});

export const Mod = rule({
  formula: `y = a − b · n with an integer n that does not vary ⇒ ā = ȳ, b̄ = −ȳ · n. Where n jumps these hold too, as in PyTorch.`,
  vjp: broadcasting(
    ({ dy }) => dy,
    ({ mul, sub, div, a, b, y, dy }) => div(mul(dy, sub(y, a)), b),
  ),
  excitation: { by: "first" },
});

const extremum = rule({
  formula: `
    y = max(a, b, …) or min(a, b, …) ⇒ ȳ in equal shares to the inputs that attain y. So two equal inputs get half each, as in
    PyTorch's maximum and minimum.`,
  vjp: variadic(({ g, add, div, equal, select, indicator, inputs, y, dy }) => {
    if (inputs.length === 1) return () => dy;
    const attains = inputs.map((input) => equal(input, y));
    const count = attains.map((mask) => indicator(mask, y)).reduce((total, mask) => add(total, mask));
    const share = div(dy, count);
    return (input, i) => unbroadcast(g, select(attains[i], share, 0), input.shape);
  }),
  excitation: { by: "as gradient" },
});
export const Max = extremum;
export const Min = extremum;

export const Pow = rule({
  formula: `
    y = aᵇ ⇒ ā = ȳ · b · aᵇ⁻¹, b̄ = ȳ · y · ln a. As in PyTorch, ā is 0 where b = 0, and b̄ is 0 where a = 0 and b ≥ 0; ā is
    infinite where a = 0 and 0 < b < 1, and b̄ is NaN where a < 0.`,
  vjp: broadcasting(
    ({ a, b, dy, ...call }) => call.mul(dy, powerSlope(call, a, b)),
    ({ mul, log, less, equal, select, a, b, y, dy }) => {
      const slope = mul(y, log(a));
      const atZero = select(less(b, 0), slope, 0);
      return mul(dy, select(equal(a, 0), atZero, slope));
    },
  ),
  excitation: { by: "first" },
  limit: ([a, b]) => a ** b,
});

/** b · aᵇ⁻¹, and 0 where b = 0; the usual constant exponents need no power. */
function powerSlope(
  { g, mul, sub, pow, equal, select, scaled }: Arithmetic & { readonly g: GraphBuilder },
  a: Value,
  b: Value,
): Value {
  const exponents = g.known(b)?.data;
  if (exponents?.every((exponent) => exponent === exponents[0])) {
    const [exponent] = exponents;
    if (exponent === 0 || exponent === 1) return g.op("Expand", [g.scalar(exponent, a.dtype), g.ints(a.shape)]);
    if (exponent === 2) return scaled(a, 2);
    return scaled(pow(a, exponent - 1), exponent);
  }
  const exponent = castLike(g, b, a);
  const power = pow(a, sub(exponent, 1));
  return select(equal(exponent, 0), 0, mul(exponent, power));
}

export const Where = rule({
  formula: "y = condition ? a : b ⇒ ā = condition ? ȳ : 0, b̄ = condition ? 0 : ȳ",
  vjp: pullbacks(["condition", "a", "b"], ({ g, select, condition, dy }) => ({
    a: (a) => unbroadcast(g, select(condition, dy, 0), a.shape),
    b: (b) => unbroadcast(g, select(condition, 0, dy), b.shape),
  })),
  excitation: { by: "as gradient" },
});

export const Neg = rule({
  formula: "y = −x ⇒ x̄ = −ȳ",
  vjp: unary(({ neg, dy }) => neg(dy)),
  excitation: { by: "first" },
  limit: ([x]) => -x,
});

export const Abs = rule({
  formula: "y = |x| ⇒ x̄ = ȳ · sign x. At x = 0 the derivative is 0, as in PyTorch.",
  vjp: unary(({ less, greater, neg, select, x, dy }) => {
    const left = select(less(x, 0), neg(dy), 0);
    return select(greater(x, 0), dy, left);
  }),
  excitation: { by: "first" },
});

/** A smooth function of each element: no rectifier, and one that excitation backpropagation passes through. */
function smooth(formula: string, pull: (pull: Pull & { readonly x: Value }) => Value, limit?: Limit): Rule {
  return rule({ formula, vjp: unary(pull), excitation: { by: "first" }, limit });
}

export const Sqrt = smooth(
  "y = √x ⇒ x̄ = ȳ / 2y. At x = 0 the derivative is infinite, as in PyTorch.",
  ({ div, scaled, y, dy }) => div(dy, scaled(y, 2)),
);

export const Exp = smooth(
  "y = eˣ ⇒ x̄ = ȳ · y",
  ({ mul, y, dy }) => mul(dy, y),
  ([x]) => Math.exp(x),
);

export const Log = smooth(
  "y = ln x ⇒ x̄ = ȳ / x",
  ({ div, x, dy }) => div(dy, x),
  ([x]) => Math.log(x),
);

export const Reciprocal = smooth(
  "y = 1 / x ⇒ x̄ = −ȳ y²",
  ({ neg, mul, square, y, dy }) => neg(mul(dy, square(y))),
  ([x]) => 1 / x,
);

export const Erf = smooth(
  "y = erf x ⇒ x̄ = ȳ · 2/√π · e^(−x²)",
  ({ exp, neg, mul, square, scaled, x, dy }) => {
    const gauss = exp(neg(square(x)));
    return mul(dy, scaled(gauss, 2 / Math.sqrt(Math.PI)));
  },
  // Only its limits are known here.
  ([x]) => (Math.abs(x) === Infinity ? Math.sign(x) : Number.NaN),
);

export const Sin = smooth("y = sin x ⇒ x̄ = ȳ · cos x", ({ g, mul, x, dy }) => mul(dy, g.op("Cos", [x])));

export const Cos = smooth("y = cos x ⇒ x̄ = −ȳ · sin x", ({ g, neg, mul, x, dy }) => neg(mul(dy, g.op("Sin", [x]))));

export const Tan = smooth("y = tan x ⇒ x̄ = ȳ · (1 + y²)", ({ mul, add, square, y, dy }) => mul(dy, add(1, square(y))));

export const Asin = smooth("y = arcsin x ⇒ x̄ = ȳ / √(1 − x²)", ({ div, sqrt, sub, square, x, dy }) =>
  div(dy, sqrt(sub(1, square(x)))),
);

export const Acos = smooth("y = arccos x ⇒ x̄ = −ȳ / √(1 − x²)", ({ neg, div, sqrt, sub, square, x, dy }) =>
  neg(div(dy, sqrt(sub(1, square(x))))),
);

export const Atan = smooth("y = arctan x ⇒ x̄ = ȳ / (1 + x²)", ({ div, add, square, x, dy }) =>
  div(dy, add(1, square(x))),
);

export const Sinh = smooth("y = sinh x ⇒ x̄ = ȳ · cosh x", ({ g, mul, x, dy }) => mul(dy, g.op("Cosh", [x])));

export const Cosh = smooth("y = cosh x ⇒ x̄ = ȳ · sinh x", ({ g, mul, x, dy }) => mul(dy, g.op("Sinh", [x])));

export const Asinh = smooth("y = arsinh x ⇒ x̄ = ȳ / √(x² + 1)", ({ div, sqrt, add, square, x, dy }) =>
  div(dy, sqrt(add(1, square(x)))),
);

export const Acosh = smooth("y = arcosh x ⇒ x̄ = ȳ / √(x² − 1)", ({ div, sqrt, neg, sub, square, x, dy }) =>
  div(dy, sqrt(neg(sub(1, square(x))))),
);

export const Atanh = smooth("y = artanh x ⇒ x̄ = ȳ / (1 − x²)", ({ div, sub, square, x, dy }) =>
  div(dy, sub(1, square(x))),
);

/** A function that is constant between steps: straight through, as if it did not round. */
function rounding(formula: string, passes: Step["passes"]): Rule {
  return rule({
    formula,
    vjp: unary(({ dy }) => dy),
    excitation: { by: "first" },
    step: { rounds: () => true, passes },
  });
}

export const Round = rounding("y = x to the nearest integer ⇒ x̄ = ȳ, straight through the rounding", "always");

export const Floor = rounding(
  `
  y = ⌊x⌋ ⇒ x̄ = ȳ, straight through the rounding, unless x has a continuous way to the result as well: then y is a constant, so
  that x − ⌊x⌋ has the derivative 1, and x − d ⌊x / d⌋ too.`,
  "unless bypassed",
);

export const Ceil = rounding("y = ⌈x⌉ ⇒ x̄ = ȳ, straight through the rounding as for Floor", "unless bypassed");

export const And = noGradient;
export const Equal = noGradient;
export const Greater = noGradient;
export const GreaterOrEqual = noGradient;
export const IsInf = noGradient;
export const IsNaN = noGradient;
export const Less = noGradient;
export const LessOrEqual = noGradient;
export const Not = noGradient;
export const Or = noGradient;
export const Sign = noGradient;
export const Xor = noGradient;
