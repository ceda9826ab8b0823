/** @file Weighted linear least squares by normal equations, in float64. */

/** One equation of a system: Σ_j x_j β_j = y, with a weight. */
export interface Equation {
  readonly x: ArrayLike<number>;
  readonly y: number;
  readonly weight: number;
}

/**
 * The β [n] that minimizes Σ weight (y − Σ x β)² + ridge ‖β‖², by a Cholesky decomposition. What the equations do not determine is
 * 0, or with a ridge nothing is left undetermined.
 */
export function leastSquares(equations: Iterable<Equation>, n: number, ridge = 0): Float64Array {
  const gram = new Float64Array(n * n);
  const right = new Float64Array(n);
  for (const { x, y, weight } of equations) {
    for (let i = 0; i < n; i++) {
      if (x[i] === 0) continue;
      const scaled = weight * x[i];
      right[i] += scaled * y;
      for (let j = 0; j <= i; j++) gram[i * n + j] += scaled * x[j];
    }
  }
  for (let i = 0; i < n; i++) gram[i * n + i] += ridge;
  return solveSymmetric(gram, right, n);
}

/** The solution of A x = b for the lower triangle of a symmetric positive semidefinite A [n, n], which is overwritten. */
function solveSymmetric(a: Float64Array, b: Float64Array, n: number): Float64Array {
  const scale = Math.max(...Array.from({ length: n }, (_, i) => a[i * n + i]), 0);
  for (let j = 0; j < n; j++) {
    let pivot = a[j * n + j];
    for (let k = 0; k < j; k++) pivot -= a[j * n + k] ** 2;
    // A direction that no equation determines.
    const isDetermined = pivot > 1e-13 * scale;
    a[j * n + j] = isDetermined ? Math.sqrt(pivot) : 0;
    for (let i = j + 1; i < n; i++) {
      let sum = a[i * n + j];
      for (let k = 0; k < j; k++) sum -= a[i * n + k] * a[j * n + k];
      a[i * n + j] = isDetermined ? sum / a[j * n + j] : 0;
    }
  }
  const x = b.slice();
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) x[i] -= a[i * n + k] * x[k];
    x[i] = a[i * n + i] === 0 ? 0 : x[i] / a[i * n + i];
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) x[i] -= a[k * n + i] * x[k];
    x[i] = a[i * n + i] === 0 ? 0 : x[i] / a[i * n + i];
  }
  return x;
}
