/** @file Distances between a clean and a perturbed image. */
import { kernelsFor } from "../simd/kernels.ts";
import { openWorkspace } from "../simd/workspace.ts";

export interface Distances {
  /** Pixels (positions, not channels) that differ. */
  readonly l0: number;
  readonly l1: number;
  readonly l2: number;
  readonly linf: number;
}

/** The distances between two images [C, H, W] with `plane` = H·W, summed in float64, in the units of the images. */
export function distancesBetween(a: Float32Array, b: Float32Array, plane: number): Distances {
  const workspace = openWorkspace(a, { vectors: 2, doubles: 4, integers: 0 });
  try {
    const [x, y] = [workspace.adopt(a, workspace.vectors()), workspace.adopt(b, workspace.vectors())];
    const { l0, l1, squares, linf } = sumsOfDistances(x, y, plane, workspace.doubles(4));
    return { l0, l1, l2: Math.sqrt(squares), linf };
  } finally {
    workspace.close();
  }
}

/** The distances with the square of ℓ2 in its place; what `sums` holds afterwards means nothing. */
export function sumsOfDistances(
  a: Float32Array,
  b: Float32Array,
  plane: number,
  sums: Float64Array,
): Omit<Distances, "l2"> & { readonly squares: number } {
  const kernels = kernelsFor(a, b, sums);
  if (kernels !== undefined) {
    kernels.distancesBetween(a.byteOffset, b.byteOffset, plane, a.length / plane, sums.byteOffset);
    const [l0, l1, squares, linf] = sums;
    return { l0, l1, squares, linf };
  }
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
  return { l0, l1, squares, linf };
}
