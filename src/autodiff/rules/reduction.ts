/** @file Rules of the reductions and of the running sum. */
import type { GraphBuilder, Value } from "../../onnx/builder.ts";
import { reductionAxes } from "../../onnx/operators/arithmetic/axes.ts";
import { sameShape } from "../../tensor/shape.ts";
import { sizeOf } from "../../tensor/tensor.ts";
import { knownNumbers } from "../adjoints/known-numbers.ts";
import { type Pull, pullbacks } from "../pullbacks.ts";
import { noGradient, type Rule, type RuleOptions, rule } from "../rule.ts";

/** A reduction as its rule sees it: what was reduced, over which axes, and y and ȳ with extent 1 at those axes. */
interface Reduction extends Pull {
  readonly x: Value;
  readonly axes: readonly number[];
}

/** The rule of a reduction, from `pull`, which gives x̄ or something that broadcasts to it. */
function reduction(
  formula: string,
  pull: (reduction: Reduction) => Value,
  options: Pick<RuleOptions, "excitation">,
): Rule {
  const vjp = pullbacks(["x", "axes?"], ({ axes: given, ...call }) => ({
    x: (x) => {
      const { g, where, attributes } = call;
      const axes = reductionAxes(where, attributes, x.shape.length, given && knownNumbers(g, given));
      const kept = x.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
      const keep = (value: Value): Value => reshaped(g, value, kept);
      const dx = pull({ ...call, y: keep(call.y), dy: keep(call.dy), axes });
      return sameShape(dx.shape, x.shape) ? dx : g.op("Expand", [dx, g.ints(x.shape)]);
    },
  }));
  return rule({ formula, vjp, ...options });
}

function reshaped(g: GraphBuilder, value: Value, shape: readonly number[]): Value {
  return sameShape(value.shape, shape) ? value : g.op("Reshape", [value, g.ints(shape)]);
}

const elements = { excitation: { by: "shares", among: "elements" } } as const;
/** Of reductions that do not grow as their input does: t times the input does not make t times the output. */
const sum = { excitation: { by: "shares", among: "sum" } } as const;
const winner = { excitation: { by: "as gradient" } } as const;

export const ReduceSum = reduction("y = Σ x ⇒ x̄ = ȳ, repeated", ({ dy }) => dy, elements);

export const ReduceMean = reduction(
  "y = Σ x / n ⇒ x̄ = ȳ / n, repeated",
  ({ div, x, dy }) => div(dy, sizeOf(x.shape) / sizeOf(dy.shape)),
  elements,
);

const extremum = `
  y = max x (or min x) ⇒ x̄ = ȳ · [x = y] / #(x = y): elements that tie share the cotangent equally, as in PyTorch's amax, amin
  and max of all elements. (Its max along one axis, which exports to the same operator, gives all to the first.)`;

/** x̄ in equal shares to all that attain the extremum. */
function toAllThatAttain({ div, equal, select, indicator, sumOver, x, y, dy, axes }: Reduction): Value {
  const hit = equal(x, y);
  const ties = sumOver(indicator(hit, x), axes);
  return select(hit, div(dy, ties), 0);
}

export const ReduceMax = reduction(extremum, toAllThatAttain, winner);
export const ReduceMin = reduction(extremum, toAllThatAttain, winner);

export const ReduceProd = reduction(
  `
  y = Π x ⇒ x̄ᵢ = ȳ · Π of the others. Zeros need care: with p the product of all elements that are not 0, the others' product
  is p / xᵢ where no other element is 0 (p itself where xᵢ = 0), and 0 where one is.`,
  ({ g, mul, sub, div, equal, select, indicator, sumOver, x, dy, axes }) => {
    const isZero = equal(x, 0);
    const nonzero = select(isZero, 1, x);
    const zeros = indicator(isZero, x);
    const otherZeros = sub(sumOver(zeros, axes), zeros);
    const product = axes.length === 0 ? nonzero : g.op("ReduceProd", [nonzero, g.ints(axes)], { keepdims: 1 });
    const others = select(equal(otherZeros, 0), div(product, nonzero), 0);
    return mul(dy, others);
  },
  sum,
);

export const ReduceL1 = reduction(
  "y = Σ |x| ⇒ x̄ = ȳ · sign x, 0 at the kink x = 0",
  ({ mul, sign, x, dy }) => mul(dy, sign(x)),
  elements,
);

export const ReduceL2 = reduction(
  "y = √Σ x² ⇒ x̄ = ȳ · x / y, and 0 where y = 0 (the kink), as in PyTorch",
  ({ mul, div, equal, select, x, y, dy }) => mul(x, select(equal(y, 0), 0, div(dy, y))),
  elements,
);

export const ReduceSumSquare = reduction("y = Σ x² ⇒ x̄ = 2 ȳ · x", ({ mul, x, dy }) => mul(x, mul(dy, 2)), sum);

export const ReduceLogSum = reduction(
  "y = log Σ x ⇒ x̄ = ȳ / Σ x, repeated",
  ({ div, sumOver, x, dy, axes }) => div(dy, sumOver(x, axes)),
  sum,
);

export const ReduceLogSumExp = reduction(
  "y = log Σ exp x ⇒ x̄ = ȳ · exp(x − y)",
  ({ mul, exp, sub, x, y, dy }) => mul(dy, exp(sub(x, y))),
  sum,
);

export const CumSum = rule({
  formula: "y = running sum of x ⇒ x̄ = running sum of ȳ from the other end",
  vjp: pullbacks(["x", "axis"], ({ g, attributes, axis, dy }) => ({
    x: () =>
      g.op("CumSum", [dy, axis], {
        exclusive: attributes.int("exclusive", 0),
        reverse: 1 - attributes.int("reverse", 0),
      }),
  })),
  ...elements,
});

export const ArgMax = noGradient;
export const ArgMin = noGradient;
