/** @file Rules of the convolutions. */
import { slidingWindow, transposedWindow } from "../../onnx/operators/arithmetic/window.ts";
import { channelSum } from "../adjoints/unbroadcast.ts";
import { gather, spread, weightCotangent } from "../adjoints/window-adjoints.ts";
import { pullbacks } from "../pullbacks.ts";
import { rule } from "../rule.ts";

export const Conv = rule({
  formula: "y = w ∗ x + b ⇒ x̄ = wᵀ ∗ ȳ (the adjoint), w̄ = x ∗ ȳ over batch and positions, b̄ = Σ ȳ",
  vjp: pullbacks(["x", "w", "b?"], ({ g, where, attributes, x, w, dy }) => {
    const window = slidingWindow(where, attributes, x.shape.slice(2), w.shape.slice(2));
    const group = attributes.int("group", 1);
    return {
      x: () => spread(g, dy, w, window, group),
      w: () => weightCotangent(g, x, dy, window, group),
      b: () => channelSum(g, dy),
    };
  }),
  excitation: { by: "weights", operands: 2, isContrasted: true },
});

export const ConvTranspose = rule({
  formula: `
    y = wᵀ ∗ x + b ⇒ x̄ = w ∗ ȳ, w̄ = ȳ ∗ x over batch and positions, b̄ = Σ ȳ: those of Conv with x and y in each other's place`,
  vjp: pullbacks(["x", "w", "b?"], ({ g, where, attributes, x, w, dy }) => {
    const window = transposedWindow(where, attributes, x.shape.slice(2), w.shape.slice(2));
    const group = attributes.int("group", 1);
    return {
      x: () => gather(g, dy, w, window, group),
      w: () => weightCotangent(g, dy, x, window, group),
      b: () => channelSum(g, dy),
    };
  }),
  excitation: { by: "weights", operands: 2 },
});
