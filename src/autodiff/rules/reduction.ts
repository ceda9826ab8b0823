/** @file VJP rules of the reductions and of the running sum. */

import type { GraphBuilder, Value } from "../../onnx/builder.ts";
import { reductionAxes } from "../../onnx/operators/arithmetic/axes.ts";
import { sameShape } from "../../tensor/shape.ts";
import { sizeOf } from "../../tensor/tensor.ts";
import type { VjpCall, VjpRule } from "../vjp-rule.ts";

/** A reduction as its rule sees it: what was reduced, over which axes, and y and ȳ with extent 1 at those axes. */
interface Reduction {
  readonly g: GraphBuilder;
  readonly x: Value;
  readonly y: Value;
  readonly dy: Value;
  readonly axes: readonly number[];
}

/** The rule of a reduction, from `rule`, which gives x̄ or something that broadcasts to it. */
function reduction(rule: (reduction: Reduction) => Value): VjpRule {
  return (call) => {
    const { g, inputs, outputs, cotangents } = call;
    const x = inputs[0]!;
    const axes = axesOf(call);
    const kept = x.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
    const keep = (value: Value): Value =>
      sameShape(value.shape, kept) ? value : g.op("Reshape", [value, g.ints(kept)]);
    const dx = rule({ g, x, y: keep(outputs[0]), dy: keep(cotangents[0]!), axes });
    return [sameShape(dx.shape, x.shape) ? dx : g.op("Expand", [dx, g.ints(x.shape)])];
  };
}

function axesOf({ g, where, attributes, inputs: [x, axes] }: VjpCall): number[] {
  const known = axes === undefined ? undefined : g.known(axes)?.data;
  return reductionAxes(where, attributes, x!.shape.length, known);
}

function sum(g: GraphBuilder, value: Value, axes: readonly number[]): Value {
  return axes.length === 0 ? value : g.op("ReduceSum", [value, g.ints(axes)], { keepdims: 1 });
}

/** y = Σ x ⇒ x̄ = ȳ, repeated */
export const ReduceSum = reduction(({ dy }) => dy);

/** y = Σ x / n ⇒ x̄ = ȳ / n, repeated */
export const ReduceMean = reduction(({ g, x, dy }) =>
  g.op("Div", [dy, g.scalar(sizeOf(x.shape) / sizeOf(dy.shape), dy.dtype)]),
);

/**
 * y = max x (or min x) ⇒ x̄ = ȳ · [x = y] / #(x = y): elements that tie share the cotangent equally, as in PyTorch's amax, amin
 * and max of all elements. (Its max along one axis, which exports to the same operator, gives all to the first.)
 */
const extremum = reduction(({ g, x, y, dy, axes }) => {
  const hit = g.op("Equal", [x, y]);
  const ties = sum(g, g.op("Where", [hit, g.scalar(1, x.dtype), g.scalar(0, x.dtype)]), axes);
  return g.op("Where", [hit, g.op("Div", [dy, ties]), g.scalar(0, x.dtype)]);
});
export const ReduceMax = extremum;
export const ReduceMin = extremum;

/**
 * y = Π x ⇒ x̄ᵢ = ȳ · Π of the others. Zeros need care: with p the product of all elements that are not 0, the others' product
 * is p / xᵢ where no other element is 0 (p itself where xᵢ = 0), and 0 where one is.
 */
export const ReduceProd = reduction(({ g, x, dy, axes }) => {
  const [zero, one] = [g.scalar(0, x.dtype), g.scalar(1, x.dtype)];
  const isZero = g.op("Equal", [x, zero]);
  const nonzero = g.op("Where", [isZero, one, x]);
  const zeros = g.op("Where", [isZero, one, zero]);
  const otherZeros = g.op("Sub", [sum(g, zeros, axes), zeros]);
  const product = axes.length === 0 ? nonzero : g.op("ReduceProd", [nonzero, g.ints(axes)], { keepdims: 1 });
  const others = g.op("Where", [g.op("Equal", [otherZeros, zero]), g.op("Div", [product, nonzero]), zero]);
  return g.op("Mul", [dy, others]);
});

/** y = Σ |x| ⇒ x̄ = ȳ · sign x, 0 at the kink x = 0 */
export const ReduceL1 = reduction(({ g, x, dy }) => g.op("Mul", [dy, g.op("Sign", [x])]));

/** y = √Σ x² ⇒ x̄ = ȳ · x / y, and 0 where y = 0 (the kink), as in PyTorch */
export const ReduceL2 = reduction(({ g, x, y, dy }) => {
  const zero = g.scalar(0, x.dtype);
  const factor = g.op("Where", [g.op("Equal", [y, zero]), zero, g.op("Div", [dy, y])]);
  return g.op("Mul", [x, factor]);
});

/** y = Σ x² ⇒ x̄ = 2 ȳ · x */
export const ReduceSumSquare = reduction(({ g, x, dy }) => g.op("Mul", [x, g.op("Mul", [dy, g.scalar(2, dy.dtype)])]));

/** y = log Σ x ⇒ x̄ = ȳ / Σ x, repeated */
export const ReduceLogSum = reduction(({ g, x, dy, axes }) => g.op("Div", [dy, sum(g, x, axes)]));

/** y = log Σ exp x ⇒ x̄ = ȳ · exp(x − y) */
export const ReduceLogSumExp = reduction(({ g, x, y, dy }) => g.op("Mul", [dy, g.op("Exp", [g.op("Sub", [x, y])])]));

/** y = running sum of x ⇒ x̄ = running sum of ȳ from the other end */
export const CumSum: VjpRule = ({ g, attributes, inputs: [, axis], cotangents: [dy] }) => [
  g.op("CumSum", [dy, axis], {
    exclusive: attributes.int("exclusive", 0),
    reverse: 1 - attributes.int("reverse", 0),
  }),
];
