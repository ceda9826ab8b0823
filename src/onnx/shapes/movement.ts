/** @file Shape rules of the operators that move, pick, repeat or describe elements. */
import type { ShapeRule } from "./shape-rule.ts";

/** The extents of the input from axis `start` (default 0) to before `end` (default the rank), both clamped. */
export const Shape: ShapeRule = ({ inputs: [x], attributes }) => {
  const rank = x!.shape.length;
  const clamp = (axis: number): number => Math.min(Math.max(axis < 0 ? axis + rank : axis, 0), rank);
  const length = clamp(attributes.int("end", rank)) - clamp(attributes.int("start", 0));
  return [{ dtype: "int64", shape: [Math.max(0, length)] }];
};

export const Size: ShapeRule = () => [{ dtype: "int64", shape: [] }];
