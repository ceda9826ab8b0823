/** @file The bounds of a box, one for each element. */
import { kernelsFor } from "../simd/kernels.ts";
import type { Workspace } from "../simd/workspace.ts";
import { type FloatArray, zerosLike } from "../tensor/vector.ts";
import type { Projection } from "./solver.ts";

/** {x : lows ≤ x ≤ highs}, element by element. */
export interface Bounds {
  readonly lows: FloatArray;
  readonly highs: FloatArray;
}

/**
 * The bounds of the set that is projected on, if it is a box: in the memory of `workspace` where they have the precision of the points, else in
 * arrays elsewhere.
 */
export function boundsOf<A extends FloatArray>(
  project: Projection | undefined,
  like: A,
  workspace: Workspace<A>,
): Bounds | undefined {
  if (project?.box === undefined) return undefined;
  const perElement = (bound: number | FloatArray): FloatArray => {
    if (typeof bound === "number") {
      const isExact = like instanceof Float64Array || Math.fround(bound) === bound;
      return (isExact ? workspace.vectors() : zerosLike(like)).fill(bound);
    }
    return bound.BYTES_PER_ELEMENT === like.BYTES_PER_ELEMENT
      ? workspace.adopt(bound as A, workspace.vectors())
      : bound;
  };
  const { low, high } = project.box;
  return { lows: perElement(low), highs: perElement(high) };
}

/** Moves `point` to the nearest between the bounds. */
export function clipTo({ lows, highs }: Bounds, point: FloatArray): void {
  const kernels = kernelsFor(point, lows, highs);
  if (kernels !== undefined) {
    kernels.clip(point.byteOffset, lows.byteOffset, highs.byteOffset, point.length);
    return;
  }
  for (let i = 0; i < point.length; i++) {
    if (point[i] < lows[i]) point[i] = lows[i];
    else if (point[i] > highs[i]) point[i] = highs[i];
  }
}
