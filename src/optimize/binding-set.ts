/** @file Which elements of a point the constraints hold in place, found by asking the projection. */

import { kernelsFor } from "../simd/kernels.ts";
import { ordinaryWorkspace, type Workspace, type WorkspaceSize } from "../simd/workspace.ts";
import type { FloatArray } from "../tensor/vector.ts";
import { type Bounds, boundsOf } from "./bounds.ts";
import type { Projection } from "./solver.ts";

/** Elements count as being on a bound within this distance (relative above 1), sixteen units in the last place of float32 at 1. */
const bindingDistance = 1e-6;

/** Covers the rounding of a distance to a bound. */
const slack = 1 + 1e-6;

/** What holds at a point under a projection P; overwritten by the next search. */
export interface BindingSet {
  /** The first {@link count} entries are the indices of the bound elements, ascending. */
  readonly indices: Int32Array;
  /** Elements on a bound that the negative gradient pushes outward. */
  readonly count: number;
  /** The largest |P(x − g) − x|: zero exactly at a stationary point. */
  readonly residual: number;
  /** For each of these, how far it still is from its bound. */
  readonly moves: Float64Array;
}

/**
 * A function that finds the binding set at a point with a gradient, reusing its memory.
 *
 * An element is bound when projecting the unit gradient step P(x − g) moves it back to where it was. That is the set I⁺ of
 * Bertsekas (1982, eq. 32) for boxes, to which a quasi-Newton direction must not be applied, or projecting the step may raise
 * the value. The largest |P(x − g) − x| is the usual measure of stationarity under any convex constraint (Conn, Gould &
 * Toint 1988). Where the projection leaves x − g alone, |g| stands for it, so that small gradients are not lost in rounding x − g.
 */
export function bindingSetFinder<A extends FloatArray>(
  like: A,
  project: Projection,
  workspace: Workspace<A> = ordinaryWorkspace(like),
  bounds: Bounds | undefined = boundsOf(project, like, workspace),
): (point: FloatArray, gradient: FloatArray) => BindingSet {
  const indices = workspace.integers(like.length);
  const moves = workspace.doubles(like.length);
  if (bounds === undefined) return askedFinder(like, project, indices, moves);
  const found = workspace.doubles(1);
  return (point, gradient) => findInBox(point, gradient, bounds, indices, moves, found);
}

/** What a finder takes of a workspace. */
export function bindingSetSize(like: FloatArray): WorkspaceSize {
  return { vectors: 2, doubles: like.length + 1, integers: like.length };
}

/** For any projection: it is asked where x − g goes. */
function askedFinder(like: FloatArray, project: Projection, indices: Int32Array, moves: Float64Array) {
  const size = like.length;
  const stepped = like.slice();
  const target = like.slice();
  return (point: FloatArray, gradient: FloatArray): BindingSet => {
    for (let i = 0; i < size; i++) stepped[i] = point[i] - gradient[i];
    target.set(stepped);
    project(target);
    let count = 0;
    let residual = 0;
    for (let i = 0; i < size; i++) {
      const untouched = target[i] === stepped[i];
      const move = untouched ? -gradient[i] : target[i] - point[i];
      const distance = Math.abs(move);
      if (!untouched && distance <= bindingDistance * Math.max(1, Math.abs(point[i]))) {
        indices[count] = i;
        moves[count++] = move;
      }
      if (distance > residual) residual = distance;
    }
    return { indices, count, moves, residual };
  };
}

/**
 * One pass over a box, whose bounds need no asking; the same bit for bit. On which side x − g leaves the box is as good as random,
 * and a branch on it costs more than all else, so it is looked at only where it can matter: near a bound, and where the residual could grow.
 */
export function findInBox(
  point: FloatArray,
  gradient: FloatArray,
  { lows, highs }: Bounds,
  indices: Int32Array,
  moves: Float64Array,
  found: Float64Array,
): BindingSet {
  const kernels = kernelsFor(point, gradient, lows, highs, indices, moves, found);
  if (kernels !== undefined) {
    const [at, slopes, lists] = [point.byteOffset, gradient.byteOffset, indices.byteOffset];
    const [from, to, residual] = [lows.byteOffset, highs.byteOffset, found.byteOffset];
    const count = kernels.findInBox(at, slopes, from, to, lists, moves.byteOffset, residual, point.length);
    return { indices, count, moves, residual: found[0] };
  }
  const isFloat32 = point instanceof Float32Array;
  let count = 0;
  let residual = 0;
  for (let i = 0; i < point.length; i++) {
    const at = point[i];
    const low = lows[i];
    const high = highs[i];
    const below = at - low;
    const above = high - at;
    // At least as far as an element counts as bound, and as rounding x − g to float32 reaches.
    const near = bindingDistance * (1 + Math.abs(at));
    const reach = residual - near;
    if (below > near && above > near && below * slack <= reach && above * slack <= reach) continue;
    const slope = gradient[i];
    const stepped = isFloat32 ? Math.fround(at - slope) : at - slope;
    const target = stepped < low ? low : stepped > high ? high : stepped;
    const move = target === stepped ? -slope : target - at;
    const distance = Math.abs(move);
    if (target !== stepped && distance <= bindingDistance * Math.max(1, Math.abs(at))) {
      indices[count] = i;
      moves[count++] = move;
    }
    if (distance > residual) residual = distance;
  }
  return { indices, count, moves, residual };
}
