/** @file Covariances and what makes distances of them: the factor of an inverse, of matrices that may be singular. */

/** A matrix, row by row. */
export interface SquareMatrix {
  readonly size: number;
  readonly data: Float64Array;
}

/**
 * The empirical covariance Σ (x − center)(x − center)ᵀ / n of rows that are centered already: scikit-learn's `EmpiricalCovariance` with
 * `assume_centered`. The lower triangle is computed and mirrored.
 */
export function covarianceOf(centered: readonly Float64Array[], size: number): SquareMatrix {
  const data = new Float64Array(size * size);
  const none = new Float64Array(size);
  // Four rows at a time, added one after the other.
  for (let n = 0; n < centered.length; n += 4) {
    const [a, b = none, c = none, d = none] = centered.slice(n, n + 4);
    for (let i = 0; i < size; i++) {
      const [ofA, ofB, ofC, ofD] = [a[i], b[i], c[i], d[i]];
      const offset = i * size;
      for (let j = 0; j <= i; j++) {
        data[offset + j] = data[offset + j] + ofA * a[j] + ofB * b[j] + ofC * c[j] + ofD * d[j];
      }
    }
  }
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      data[i * size + j] /= centered.length;
      data[j * size + i] = data[i * size + j];
    }
  }
  return { size, data };
}

/** What {@link whiteningOf} gives. */
export interface Whitening {
  /** [size, size], lower triangular: ‖W x‖² is the squared Mahalanobis length of x. Rows of features that are left out are 0. */
  readonly matrix: SquareMatrix;
  /** Features that are constant, or that others determine, in the order of their numbers: they are left out. */
  readonly leftOut: readonly number[];
}

/** A pivot of less than this share of the feature's own variance is taken to be 0. */
const singular = 1e-10;

/**
 * W = L⁻¹ of the Cholesky factor Σ = L Lᵀ, so that Σ⁻¹ = Wᵀ W. A feature that does not vary, or that those before it determine but for rounding,
 * is left out: on data that the covariance is of, the length is then that of the pseudoinverse.
 */
export function whiteningOf({ size, data }: SquareMatrix): Whitening {
  const factor = new Float64Array(size * size);
  const leftOut: number[] = [];
  for (let i = 0; i < size; i++) {
    const rowI = i * size;
    let pivot = data[rowI + i];
    for (let j = 0; j < i; j++) {
      const rowJ = j * size;
      const diagonal = factor[rowJ + j];
      if (diagonal === 0) continue;
      let sum = data[rowI + j];
      for (let k = 0; k < j; k++) sum -= factor[rowI + k] * factor[rowJ + k];
      const value = sum / diagonal;
      factor[rowI + j] = value;
      pivot -= value * value;
    }
    if (!(pivot > singular * data[rowI + i])) {
      factor.fill(0, rowI, rowI + size);
      leftOut.push(i);
    } else factor[rowI + i] = Math.sqrt(pivot);
  }
  return { matrix: { size, data: inverseOfLower(factor, size) }, leftOut };
}

/** The inverse of a lower triangular matrix; rows and columns whose diagonal is 0 are 0. */
function inverseOfLower(factor: Float64Array, size: number): Float64Array {
  const inverse = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    const diagonal = factor[i * size + i];
    if (diagonal === 0) continue;
    const row = i * size;
    inverse[row + i] = 1 / diagonal;
    for (let k = 0; k < i; k++) {
      const value = factor[row + k];
      if (value === 0) continue;
      const scale = value / diagonal;
      for (let j = 0; j <= k; j++) inverse[row + j] -= scale * inverse[k * size + j];
    }
  }
  return inverse;
}

/** W x, into `out`. */
export function whiten({ size, data }: SquareMatrix, vector: ArrayLike<number>, out: Float64Array): Float64Array {
  for (let i = 0; i < size; i++) {
    let sum = 0;
    const row = i * size;
    for (let j = 0; j <= i; j++) sum += data[row + j] * vector[j];
    out[i] = sum;
  }
  return out;
}
