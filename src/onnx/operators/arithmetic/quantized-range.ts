/** @file What integers a quantized value can be. */
import { UnsupportedError } from "../../../errors.ts";
import { normalizeAxis } from "../../../tensor/shape.ts";
import type { DataType, Shape } from "../../../tensor/tensor.ts";

const ranges: Partial<Record<DataType, readonly [least: number, largest: number]>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  uint16: [0, 65535],
  int32: [-(2 ** 31), 2 ** 31 - 1],
};

/** The least and the largest integer of a quantized type. */
export function quantizedRange(where: string, dtype: DataType): readonly [least: number, largest: number] {
  const range = ranges[dtype];
  if (range !== undefined) return range;
  throw new UnsupportedError({
    where,
    what: `quantization to ${dtype} is not supported`,
    expected: "int8 or uint8",
    advice: "Quantize the model to 8 bits, or use it as it was before.",
  });
}

/** The shape under which a scale or zero point (a scalar, or a vector along `axis`) broadcasts to `shape`. */
export function parameterShape(where: string, parameter: Shape, shape: Shape, axis: number): Shape {
  const count = parameter.reduce((a, b) => a * b, 1);
  if (count === 1) return [];
  const along = normalizeAxis(where, axis, shape.length);
  return shape.map((_, i) => (i === along ? count : 1));
}
