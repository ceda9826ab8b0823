/** @file Boxes as annotated, checked against the picture. */
import type { Box } from "./dataset.ts";
import type { PictureSize } from "./dataset-source.ts";

export interface BoxFinding {
  /** The part of the box that is in the picture; undefined if there is none. */
  readonly box?: Box;
  /** What is wrong with the box and what was done about it. */
  readonly problem?: string;
}

/**
 * A box that reaches out of its picture by no more than this, in pixels, is clipped without a word: some annotators counted from
 * 1, some took the last pixel's far edge.
 */
const tolerance = 1;

/**
 * `box`, [x0, y0, x1, y1) in pixels, clipped to a picture of `size` (only to positive coordinates where the size is not known).
 * A box with a coordinate that is no number, without area, or outside the picture is dropped.
 */
export function checkBox(box: Box, size: PictureSize | undefined): BoxFinding {
  const text = `[${box.join(", ")})`;
  if (!box.every(Number.isFinite)) return { problem: `box ${text} has a coordinate that is no number; dropped` };
  const [x0, y0, x1, y1] = box;
  if (x1 <= x0 || y1 <= y0) return { problem: `box ${text} has no area; dropped` };
  const { width, height } = size ?? { width: Infinity, height: Infinity };
  const clipped: Box = [Math.max(0, x0), Math.max(0, y0), Math.min(width, x1), Math.min(height, y1)];
  const of = size === undefined ? "the picture" : `the picture of ${width} × ${height}`;
  if (clipped[2] <= clipped[0] || clipped[3] <= clipped[1])
    return { problem: `box ${text} lies outside ${of}; dropped` };
  const excess = Math.max(...box.map((value, i) => Math.abs(value - clipped[i])));
  return excess <= tolerance
    ? { box: clipped }
    : { box: clipped, problem: `box ${text} reaches out of ${of}; clipped` };
}
