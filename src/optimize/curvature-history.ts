/**
 * @file The memory of L-BFGS: the latest curvature pairs s = Δpoint, y = Δgradient, and the direction −H·g that they give.
 *
 * H·g is what the two-loop recursion computes (Nocedal & Wright 2006, algorithm 7.4), but carried out on coefficients: every
 * vector that the recursion forms is a combination of g, the s and the y, so it needs only their inner products, as in the
 * compact form of Byrd, Nocedal & Schnabel (1994, eq. 3.1) and in Chen, Wang & Zhou (2014). One blocked pass takes the inner
 * products of g with all rows, one more forms the direction, instead of 4·history dependent passes. The products among the
 * rows that the recursion needs, sᵢᵀyⱼ for i ≤ j and yᵢᵀyⱼ, follow without another pass from yᵀb = gᵀb − g₋ᵀb (same paper,
 * section 3.2); accumulated in float64, what cancels there lies far below the float32 rounding of the rows themselves.
 */

import type { FloatArray } from "../tensor/vector.ts";
import type { BindingSet } from "./binding-set.ts";
import { combineRows, innerProducts, innerProductsAt, paddedCount } from "./row-products.ts";

/** The measures by which a new pair is accepted or skipped. */
export interface PairMeasures {
  readonly ys: number;
  readonly yy: number;
  readonly ss: number;
}

/** A ring of at most `capacity` pairs; memory is 2·(capacity + 1) rows, touched only as pairs arrive. */
export interface CurvatureHistory<A extends FloatArray> {
  /** The number of pairs held. */
  readonly size: () => number;
  /**
   * Writes −H·g to {@link CurvatureHistory.step} and returns its inner product with g. Elements of the binding set take no
   * part in H (its rows and columns are cleared there) and go straight to their bound. Call once per new gradient.
   */
  readonly direct: (gradient: A, binding?: BindingSet) => number;
  /** The array that the latest direction lies in, and from which {@link CurvatureHistory.remember} takes s. */
  readonly step: () => A;
  /** Makes the step (holding s = Δpoint by now) and the difference of gradients a pair, if `isUsable` says so. */
  readonly remember: (gradient: A, previous: A, isUsable: (measures: PairMeasures) => boolean) => void;
  /** Forgets all pairs. */
  readonly clear: () => void;
}

