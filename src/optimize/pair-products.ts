/**
 * @file The inner products among the curvature pairs of L-BFGS, and the coefficients of −H·g that the two-loop recursion makes of them.
 *
 * Source: Nocedal & Wright 2006, algorithm 7.4, carried out on coefficients: every vector that the recursion forms is a combination
 * of g, the s and the y, so it needs only their inner products, as in the compact form of Byrd, Nocedal & Schnabel (1994, eq. 3.1)
 * and in Chen, Wang & Zhou (2014). The products among the pairs that it needs, sᵢᵀyⱼ for i ≤ j and yᵢᵀyⱼ, follow from those with
 * the gradients, since yᵀb = gᵀb − g₋ᵀb (same paper, section 3.2); accumulated in float64, what cancels there lies far below the
 * float32 rounding of the vectors themselves.
 */

/** The products of a new pair with itself. */
export interface PairMeasures {
  readonly ys: number;
  readonly yy: number;
  readonly ss: number;
}

/** The pairs, each in a slot of its own, oldest first. */
export interface PairProducts {
  /** The slots that are in use, oldest first; the latest list. */
  readonly order: () => readonly number[];
  /** γ = sᵀy / yᵀy of the newest pair, the scale of the initial H; 1 without pairs. */
  readonly scale: () => number;
  /**
   * Takes sᵀg at [2k] and yᵀg at [2k + 1] of pair k in the order, g being the newest gradient. To be called once per gradient: the products of
   * the newest pair with the others are their change.
   */
  readonly observe: (products: Float64Array) => void;
  /**
   * Writes the coefficients of −H·g: that of s to [2k], that of y to [2k + 1] for pair k in the order; that of g is −γ. `products` are as for
   * {@link observe}, but may leave out elements.
   */
  readonly solve: (products: Float64Array, coefficients: Float64Array) => void;
  /** Adds the pair in a slot that is not in use. */
  readonly push: (slot: number, measures: PairMeasures) => void;
  /** Forgets the oldest of the pairs (there must be one) and returns its slot. */
  readonly shift: () => number;
  /** Forgets all pairs. */
  readonly clear: () => void;
}

/** No pairs yet, and room for `slots`. */
export function pairProducts(slots: number): PairProducts {
  const order: number[] = [];
  /** The slot of a pair whose products with the older ones are still to be filled in, or −1. */
  let fresh = -1;
  let scale = 1;
  const sy = new Float64Array(slots * slots); // sy[i·slots + j] = sᵢᵀyⱼ, for pair i not newer than pair j
  const yy = new Float64Array(slots * slots);
  const sg = new Float64Array(slots); // sᵢᵀg of the latest gradient, by slot
  const yg = new Float64Array(slots);
  const alpha = new Float64Array(slots);

  return {
    order: () => order,
    scale: () => scale,
    observe(products) {
      for (const [k, slot] of order.entries()) {
        const [newSg, newYg] = [products[2 * k], products[2 * k + 1]];
        if (fresh >= 0 && slot !== fresh) {
          sy[slot * slots + fresh] = newSg - sg[slot];
          yy[slot * slots + fresh] = newYg - yg[slot];
          yy[fresh * slots + slot] = newYg - yg[slot];
        }
        sg[slot] = newSg;
        yg[slot] = newYg;
      }
      fresh = -1;
    },
    solve(products, coefficients) {
      for (let k = order.length - 1; k >= 0; k--) {
        const row = order[k] * slots;
        let sq = -products[2 * k];
        for (let l = k + 1; l < order.length; l++) sq -= alpha[l] * sy[row + order[l]];
        alpha[k] = sq / sy[row + order[k]];
        coefficients[2 * k + 1] = -scale * alpha[k];
      }
      for (let k = 0; k < order.length; k++) {
        const i = order[k];
        let yr = -scale * products[2 * k + 1];
        for (let l = 0; l < order.length; l++) yr += coefficients[2 * l + 1] * yy[i * slots + order[l]];
        for (let l = 0; l < k; l++) yr += coefficients[2 * l] * sy[order[l] * slots + i];
        coefficients[2 * k] = alpha[k] - yr / sy[i * slots + i];
      }
    },
    push(slot, measures) {
      order.push(slot);
      sy[slot * slots + slot] = measures.ys;
      yy[slot * slots + slot] = measures.yy;
      scale = measures.ys / measures.yy;
      fresh = slot;
    },
    shift() {
      const [oldest] = order.splice(0, 1);
      return oldest;
    },
    clear() {
      order.length = 0;
      fresh = -1;
      scale = 1;
    },
  };
}
