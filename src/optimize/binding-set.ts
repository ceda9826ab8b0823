/** @file Which elements of a point the constraints hold in place, found by asking the projection. */
import type { FloatArray, Projection } from "./solver.ts";

/** Elements count as being on a bound within this distance (relative above 1), sixteen units in the last place of float32 at 1. */
const bindingDistance = 1e-6;

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
export function bindingSetFinder(
  like: FloatArray,
  project: Projection,
): (point: FloatArray, gradient: FloatArray) => BindingSet {
  const size = like.length;
  const stepped = like.slice();
  const target = like.slice();
  const indices = new Int32Array(size);
  const moves = new Float64Array(size);
  return (point, gradient) => {
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
