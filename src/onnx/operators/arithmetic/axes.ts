/** @file The axes that a reduction or a normalization runs over, read from a node. */
import { normalizeAxis } from "../../../tensor/shape.ts";
import type { AttributeReader } from "../../attributes.ts";

/**
 * The axes of a reduction in ascending order: those of the optional second input, all if there are none, and
 * none at all if there are none and `noop_with_empty_axes` says so.
 */
export function reductionAxes(
  where: string,
  attributes: AttributeReader,
  rank: number,
  axes: ArrayLike<number> | undefined,
): number[] {
  if (axes !== undefined && axes.length > 0) {
    const normalized = Array.from(axes, (axis) => normalizeAxis(where, axis, rank));
    return [...new Set(normalized)].sort((a, b) => a - b);
  }
  if (attributes.int("noop_with_empty_axes", 0) !== 0) return [];
  return Array.from({ length: rank }, (_, axis) => axis);
}
