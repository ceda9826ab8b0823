/** @file The projection on an ℓ1 ball around a point, together with a box. */
import { checkForm, numberIn } from "../errors.ts";
import type { FloatArray } from "../tensor/vector.ts";
import { floatAtLeast, floatAtMost } from "./projections.ts";
import type { Projection } from "./solver.ts";

/** So often the threshold is looked for at most; it is found in about ten. */
const mostLooks = 100;

/**
 * The Euclidean projection on {x : ‖x − center‖₁ ≤ radius and lower ≤ x ≤ upper} (Croce and Hein 2021, proposition 1), for a center within the bounds. Every change is lowered by the θ ≥ 0 for which
 * Σ min(max(|xᵢ − cᵢ| − θ, 0), room to the bound) is the radius, and cut off at the bound: what is lowered to nothing equals the center exactly. The sum falls with θ and is piecewise linear, so that Newton's
 * steps, held in a bracket, end at its root.
 */
export function projectL1Ball(center: Float32Array, radius: number, lower: number, upper: number): Projection {
  checkForm("projectL1Ball: center", center, "numbers");
  numberIn("projectL1Ball: radius", radius, { min: 0 });
  const [low, high] = [floatAtLeast(lower), floatAtMost(upper)];
  return (point: FloatArray): void => {
    let most = 0;
    for (let i = 0; i < point.length; i++) most = Math.max(most, Math.abs(point[i] - center[i]));
    /** The length of what is left, and by how much it falls with θ. */
    const lengthAt = (theta: number): readonly [length: number, slope: number] => {
      let [length, slope] = [0, 0];
      for (let i = 0; i < point.length; i++) {
        const change = point[i] - center[i];
        const left = Math.abs(change) - theta;
        if (left <= 0) continue;
        const room = change > 0 ? high - center[i] : center[i] - low;
        if (left < room) {
          length += left;
          slope++;
        } else length += room;
      }
      return [length, slope];
    };
    let [least, greatest, theta] = [0, most, 0];
    for (let look = 0; look < mostLooks; look++) {
      const [length, slope] = lengthAt(theta);
      const excess = length - radius;
      if (excess > 0) least = theta;
      else {
        greatest = theta;
        if (theta === 0 || excess > -1e-9 * radius) break;
      }
      const next = slope === 0 ? Number.NaN : theta + excess / slope;
      const middle = (least + greatest) / 2;
      const chosen = next > least && next < greatest ? next : middle;
      if (chosen === theta || greatest - least <= 1e-12 * most) {
        theta = greatest;
        break;
      }
      theta = chosen;
    }
    for (let i = 0; i < point.length; i++) {
      const change = point[i] - center[i];
      const left = Math.abs(change) - theta;
      if (left <= 0) point[i] = center[i];
      else if (theta > 0) point[i] = center[i] + (change > 0 ? left : -left);
      if (point[i] < low) point[i] = low;
      else if (point[i] > high) point[i] = high;
    }
  };
}
