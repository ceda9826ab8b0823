/** @file Shape rules of quantization: the shape stays, the element type changes. */
import { UnsupportedError } from "../../../errors.ts";
import { dataTypeOfNumber } from "../../file/tensor-proto.ts";
import { parameterShape } from "../arithmetic/quantized-range.ts";
import { checkBroadcasts, type ShapeCall, type ShapeRule } from "./shape-rule.ts";

function refuseBlocks({ where, attributes }: ShapeCall): void {
  if (attributes.int("block_size", 0) === 0) return;
  throw new UnsupportedError({ where, what: "quantization in blocks is not supported", expected: "block_size 0" });
}

/** One scale and zero point for all, or one for each position along the axis. */
function checkParameters({ where, attributes, inputs: [x, ...parameters] }: ShapeCall): void {
  for (const parameter of parameters) {
    if (parameter === undefined) continue;
    checkBroadcasts(
      where,
      "a parameter",
      parameterShape(where, parameter.shape, x!.shape, attributes.int("axis", 1)),
      x!.shape,
    );
  }
}

/** The type of the zero point; without one, what `output_dtype` says, or uint8. */
export const QuantizeLinear: ShapeRule = (call) => {
  refuseBlocks(call);
  checkParameters(call);
  const { attributes, inputs } = call;
  const dtype = inputs[2]?.dtype ?? dataTypeOfNumber(attributes.int("output_dtype", 0)) ?? "uint8";
  return [{ dtype, shape: inputs[0]!.shape }];
};

/** The type of the scale. */
export const DequantizeLinear: ShapeRule = (call) => {
  refuseBlocks(call);
  checkParameters(call);
  return [{ dtype: call.inputs[1]!.dtype, shape: call.inputs[0]!.shape }];
};
