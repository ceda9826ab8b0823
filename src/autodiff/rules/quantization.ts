/**
 * @file VJP rules of quantization: the straight-through estimator.
 *
 * Rounding has no useful derivative, so its step is passed straight through, as if the integers were real numbers; where
 * the integer saturates, the derivative is 0. Source: Bengio, Léonard and Courville, "Estimating or Propagating Gradients
 * Through Stochastic Neurons", 2013; the zero outside the range is that of PyTorch's fake quantization.
 */
import type { GraphBuilder, Value } from "../../onnx/builder.ts";
import { parameterShape, quantizedRange } from "../../onnx/operators/arithmetic/quantized-range.ts";
import { reshapeTo } from "../linear-maps.ts";
import type { VjpCall, VjpRule } from "../vjp-rule.ts";

/** The scale, in a shape that broadcasts to the quantized value's. */
function scaleOf({ g, where, attributes, inputs: [x, scale] }: VjpCall): Value {
  return reshapeTo(g, scale!, parameterShape(where, scale!.shape, x!.shape, attributes.int("axis", 1)));
}

/** The zero point as a real number, in a shape that broadcasts; undefined where it is left out. */
function zeroPointOf({ g, where, attributes, inputs: [x, scale, zero] }: VjpCall): Value | undefined {
  if (zero === undefined) return undefined;
  const real = g.op("Cast", [zero], { to: scale!.dtype === "float64" ? 11 : 1 });
  return reshapeTo(g, real, parameterShape(where, zero.shape, x!.shape, attributes.int("axis", 1)));
}

/** y = saturate(round(x / s) + z) ⇒ x̄ = ȳ / s where round(x / s) + z is within the range, 0 elsewhere. */
export const QuantizeLinear: VjpRule = (call) => {
  const { g, where, inputs, outputs, cotangents, wants } = call;
  if (!wants(0)) return [undefined];
  const [x] = inputs;
  const scale = scaleOf(call);
  const [least, largest] = quantizedRange(where, outputs[0].dtype);
  const scaled = g.op("Round", [g.op("Div", [x, scale])]);
  const zero = zeroPointOf(call);
  const integer = zero === undefined ? scaled : g.op("Add", [scaled, zero]);
  const within = g.op("And", [
    g.op("GreaterOrEqual", [integer, bound(g, least, x!)]),
    g.op("LessOrEqual", [integer, bound(g, largest, x!)]),
  ]);
  return [g.op("Where", [within, g.op("Div", [cotangents[0], scale]), bound(g, 0, x!)])];
};

function bound(g: GraphBuilder, value: number, like: Value): Value {
  return g.scalar(value, like.dtype);
}

/** y = (x − z) s ⇒ x̄ = ȳ s; the scale and the zero point are constants of a trained network. */
export const DequantizeLinear: VjpRule = (call) => {
  const { g, cotangents, wants } = call;
  return [wants(0) ? g.op("Mul", [cotangents[0], scaleOf(call)]) : undefined];
};
