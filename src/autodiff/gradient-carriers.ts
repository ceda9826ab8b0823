/** @file Which values can have a cotangent. */
import type { GraphBuilder, Value } from "../onnx/builder.ts";
import { isDifferentiableType } from "../onnx/infer-shapes.ts";
import { isNonDifferentiable, ruleOf } from "./rules/index.ts";

/**
 * Whether a value of `g` can have a cotangent: floating-point numbers, and the integers that quantization makes of them and that
 * pooling and movement pass on. Their cotangents are real numbers, as the straight-through estimator wants it.
 */
export function gradientCarriers(g: GraphBuilder): (value: Value) => boolean {
  const quantized = new Set<string>();
  for (const { opType, inputs, outputs } of g.nodes) {
    const isPassedOn = quantized.has(inputs[0]) && !isNonDifferentiable(opType);
    if (!isPassedOn && !ruleOf(opType)?.quantizes) continue;
    for (const [i, output] of outputs.entries()) {
      // What else an operator gives of other types are indices and masks.
      if (output === "" || isDifferentiableType(g.value(output))) continue;
      if (i === 0 || g.value(output).dtype === g.value(inputs[0]).dtype) quantized.add(output);
    }
  }
  return (value) => isDifferentiableType(value) || quantized.has(value.name);
}
