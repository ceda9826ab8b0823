/**
 * @file Projections on the sets that perturbations live in; each works in place and changes nothing the second time.
 *
 * Bounds given as numbers are rounded inwards to float32, so that a float32 point obeys them exactly: 0.1 as an upper bound
 * becomes the largest float32 below it, not the nearest one, which is above.
 */
import { checkForm, MisuseError, numberIn } from "../errors.ts";
import { kernelsFor } from "../simd/kernels.ts";
import type { FloatArray } from "../tensor/vector.ts";
import type { Projection } from "./solver.ts";

/** One bound for all elements, or one per element. Infinite bounds are no bounds. */
export type Bound = number | FloatArray;

/** The largest float32 that is at most `value`. */
export function floatAtMost(value: number): number {
  const rounded = Math.fround(value);
  return rounded <= value ? rounded : nextFloat(rounded, -1);
}

/** The smallest float32 that is at least `value`. */
export function floatAtLeast(value: number): number {
  const rounded = Math.fround(value);
  return rounded >= value ? rounded : nextFloat(rounded, 1);
}

const floatView = new Float32Array(1);
const bitsView = new Int32Array(floatView.buffer);

/** The float32 next to the float32 `value`, toward −∞ or +∞. */
function nextFloat(value: number, sign: 1 | -1): number {
  if (value === 0) return sign * 2 ** -149;
  floatView[0] = value;
  // The bits of a float, read as an integer, count its magnitude upward.
  bitsView[0] += value > 0 === sign > 0 ? 1 : -1;
  return floatView[0];
}

/** The projection on {x : lower ≤ x ≤ upper}. Errors: MisuseError for NaN, for lower above upper, and for unequal lengths. */
export function projectBox(lower: Bound, upper: Bound): Projection {
  checkBounds("projectBox", lower, upper);
  const low = typeof lower === "number" ? floatAtLeast(lower) : lower;
  const high = typeof upper === "number" ? floatAtMost(upper) : upper;
  if (typeof low === "number" && typeof high === "number") {
    const clip = (point: FloatArray): void => {
      const kernels = kernelsFor(point);
      if (kernels !== undefined) {
        kernels.clipBetween(point.byteOffset, low, high, point.length);
        return;
      }
      for (let i = 0; i < point.length; i++) {
        if (point[i] < low) point[i] = low;
        else if (point[i] > high) point[i] = high;
      }
    };
    return Object.assign(clip, { box: { low, high } });
  }
  const length = typeof low === "number" ? (high as FloatArray).length : low.length;
  return boxProjection(spread(low, length), spread(high, length));
}

/** A projection on a box with bounds for each element. */
export interface BallProjection extends Projection {
  readonly box: { readonly low: FloatArray; readonly high: FloatArray };
}

function boxProjection(low: FloatArray, high: FloatArray): BallProjection {
  const clip = (point: FloatArray): void => {
    checkLength("projectBox", point, low.length);
    for (let i = 0; i < point.length; i++) {
      if (point[i] < low[i]) point[i] = low[i];
      else if (point[i] > high[i]) point[i] = high[i];
    }
  };
  return Object.assign(clip, { box: { low, high } });
}

/**
 * The projection on {x : |x − center| ≤ epsilon and lower ≤ x ≤ upper}, elementwise (the second constraint set in section 3 of the
 * paper). The distances of the result, computed without rounding, are at most epsilon; computed in float32, at most epsilon rounded to float32.
 * Errors: MisuseError for a negative epsilon, and where no x is possible.
 */
export function projectLinfBall(
  center: FloatArray,
  epsilon: number,
  lower: Bound = -Infinity,
  upper: Bound = Infinity,
): BallProjection {
  const where = "projectLinfBall";
  numberIn(`${where}: epsilon`, epsilon, { min: 0 });
  checkBounds(where, lower, upper, center.length);
  // A float64 center belongs to float64 points, whose bounds need no rounding.
  const isFloat32 = center instanceof Float32Array;
  const [lows, highs] = [center.slice(), center.slice()];
  for (let i = 0; i < center.length; i++) {
    const low = Math.max(center[i] - epsilon, boundAt(lower, i));
    const high = Math.min(center[i] + epsilon, boundAt(upper, i));
    lows[i] = isFloat32 ? floatAtLeast(low) : low;
    highs[i] = isFloat32 ? floatAtMost(high) : high;
  }
  for (let i = 0; i < lows.length; i++) {
    if (lows[i] <= highs[i]) continue;
    throw new MisuseError({
      where,
      what: "the ball and the box do not meet",
      expected: `center[${i}] within ${epsilon} of [${boundAt(lower, i)}, ${boundAt(upper, i)}]`,
      got: String(center[i]),
    });
  }
  return boxProjection(lows, highs);
}

