/** @file Distances between a clean and a perturbed image. */

export interface Distances {
  /** Pixels (positions, not channels) that differ. */
  readonly l0: number;
  readonly l1: number;
  readonly l2: number;
  readonly linf: number;
}

/** The distances between two images [C, H, W] with `plane` = H·W, summed in float64, in the units of the images. */
export function distancesBetween(a: Float32Array, b: Float32Array, plane: number): Distances {
  let [l0, l1, squares, linf] = [0, 0, 0, 0];
  for (let i = 0; i < plane; i++) {
    let differs = false;
    for (let k = i; k < a.length; k += plane) {
      const difference = Math.abs(a[k] - b[k]);
      if (difference === 0) continue;
      differs = true;
      l1 += difference;
      squares += difference * difference;
      if (difference > linf) linf = difference;
    }
    if (differs) l0++;
  }
  return { l0, l1, l2: Math.sqrt(squares), linf };
}
