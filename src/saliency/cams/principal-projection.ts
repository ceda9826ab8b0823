/** @file The first principal component of a matrix, by the method of Lanczos: products with the matrix and its transpose are all it takes. */
import { createRandom } from "../../random/random.ts";
import { dot, euclideanNorm } from "../../tensor/vector.ts";

/** A matrix, row by row. */
export interface Matrix {
  /** [rows · columns] */
  readonly data: Float64Array;
  readonly rows: number;
  readonly columns: number;
}

/** So many directions are searched at once. */
const basisSize = 24;
/** The search ends where ‖A Aᵀ u − σ² u‖ is less than this share of σ². */
const tolerance = 1e-13;
const mostRestarts = 200;

/**
 * A v₁ = σ₁ u₁, [rows]: the projection of the rows of A on its first right singular vector. Its sign, which a singular vector does not
 * have, is the one with which its element of largest magnitude is positive. 0 for a matrix of zeros. If the two largest singular
 * values agree to about ten digits, what comes out is some direction of both.
 */
export function principalProjection(matrix: Matrix): Float64Array {
  const { rows } = matrix;
  const random = createRandom(0);
  let vector = normalized(Float64Array.from({ length: rows }, () => random() + 0.5));
  let value = 0;
  for (let restart = 0; restart < mostRestarts; restart++) {
    const { basis, images } = krylovBasis(matrix, vector);
    const projected = basis.map((q) => images.map((image) => dot(q, image)));
    const top = largestEigenpair(projected);
    value = top.value;
    vector = normalized(combination(basis, top.vector));
    const image = combination(images, top.vector);
    const miss = Math.sqrt(image.reduce((sum, x, i) => sum + (x - value * vector[i]) ** 2, 0));
    if (miss <= tolerance * value || basis.length === rows) break;
  }
  const scale = Math.sqrt(Math.max(value, 0));
  const largest = vector.reduce((best, x) => (Math.abs(x) > Math.abs(best) ? x : best), 0);
  return vector.map((x) => (largest < 0 ? -scale : scale) * x || 0);
}

/** Orthonormal vectors that span v, G v, G² v, … for G = A Aᵀ, with G of each: at most {@link basisSize}, fewer where these depend on one another. */
function krylovBasis(matrix: Matrix, start: Float64Array): { basis: Float64Array[]; images: Float64Array[] } {
  const basis: Float64Array[] = [];
  const images: Float64Array[] = [];
  let next: Float64Array | undefined = start;
  while (next !== undefined && basis.length < Math.min(basisSize, matrix.rows)) {
    const image = timesTransposed(matrix, next);
    basis.push(next);
    images.push(image);
    next = orthogonalPart(image, basis);
  }
  return { basis, images };
}

/** What of `vector` is orthogonal to `basis`, normalized; undefined if nothing is but rounding. */
function orthogonalPart(vector: Float64Array, basis: readonly Float64Array[]): Float64Array | undefined {
  const rest = vector.slice();
  // Once more, for what rounding has left of the first time.
  for (let pass = 0; pass < 2; pass++) {
    for (const q of basis) {
      const share = dot(q, rest);
      for (let i = 0; i < rest.length; i++) rest[i] -= share * q[i];
    }
  }
  return euclideanNorm(rest) > 1e-14 * euclideanNorm(vector) ? normalized(rest) : undefined;
}

/** A Aᵀ x. */
function timesTransposed({ data, rows, columns }: Matrix, x: Float64Array): Float64Array {
  const inner = new Float64Array(columns);
  for (let r = 0; r < rows; r++) {
    for (let c = 0, at = r * columns; c < columns; c++, at++) inner[c] += data[at] * x[r];
  }
  return Float64Array.from({ length: rows }, (_, r) => {
    let sum = 0;
    for (let c = 0, at = r * columns; c < columns; c++, at++) sum += data[at] * inner[c];
    return sum;
  });
}

/** The largest eigenvalue of a symmetric matrix with its eigenvector, by Jacobi's rotations. */
function largestEigenpair(symmetric: readonly (readonly number[])[]): { value: number; vector: Float64Array } {
  const n = symmetric.length;
  const a = symmetric.map((row) => Float64Array.from(row));
  const vectors = a.map((_, i) => Float64Array.from({ length: n }, (_, j) => Number(i === j)));
  const magnitude = Math.max(...a.map(euclideanNorm));
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        off = Math.max(off, Math.abs(a[p][q]));
        if (a[p][q] !== 0) rotate(a, vectors, p, q);
      }
    }
    if (off <= 1e-16 * magnitude) break;
  }
  const values = a.map((row, i) => row[i]);
  const value = Math.max(...values);
  const place = values.indexOf(value);
  return { value, vector: Float64Array.from(vectors, (row) => row[place]) };
}

/** Rotates axes p and q so that a[p][q] becomes 0. */
function rotate(a: readonly Float64Array[], vectors: readonly Float64Array[], p: number, q: number): void {
  const theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1));
  const c = 1 / Math.hypot(t, 1);
  const s = t * c;
  const turn = (row: Float64Array): void => {
    const [x, y] = [row[p], row[q]];
    row[p] = c * x - s * y;
    row[q] = s * x + c * y;
  };
  for (const row of a) turn(row);
  const [first, second] = [a[p], a[q]];
  for (let k = 0; k < first.length; k++) {
    const [x, y] = [first[k], second[k]];
    first[k] = c * x - s * y;
    second[k] = s * x + c * y;
  }
  for (const row of vectors) turn(row);
}

function combination(vectors: readonly Float64Array[], weights: Float64Array): Float64Array {
  const [first] = vectors;
  return first.map((_, i) => vectors.reduce((sum, vector, j) => sum + weights[j] * vector[i], 0));
}

/** Of length 1; a vector of zeros as it is. */
function normalized(a: Float64Array): Float64Array {
  const length = euclideanNorm(a);
  return length > 0 ? a.map((x) => x / length) : a.slice();
}
