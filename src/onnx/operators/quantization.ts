/** @file Quantization: the shape stays, the element type changes. */
import { UnsupportedError } from "../../errors.ts";
import { broadcastStrides, stridesOf } from "../../tensor/shape.ts";
import type { Shape } from "../../tensor/tensor.ts";
import { dataTypeOfNumber } from "../file/tensor-proto.ts";
import type { ValueType } from "../model.ts";
import type { NumericTensor } from "../numeric-tensor.ts";
import { parameterShape, quantizedRange } from "./arithmetic/quantized-range.ts";
import { roundHalfToEven } from "./arithmetic/round-half-to-even.ts";
import { checkBroadcasts } from "./check-shape.ts";
import { type KernelCall, operator, type ShapeCall } from "./operator.ts";
import type { InputsOf } from "./signature.ts";

/** Values, their scale and, maybe, their zero point. */
type QuantizedCall = ShapeCall<InputsOf<"N N N?", ValueType>>;

function refuseBlocks({ where, attributes }: QuantizedCall): void {
  if (attributes.int("block_size", 0) === 0) return;
  throw new UnsupportedError({
    where,
    what: "quantization in blocks is not supported",
    expected: "block_size 0",
    advice: "Quantize the model per tensor or per channel, or use it as it was before.",
  });
}

/** One scale and zero point for all, or one for each position along the axis. */
function checkParameters({ where, attributes, inputs: [x, ...parameters] }: QuantizedCall): void {
  for (const parameter of parameters) {
    if (parameter === undefined) continue;
    checkBroadcasts(
      where,
      "a parameter",
      parameterShape(where, parameter.shape, x.shape, attributes.int("axis", 1)),
      x.shape,
    );
  }
}

/** Reads a scale or zero point as if it were broadcast to `shape`; without one, 0. */
function along(
  { where, attributes }: Pick<KernelCall, "where" | "attributes">,
  parameter: NumericTensor | undefined,
  shape: Shape,
) {
  if (parameter === undefined) return () => 0;
  const own = broadcastStrides(parameterShape(where, parameter.shape, shape, attributes.int("axis", 1)), shape);
  const strides = stridesOf(shape);
  return (i: number): number => {
    let index = 0;
    own.forEach((stride, axis) => {
      index += stride * (Math.floor(i / strides[axis]) % shape[axis]);
    });
    return parameter.data[index];
  };
}

/** saturate(round(x / scale) + zero point), of the zero point's type; without one, of what `output_dtype` says, or uint8. */
export const QuantizeLinear = operator({
  inputs: "N N N?",
  attributes: "axis:int block_size:int output_dtype:int precision:int saturate:int",
  shape: (call) => {
    refuseBlocks(call);
    checkParameters(call);
    const { attributes, inputs } = call;
    const dtype = inputs[2]?.dtype ?? dataTypeOfNumber(attributes.int("output_dtype", 0)) ?? "uint8";
    return [{ dtype, shape: inputs[0].shape }];
  },
  kernel: (call) => {
    const { where, inputs, outputs } = call;
    const [x, scale, zero] = inputs;
    const [least, largest] = quantizedRange(where, outputs[0].dtype);
    const [scaleAt, zeroAt] = [along(call, scale, x.shape), along(call, zero, x.shape)];
    const data = x.data.map((value, i) =>
      Math.min(largest, Math.max(least, roundHalfToEven(value / scaleAt(i)) + zeroAt(i))),
    );
    return [{ ...outputs[0], data }];
  },
  traits: ["keepsShape"],
});

/** (x − zero point) · scale, of the scale's type. */
export const DequantizeLinear = operator({
  inputs: "N F N?",
  attributes: "axis:int block_size:int output_dtype:int",
  shape: (call) => {
    refuseBlocks(call);
    checkParameters(call);
    return [{ dtype: call.inputs[1].dtype, shape: call.inputs[0].shape }];
  },
  kernel: (call) => {
    const [x, scale, zero] = call.inputs;
    const [scaleAt, zeroAt] = [along(call, scale, x.shape), along(call, zero, x.shape)];
    return [{ ...call.outputs[0], data: x.data.map((value, i) => (value - zeroAt(i)) * scaleAt(i)) }];
  },
  traits: ["keepsShape"],
});
