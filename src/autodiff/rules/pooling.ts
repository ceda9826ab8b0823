/** @file VJP rules of the pools. */
import type { GraphBuilder, Value } from "../../onnx/builder.ts";
import { kernelShapeOf, slidingWindow, tapCounts, type Window } from "../../onnx/operators/arithmetic/window.ts";
import { sizeOf, tensorOf } from "../../tensor/tensor.ts";
import type { VjpCall, VjpRule } from "../vjp-rule.ts";
import { routeToFirstMaximum } from "./first-maximum.ts";
import { spreadSum } from "./window-adjoints.ts";

function poolWindow({ where, attributes, inputs: [x] }: VjpCall): Window {
  const spatial = x!.shape.slice(2);
  const kernel = kernelShapeOf(where, attributes, spatial);
  return slidingWindow(where, attributes, spatial, kernel, attributes.int("ceil_mode", 0) !== 0);
}

/** y = Σ over the window of x / n ⇒ x̄ = Σ over the windows that hold it of ȳ / n, n being what the operator divides by */
export const AveragePool: VjpRule = (call) => {
  const { g, attributes, cotangents } = call;
  const window = poolWindow(call);
  const counts = tapCounts(window, attributes.int("count_include_pad", 0) !== 0);
  const dy = cotangents[0]!;
  const divisor = counts.every((count) => count === counts[0])
    ? g.scalar(counts[0], dy.dtype)
    : g.constant(tensorOf(dy.dtype, counts, window.narrow));
  return [spreadSum(g, g.op("Div", [dy, divisor]), window)];
};

/** y = max x over the window ⇒ x̄ = Σ of ȳ over the windows whose first maximum in row-major order it is, as in PyTorch */
export const MaxPool: VjpRule = (call) => {
  const {
    g,
    inputs: [x],
    outputs: [y],
    cotangents: [dy],
  } = call;
  return [dy === undefined ? undefined : routeToFirstMaximum(g, x!, y, dy, poolWindow(call))];
};

/** The cotangents of the picked elements: the adjoint of copying to `indices` is reading from there. */
export const MaxUnpool: VjpRule = ({ g, inputs: [, indices], cotangents: [dy] }) => {
  const flat = g.op("Reshape", [dy, g.ints([-1])]);
  return [g.op("Gather", [flat, indices], { axis: 0 }), undefined];
};

/** y = (Σ |x|ᵖ)^(1/p) over the window ⇒ x̄ = |x|^(p−1) · sign x · Σ over the windows that hold it of ȳ y^(1−p), 0 where y = 0 */
export const LpPool: VjpRule = (call) => {
  const {
    g,
    attributes,
    inputs: [x],
    outputs: [y],
    cotangents: [dy],
  } = call;
  const window = poolWindow(call);
  return [lpCotangent(g, x!, y, dy!, attributes.int("p", 2), (value) => spreadSum(g, value, window))];
};

/** As {@link LpPool}, over each whole plane */
export const GlobalLpPool: VjpRule = ({ g, attributes, inputs: [x], outputs: [y], cotangents: [dy] }) => [
  lpCotangent(g, x!, y, dy!, attributes.int("p", 2), (value) => value),
];

function lpCotangent(
  g: GraphBuilder,
  x: Value,
  y: Value,
  dy: Value,
  p: number,
  spread: (value: Value) => Value,
): Value {
  if (p === 1) return g.op("Mul", [g.op("Sign", [x]), spread(dy)]);
  const power = (value: Value, exponent: number): Value =>
    exponent === 1 ? value : g.op("Pow", [value, g.scalar(exponent, value.dtype)]);
  const zero = g.scalar(0, dy.dtype);
  const perWindow = g.op("Where", [g.op("Equal", [y, zero]), zero, g.op("Div", [dy, power(y, p - 1)])]);
  const slope = p === 2 ? x : g.op("Mul", [g.op("Sign", [x]), power(g.op("Abs", [x]), p - 1)]);
  return g.op("Mul", [slope, spread(perWindow)]);
}

/** y = Σ x / n over each plane ⇒ x̄ = ȳ / n, repeated */
export const GlobalAveragePool: VjpRule = ({ g, inputs: [x], cotangents: [dy] }) => {
  const count = g.scalar(sizeOf(x!.shape.slice(2)), x!.dtype);
  return [g.op("Expand", [g.op("Div", [dy, count]), g.ints(x!.shape)])];
};

/** y = max x over each plane ⇒ x̄ = ȳ at the first maximum in row-major order (PyTorch's adaptive max pooling), 0 elsewhere */
export const GlobalMaxPool: VjpRule = ({ g, inputs: [x], cotangents: [dy] }) => {
  const [n, c, ...spatial] = x!.shape;
  const plane = sizeOf(spatial);
  const rows = g.op("Reshape", [x, g.ints([n, c, plane])]);
  const first = g.op("ArgMax", [rows], { axis: 2, keepdims: 1 });
  const hit = g.op("Equal", [first, g.ints(Array.from({ length: plane }, (_, i) => i))]);
  const flat = g.op("Reshape", [dy, g.ints([n, c, 1])]);
  const picked = g.op("Where", [hit, flat, g.scalar(0, dy!.dtype)]);
  return [g.op("Reshape", [picked, g.ints(x!.shape)])];
};
