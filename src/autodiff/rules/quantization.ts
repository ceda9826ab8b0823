/**
 * @file Rules of quantization: the straight-through estimator.
 *
 * Rounding has no useful derivative, so its step is passed straight through, as if the integers were real numbers; where
 * the integer saturates, the derivative is 0. Source: Bengio, Léonard and Courville, "Estimating or Propagating Gradients
 * Through Stochastic Neurons", 2013; the zero outside the range is that of PyTorch's fake quantization.
 */
import type { GraphBuilder, Value } from "../../onnx/builder.ts";
import { numberOfDataType } from "../../onnx/file/tensor-proto.ts";
import { parameterShape, quantizedRange } from "../../onnx/operators/arithmetic/quantized-range.ts";
import { reshapeTo } from "../adjoints/linear-maps.ts";
import { unbroadcast } from "../adjoints/unbroadcast.ts";
import { pullbacks } from "../pullbacks.ts";
import { rule, type VjpCall } from "../rule.ts";

type ParameterCall = Pick<VjpCall, "g" | "where" | "attributes">;

/** A scale or a zero point, of one number or one per slice, in a shape that broadcasts to that of the quantized `x`. */
function aligned({ g, where, attributes }: ParameterCall, parameter: Value, x: Value): Value {
  return reshapeTo(g, parameter, parameterShape(where, parameter.shape, x.shape, attributes.int("axis", 1)));
}

/** A parameter that is computed from the image gets the sum over all elements that it is for. */
function toParameter(call: ParameterCall, cotangent: Value, parameter: Value, x: Value): Value {
  const { g, where, attributes } = call;
  const shape = parameterShape(where, parameter.shape, x.shape, attributes.int("axis", 1));
  return reshapeTo(g, unbroadcast(g, cotangent, shape), parameter.shape);
}

export const QuantizeLinear = rule({
  formula: `
    y = saturate(round(x / s) + z) ⇒ x̄ = ȳ / s, s̄ = −Σ ȳ (y − z) / s, z̄ = Σ ȳ, each where round(x / s) + z is within the range, 0
    elsewhere: straight through the rounding. With s̄ and z̄ of DequantizeLinear those of a scale that is computed from x cancel.`,
  vjp: pullbacks(["x", "scale", "zero?"], ({ x, scale, zero, y, dy, ...call }) => {
    const { g, where, add, mul, div, neg, select } = call;
    const spread = aligned(call, scale, x);
    const [least, largest] = quantizedRange(where, y.dtype);
    const rounded = g.op("Round", [div(x, spread)]);
    const real = zero && aligned(call, asReal(g, zero, scale), x);
    const integer = real === undefined ? rounded : add(rounded, real);
    const within = g.op("And", [
      g.op("GreaterOrEqual", [integer, call.scalar(least, x)]),
      g.op("LessOrEqual", [integer, call.scalar(largest, x)]),
    ]);
    return {
      x: () => select(within, div(dy, spread), 0),
      scale: () => neg(toParameter(call, select(within, div(mul(dy, rounded), spread), 0), scale, x)),
      zero: (point) => toParameter(call, select(within, dy, 0), point, x),
    };
  }),
  excitation: { by: "first" },
  step: { rounds: () => true, passes: "always" },
});

export const DequantizeLinear = rule({
  formula: "y = (x − z) s ⇒ x̄ = ȳ s, s̄ = Σ ȳ (x − z), z̄ = −Σ ȳ s. In a trained network, s and z are constants.",
  vjp: pullbacks(["x", "scale", "zero?"], ({ x, scale, zero, dy, ...call }) => {
    const { g, mul, sub, neg } = call;
    const spread = aligned(call, scale, x);
    return {
      x: () => mul(dy, spread),
      scale: () => {
        const real = asReal(g, x, scale);
        const centered = zero === undefined ? real : sub(real, aligned(call, asReal(g, zero, scale), x));
        return toParameter(call, mul(dy, centered), scale, x);
      },
      zero: (point) => neg(toParameter(call, mul(dy, spread), point, x)),
    };
  }),
  excitation: { by: "first" },
});

/** Integers as numbers of the type of `like`. */
function asReal(g: GraphBuilder, integers: Value, like: Value): Value {
  return g.op("Cast", [integers], { to: numberOfDataType(like.dtype) });
}
