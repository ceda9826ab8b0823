/** @file Reference kernels of the operators that move, pick, repeat or describe elements. */
import { sizeOf } from "../../tensor/tensor.ts";
import type { Kernel } from "./kernel.ts";

export const Shape: Kernel = ({ inputs: [x], attributes, outputs: [type] }) => {
  const { shape } = x!;
  const start = attributes.int("start", 0);
  const first = Math.max(start < 0 ? start + shape.length : start, 0);
  return [{ ...type, data: Float64Array.from(shape.slice(first, first + type.shape[0])) }];
};

export const Size: Kernel = ({ inputs: [x], outputs: [type] }) => [
  { ...type, data: Float64Array.of(sizeOf(x!.shape)) },
];
