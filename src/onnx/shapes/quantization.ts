/** @file Shape rules of quantization: the shape stays, the element type changes. */
import { UnsupportedError } from "../../errors.ts";
import { dataTypeOfNumber } from "../tensor-proto.ts";
import type { ShapeCall, ShapeRule } from "./shape-rule.ts";

function refuseBlocks({ where, attributes }: ShapeCall): void {
  if (attributes.int("block_size", 0) === 0) return;
  throw new UnsupportedError({ where, what: "quantization in blocks is not supported", expected: "block_size 0" });
}

/** The type of the zero point; without one, what `output_dtype` says, or uint8. */
export const QuantizeLinear: ShapeRule = (call) => {
  refuseBlocks(call);
  const { attributes, inputs } = call;
  const dtype = inputs[2]?.dtype ?? dataTypeOfNumber(attributes.int("output_dtype", 0)) ?? "uint8";
  return [{ dtype, shape: inputs[0]!.shape }];
};

/** The type of the scale. */
export const DequantizeLinear: ShapeRule = (call) => {
  refuseBlocks(call);
  return [{ dtype: call.inputs[1]!.dtype, shape: call.inputs[0]!.shape }];
};
