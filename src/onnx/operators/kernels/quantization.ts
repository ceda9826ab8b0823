/** @file Reference kernels of quantization. */
import { broadcastStrides, stridesOf } from "../../../tensor/shape.ts";
import type { Shape } from "../../../tensor/tensor.ts";
import type { NumericTensor } from "../../numeric-tensor.ts";
import { parameterShape, quantizedRange } from "../arithmetic/quantized-range.ts";
import type { Kernel, KernelCall } from "./kernel.ts";

/** Rounds to the nearest integer, halves to the even one. */
function roundHalfToEven(x: number): number {
  const rounded = Math.round(x);
  return rounded - x === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/** Reads a scale or zero point as if it were broadcast to `shape`; without one, 0. */
function along({ where, attributes }: KernelCall, parameter: NumericTensor | undefined, shape: Shape) {
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

/** saturate(round(x / scale) + zero point) */
export const QuantizeLinear: Kernel = (call) => {
  const { where, inputs, outputs } = call;
  const [x, scale, zero] = inputs;
  const [least, largest] = quantizedRange(where, outputs[0].dtype);
  const [scaleAt, zeroAt] = [along(call, scale, x!.shape), along(call, zero, x!.shape)];
  const data = x!.data.map((value, i) =>
    Math.min(largest, Math.max(least, roundHalfToEven(value / scaleAt(i)) + zeroAt(i))),
  );
  return [{ ...outputs[0], data }];
};

/** (x − zero point) · scale */
export const DequantizeLinear: Kernel = (call) => {
  const [x, scale, zero] = call.inputs;
  const [scaleAt, zeroAt] = [along(call, scale, x!.shape), along(call, zero, x!.shape)];
  return [{ ...call.outputs[0], data: x!.data.map((value, i) => (value - zeroAt(i)) * scaleAt(i)) }];
};