/** An empty history for points of the kind and length of `like`. */
export function curvatureHistory<A extends FloatArray>(like: A, capacity: number): CurvatureHistory<A> {
  const length = like.length;
  const slots = capacity + 1; // one is always free: the direction is formed where it will stay if it becomes a pair
  // Freshly allocated memory costs nothing until it is written to, so a long history is paid for only when it fills.
  const rows = allocate(like, 2 * slots * length);
  const sRow = (slot: number) => 2 * slot * length;
  const yRow = (slot: number) => (2 * slot + 1) * length;

  /** Slots of the pairs, oldest first. */
  let order: number[] = [];
  let free = 0;
  /** The slot of a pair whose products with the older ones are still to be filled in, or −1. */
  let fresh = -1;
  /** γ = sᵀy / yᵀy of the newest pair, the scale of the initial H. */
  let scale = 1;
  const sy = new Float64Array(slots * slots); // sy[i·slots + j] = sᵢᵀyⱼ, for pair i not newer than pair j
  const yy = new Float64Array(slots * slots);
  const alpha = new Float64Array(slots);
  const yCoefficient = new Float64Array(slots);
  const sCoefficient = new Float64Array(slots);
  const sg = new Float64Array(slots); // sᵢᵀg of the latest gradient, by slot
  const yg = new Float64Array(slots);

  const listed = paddedCount(2 * slots);
  const offsets = new Int32Array(listed);
  const products = new Float64Array(listed);
  const boundProducts = new Float64Array(listed);
  const coefficients = new Float64Array(listed);

  /** Takes gᵀs and gᵀy of all pairs, and completes the products of the fresh pair from their change. */
  function measure(gradient: A): void {
    innerProducts(gradient, rows, offsets, 2 * order.length, products);
    order.forEach((slot, k) => {
      const [newSg, newYg] = [products[2 * k], products[2 * k + 1]];
      if (fresh >= 0 && slot !== fresh) {
        sy[slot * slots + fresh] = newSg - sg[slot];
        yy[slot * slots + fresh] = newYg - yg[slot];
        yy[fresh * slots + slot] = newYg - yg[slot];
      }
      sg[slot] = newSg;
      yg[slot] = newYg;
    });
    fresh = -1;
  }

  /** Subtracts from the products what the bound elements contribute. */
  function restrict(gradient: A, binding: BindingSet): void {
    const count = 2 * order.length;
    innerProductsAt(binding.indices, binding.count, gradient, rows, offsets, count, boundProducts);
    for (let r = 0; r < count; r++) products[r] -= boundProducts[r];
  }

  /** The two-loop recursion on coefficients: fills those of s and y in −H·g; products[2k], [2k + 1] are sᵀg and yᵀg of pair k. */
  function recur(): void {
    for (let k = order.length - 1; k >= 0; k--) {
      const i = order[k];
      let sq = -products[2 * k];
      for (let l = k + 1; l < order.length; l++) sq -= alpha[order[l]] * sy[i * slots + order[l]];
      alpha[i] = sq / sy[i * slots + i];
      yCoefficient[i] = -scale * alpha[i];
    }
    for (let k = 0; k < order.length; k++) {
      const i = order[k];
      let yr = -scale * products[2 * k + 1];
      for (const j of order) yr += yCoefficient[j] * yy[i * slots + j];
      for (let l = 0; l < k; l++) yr += sCoefficient[order[l]] * sy[order[l] * slots + i];
      sCoefficient[i] = alpha[i] - yr / sy[i * slots + i];
    }
  }

  return {
    size: () => order.length,
    step: () => rows.subarray(sRow(free), sRow(free) + length) as A,
    direct(gradient, binding) {
      order.forEach((slot, k) => {
        offsets[2 * k] = sRow(slot);
        offsets[2 * k + 1] = yRow(slot);
      });
      measure(gradient);
      if (binding !== undefined && binding.count > 0) restrict(gradient, binding);
      recur();
      order.forEach((slot, k) => {
        coefficients[2 * k] = sCoefficient[slot];
        coefficients[2 * k + 1] = yCoefficient[slot];
      });
      const target = sRow(free);
      const slope = combineRows(-scale, gradient, rows, offsets, coefficients, 2 * order.length, target);
      return binding === undefined ? slope : slope + moveToBounds(gradient, binding);
    },
    remember(gradient, previous, isUsable) {
      const measures = writeDifference(gradient, previous, rows, sRow(free), yRow(free));
      if (!isUsable(measures)) return;
      fresh = free;
      order.push(fresh);
      sy[fresh * slots + fresh] = measures.ys;
      yy[fresh * slots + fresh] = measures.yy;
      scale = measures.ys / measures.yy;
      free = order.length > capacity ? (order.shift() as number) : order.length;
    },
    clear() {
      order = [];
      free = 0;
      fresh = -1;
      scale = 1;
    },
  };

  /** Lets the bound elements of the direction end exactly on their bound; returns the change of gᵀd. */
  function moveToBounds(gradient: A, { indices, count, moves }: BindingSet): number {
    const target = sRow(free);
    let change = 0;
    for (let k = 0; k < count; k++) {
      const i = indices[k];
      change += gradient[i] * (moves[k] - rows[target + i]);
      rows[target + i] = moves[k];
    }
    return change;
  }
}

function allocate(like: FloatArray, size: number): FloatArray {
  return like instanceof Float32Array ? new Float32Array(size) : new Float64Array(size);
}

/** Writes y = gradient − previous to its row and returns the products of y with itself and with the s row. */
function writeDifference(
  gradient: FloatArray,
  previous: FloatArray,
  rows: FloatArray,
  sRow: number,
  yRow: number,
): PairMeasures {
  let [ys, yy, ss] = [0, 0, 0];
  for (let i = 0; i < gradient.length; i++) {
    const y = gradient[i] - previous[i];
    const s = rows[sRow + i];
    rows[yRow + i] = y;
    ys += y * s;
    yy += y * y;
    ss += s * s;
  }
  return { ys, yy, ss };
}
