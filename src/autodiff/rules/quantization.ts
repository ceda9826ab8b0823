/**
 * @file Rules of quantization: the straight-through estimator.
 *
 * Rounding has no useful derivative, so its step is passed straight through, as if the integers were real numbers; where
 * the integer saturates, the derivative is 0. Source: Bengio, Léonard and Courville, "Estimating or Propagating Gradients
 * Through Stochastic Neurons", 2013; the zero outside the range is that of PyTorch's fake quantization.
 */
import type { Value } from "../../onnx/builder.ts";
import { parameterShape, quantizedRange } from "../../onnx/operators/arithmetic/quantized-range.ts";
import { reshapeTo } from "../adjoints/linear-maps.ts";
import { pullbacks } from "../pullbacks.ts";
import { rule, type VjpCall } from "../rule.ts";

/** A scale or a zero point, of one number or one per slice, in a shape that broadcasts to that of the quantized `x`. */
function aligned(
  { g, where, attributes }: Pick<VjpCall, "g" | "where" | "attributes">,
  parameter: Value,
  x: Value,
): Value {
  return reshapeTo(g, parameter, parameterShape(where, parameter.shape, x.shape, attributes.int("axis", 1)));
}

export const QuantizeLinear = rule({
  formula: `
    y = saturate(round(x / s) + z) ⇒ x̄ = ȳ / s where round(x / s) + z is within the range, 0 elsewhere: straight through the rounding.`,
  vjp: pullbacks(["x", "scale", "zero?"], ({ x, scale, zero, y, dy, ...call }) => ({
    x: () => {
      const { g, where, add, div, select } = call;
      const broadScale = aligned(call, scale, x);
      const [least, largest] = quantizedRange(where, y.dtype);
      const rounded = g.op("Round", [div(x, broadScale)]);
      const real = zero && g.op("Cast", [zero], { to: scale.dtype === "float64" ? 11 : 1 });
      const integer = real === undefined ? rounded : add(rounded, aligned(call, real, x));
      const within = g.op("And", [
        g.op("GreaterOrEqual", [integer, call.scalar(least, x)]),
        g.op("LessOrEqual", [integer, call.scalar(largest, x)]),
      ]);
      return select(within, div(dy, broadScale), 0);
    },
  })),
  excitation: { by: "first" },
  step: { rounds: () => true, passes: "always" },
});

export const DequantizeLinear = rule({
  formula: "y = (x − z) s ⇒ x̄ = ȳ s; the scale and the zero point are constants of a trained network.",
  vjp: pullbacks(["x", "scale"], ({ x, scale, dy, ...call }) => ({
    x: () => call.mul(dy, aligned(call, scale, x)),
  })),
  excitation: { by: "first" },
});
