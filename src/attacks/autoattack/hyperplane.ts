/**
 * @file The shortest way from a point of [0, 1]ⁿ to a hyperplane that stays in [0, 1]ⁿ, in ℓ∞ and in ℓ2.
 *
 * Source: Croce and Hein, "Minimally distorted adversarial examples with a fast adaptive boundary attack", ICML 2020, section 2. Theirs sorts;
 * this climbs: with α the multiplier, w·d(α) is concave and piecewise linear, so that Newton's iteration from 0 ends at its root.
 */
import type { Norm } from "../budget.ts";

/** Weights below this are no direction in ℓ2, as in the authors' code. */
const leastWeight = 1e-8;

/**
 * Writes to `move` the smallest d with w·(point + d) = w·point + offset and point + d in [0, 1]. Where no point of [0, 1]ⁿ lies on the
 * plane, d goes to the corner nearest to it. Elements with weight 0 do not move.
 */
export function moveToPlane(
  point: Float32Array,
  weights: Float32Array,
  offset: number,
  norm: Norm,
  move: Float32Array,
): void {
  const side = offset > 0 ? 1 : -1;
  const least = norm === "l2" ? leastWeight : 0;
  const isLinf = norm === "linf";
  const wanted = Math.abs(offset);
  let alpha = 0;
  for (;;) {
    // What is gained at α, and by how much more for each further unit of it.
    let [gained, slope] = [0, 0];
    for (let i = 0; i < point.length; i++) {
      const weight = side * weights[i];
      const magnitude = Math.abs(weight);
      if (magnitude <= least) continue;
      const room = weight > 0 ? 1 - point[i] : point[i];
      const length = isLinf ? alpha : alpha * magnitude;
      if (length < room) {
        gained += magnitude * length;
        slope += isLinf ? magnitude : magnitude * magnitude;
      } else gained += magnitude * room;
    }
    if (slope === 0 || gained >= wanted) break;
    const next = alpha + (wanted - gained) / slope;
    if (next <= alpha) break;
    alpha = next;
  }
  for (let i = 0; i < point.length; i++) {
    const weight = side * weights[i];
    const magnitude = Math.abs(weight);
    if (magnitude <= least) move[i] = 0;
    else if (weight > 0) move[i] = Math.min(isLinf ? alpha : alpha * magnitude, 1 - point[i]);
    else move[i] = -Math.min(isLinf ? alpha : alpha * magnitude, point[i]);
  }
}
