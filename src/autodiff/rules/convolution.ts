/** @file VJP rules of the convolutions. */
import type { GraphBuilder, Value } from "../../onnx/builder.ts";
import { slidingWindow, transposedWindow } from "../../onnx/operators/arithmetic/window.ts";
import type { VjpRule } from "../vjp-rule.ts";
import { gather, spread, weightCotangent } from "./window-adjoints.ts";

/** The bias is added at every position of every image: its cotangent is the sum over all axes but the channels. */
function biasCotangent(g: GraphBuilder, dy: Value): Value {
  const axes = dy.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
  return g.op("ReduceSum", [dy, g.ints(axes)], { keepdims: 0 });
}

/** y = w ∗ x + b ⇒ x̄ = wᵀ ∗ ȳ (the adjoint), w̄ = x ∗ ȳ over batch and positions, b̄ = Σ ȳ */
export const Conv: VjpRule = ({ g, where, attributes, inputs: [x, w], cotangents, wants }) => {
  const dy = cotangents[0]!;
  const window = slidingWindow(where, attributes, x!.shape.slice(2), w!.shape.slice(2));
  const group = attributes.int("group", 1);
  return [
    wants(0) ? spread(g, dy, w!, window, group) : undefined,
    wants(1) ? weightCotangent(g, x!, dy, window, group) : undefined,
    wants(2) ? biasCotangent(g, dy) : undefined,
  ];
};

/** y = wᵀ ∗ x + b ⇒ x̄ = w ∗ ȳ, w̄ = ȳ ∗ x over batch and positions, b̄ = Σ ȳ: those of Conv with x and y in each other's place */
export const ConvTranspose: VjpRule = ({ g, where, attributes, inputs: [x, w], cotangents, wants }) => {
  const dy = cotangents[0]!;
  const window = transposedWindow(where, attributes, x!.shape.slice(2), w!.shape.slice(2));
  const group = attributes.int("group", 1);
  return [
    wants(0) ? gather(g, dy, w!, window, group) : undefined,
    wants(1) ? weightCotangent(g, dy, x!, window, group) : undefined,
    wants(2) ? biasCotangent(g, dy) : undefined,
  ];
};