/**
 * The Euclidean projection on {x : ‖x − center‖₂ ≤ radius and lower ≤ x ≤ upper}, for a center between the bounds.
 *
 * The result is center + clip(σ·(x − center)) for the largest σ ≤ 1 that fits the radius (the KKT conditions of the two
 * constraints). ‖clip(σ·v)‖² is increasing, concave and piecewise linear in σ², so Newton's iteration from σ = 0 climbs to its
 * root and lands on it after finitely many steps. Elements are rounded to float32 towards the center, so that the norm of the result, taken in
 * float64, is at most radius·(1 + 1e-12), up to which a point counts as inside.
 * Errors: MisuseError for a negative radius and a center outside of the bounds.
 */
export function projectL2Ball(
  center: FloatArray,
  radius: number,
  lower: Bound = -Infinity,
  upper: Bound = Infinity,
): Projection {
  const where = "projectL2Ball";
  numberIn(`${where}: radius`, radius, { min: 0 });
  checkBounds(where, lower, upper, center.length);
  const outside = center.findIndex((c, i) => !(c >= boundAt(lower, i) && c <= boundAt(upper, i)));
  if (outside >= 0) {
    throw new MisuseError({
      where,
      what: `center[${outside}]`,
      expected: `a number from ${boundAt(lower, outside)} to ${boundAt(upper, outside)}`,
      got: String(center[outside]),
    });
  }
  const clip = projectBox(lower, upper);
  // How far each element may go down and up.
  const down = Float64Array.from(center, (c, i) => boundAt(lower, i) - c);
  const up = Float64Array.from(center, (c, i) => boundAt(upper, i) - c);
  const limit = radius * radius * (1 + 1e-12) ** 2;
  return (point) => {
    checkLength(where, point, center.length);
    let [free, fixed] = [0, 0];
    for (let i = 0; i < point.length; i++) {
      const move = point[i] - center[i];
      free += Math.min(Math.max(move, down[i]), up[i]) ** 2;
    }
    if (free <= limit) return clip(point);
    let square = 0;
    while (true) {
      const sigma = Math.sqrt(square);
      [free, fixed] = [0, 0];
      for (let i = 0; i < point.length; i++) {
        const move = point[i] - center[i];
        const bound = move < 0 ? down[i] : up[i];
        if (Math.abs(sigma * move) < Math.abs(bound)) free += move * move;
        else if (move !== 0) fixed += bound * bound;
      }
      const next = free > 0 ? (radius * radius - fixed) / free : square;
      // The iteration climbs; it has arrived when rounding stops it.
      if (!(next > square * (1 + 1e-15))) break;
      square = next;
    }
    const sigma = Math.min(1, Math.sqrt(square));
    const isFloat32 = point instanceof Float32Array;
    for (let i = 0; i < point.length; i++) {
      const move = Math.min(Math.max(sigma * (point[i] - center[i]), down[i]), up[i]);
      const exact = center[i] + move;
      point[i] = !isFloat32 ? exact : move < 0 ? floatAtLeast(exact) : floatAtMost(exact);
    }
  };
}

function boundAt(bound: Bound, index: number): number {
  return typeof bound === "number" ? bound : bound[index];
}

function spread(bound: Bound, length: number): FloatArray {
  return typeof bound === "number" ? new Float32Array(length).fill(bound) : bound;
}

function checkBounds(where: string, lower: Bound, upper: Bound, length?: number): void {
  for (const bound of [lower, upper]) if (typeof bound !== "number") checkForm(where, bound, "numbers");
  const lengths = [length, ...[lower, upper].map((bound) => (typeof bound === "number" ? undefined : bound.length))];
  const known = lengths.filter((one) => one !== undefined);
  if (known.some((one) => one !== known[0])) {
    throw new MisuseError({ where, what: "unequal lengths", expected: "one bound per element", got: known.join(", ") });
  }
  for (let i = 0; i < (known[0] ?? 1); i++) {
    const [low, high] = [boundAt(lower, i), boundAt(upper, i)];
    if (low <= high) continue;
    throw new MisuseError({ where, what: "empty interval", expected: "lower ≤ upper", got: `[${low}, ${high}]` });
  }
}

function checkLength(where: string, point: FloatArray, length: number): void {
  if (point.length === length) return;
  throw new MisuseError({
    where,
    what: "wrong length of the point",
    expected: String(length),
    got: String(point.length),
  });
}
