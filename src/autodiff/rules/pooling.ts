/** @file Rules of the pools. */
import type { Value } from "../../onnx/builder.ts";
import { poolWindow, tapCounts, type Window } from "../../onnx/operators/arithmetic/window.ts";
import { sizeOf, tensorOf } from "../../tensor/tensor.ts";
import { routeToFirstMaximum } from "../adjoints/first-maximum.ts";
import { spreadSum } from "../adjoints/window-adjoints.ts";
import { type Pull, pullbacks, unary } from "../pullbacks.ts";
import { rule } from "../rule.ts";

type PoolPull = Pull & { readonly x: Value };

function windowOf({ where, attributes, x }: PoolPull): Window {
  return poolWindow(where, attributes, x.shape.slice(2));
}

export const AveragePool = rule({
  formula:
    "y = Σ over the window of x / n ⇒ x̄ = Σ over the windows that hold it of ȳ / n, n being what the operator divides by",
  vjp: unary((call) => {
    const { g, attributes, dy } = call;
    const window = windowOf(call);
    const counts = tapCounts(window, attributes.int("count_include_pad", 0) !== 0);
    const divisor = counts.every((count) => count === counts[0])
      ? g.scalar(counts[0], dy.dtype)
      : g.constant(tensorOf(dy.dtype, counts, window.narrow));
    return spreadSum(g, call.div(dy, divisor), window);
  }),
  excitation: { by: "shares", among: "elements" },
});

export const MaxPool = rule({
  formula:
    "y = max x over the window ⇒ x̄ = Σ of ȳ over the windows whose first maximum in row-major order it is, as in PyTorch",
  vjp: unary((call) => routeToFirstMaximum(call.g, call.x, call.y, call.dy, windowOf(call))),
  excitation: { by: "as gradient" },
});

export const MaxUnpool = rule({
  formula: "The cotangents of the picked elements: the adjoint of copying to `indices` is reading from there.",
  vjp: pullbacks(["x", "indices"], ({ g, indices, dy }) => ({
    x: () => g.op("Gather", [g.op("Reshape", [dy, g.ints([-1])]), indices], { axis: 0 }),
  })),
  excitation: { by: "as gradient" },
});

export const LpPool = rule({
  formula:
    "y = (Σ |x|ᵖ)^(1/p) over the window ⇒ x̄ = |x|^(p−1) · sign x · Σ over the windows that hold it of ȳ y^(1−p), 0 where y = 0",
  vjp: unary((call) => {
    const window = windowOf(call);
    return lpCotangent(call, (value) => spreadSum(call.g, value, window));
  }),
  excitation: { by: "shares", among: "elements" },
});

export const GlobalLpPool = rule({
  formula: "As LpPool, over each whole plane",
  vjp: unary((call) => lpCotangent(call, (value) => value)),
  excitation: { by: "shares", among: "elements" },
});

/** The cotangent of a norm of windows; `spread` hands what each window has to the elements that it holds. */
function lpCotangent(
  { attributes, mul, div, pow, abs, sign, equal, select, x, y, dy }: PoolPull,
  spread: (value: Value) => Value,
): Value {
  const p = attributes.int("p", 2);
  if (p === 1) return mul(sign(x), spread(dy));
  const power = (value: Value, exponent: number): Value => (exponent === 1 ? value : pow(value, exponent));
  const perWindow = select(equal(y, 0), 0, div(dy, power(y, p - 1)));
  const slope = p === 2 ? x : mul(sign(x), power(abs(x), p - 1));
  return mul(slope, spread(perWindow));
}

export const GlobalAveragePool = rule({
  formula: "y = Σ x / n over each plane ⇒ x̄ = ȳ / n, repeated",
  vjp: unary(({ g, div, x, dy }) => g.op("Expand", [div(dy, sizeOf(x.shape.slice(2))), g.ints(x.shape)])),
  excitation: { by: "shares", among: "elements" },
});

export const GlobalMaxPool = rule({
  formula:
    "y = max x over each plane ⇒ x̄ = ȳ at the first maximum in row-major order (PyTorch's adaptive max pooling), 0 elsewhere",
  vjp: unary(({ g, equal, select, x, dy }) => {
    const [n, c, ...spatial] = x.shape;
    const plane = sizeOf(spatial);
    const rows = g.op("Reshape", [x, g.ints([n, c, plane])]);
    const first = g.op("ArgMax", [rows], { axis: 2, keepdims: 1 });
    const hit = equal(first, g.ints(Array.from({ length: plane }, (_, i) => i)));
    const flat = g.op("Reshape", [dy, g.ints([n, c, 1])]);
    return g.op("Reshape", [select(hit, flat, 0), g.ints(x.shape)]);
  }),
  excitation: { by: "as gradient" },
});
