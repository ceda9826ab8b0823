/**
 * @file Arithmetic on vectors of floats: products, norms and distances.
 *
 * Everything is accumulated in float64, element by element from the first to the last, so equal inputs give equal bits. Two vectors
 * must have the same length; that is the caller's to check. Loops, since the methods of typed arrays that take a function make an object of
 * every element.
 */

/** A vector: float32, as inference sessions have them, or float64. */
export type FloatArray = Float32Array | Float64Array;

/** aᵀb. */
export function dot(a: FloatArray, b: FloatArray): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** ‖v‖₂². */
export function squaredNorm(vector: FloatArray): number {
  let sum = 0;
  for (let i = 0; i < vector.length; i++) sum += vector[i] * vector[i];
  return sum;
}

/** ‖v‖₂. */
export function euclideanNorm(vector: FloatArray): number {
  return Math.sqrt(squaredNorm(vector));
}

/** ‖v‖₁, the sum of the magnitudes. */
export function sumOfMagnitudes(vector: FloatArray): number {
  let sum = 0;
  for (let i = 0; i < vector.length; i++) sum += Math.abs(vector[i]);
  return sum;
}

/** ‖v‖∞, the largest magnitude; 0 for no elements. NaN elements are passed over. */
export function largestMagnitude(vector: FloatArray): number {
  let largest = 0;
  for (let i = 0; i < vector.length; i++) {
    const magnitude = Math.abs(vector[i]);
    if (magnitude > largest) largest = magnitude;
  }
  return largest;
}

/** The index of the first element that is NaN or infinite; −1 without one. */
export function firstNotFinite(vector: FloatArray): number {
  for (let i = 0; i < vector.length; i++) if (!Number.isFinite(vector[i])) return i;
  return -1;
}

/** The index of the largest element; the first of equal ones. 0 for no elements. */
export function indexOfLargest(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

/** ‖a − b‖₂². */
export function squaredDistance(a: FloatArray, b: FloatArray): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = a[i] - b[i];
    sum += difference * difference;
  }
  return sum;
}

/** ‖a − b‖∞; 0 for no elements. Differences that are NaN are passed over. */
export function largestDifference(a: FloatArray, b: FloatArray): number {
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const distance = Math.abs(a[i] - b[i]);
    if (distance > largest) largest = distance;
  }
  return largest;
}

/** a − b, a new vector. */
export function difference(a: Float32Array, b: Float32Array): Float32Array {
  const result = new Float32Array(a.length);
  for (let i = 0; i < result.length; i++) result[i] = a[i] - b[i];
  return result;
}

/** The least and the largest element; Infinity and −Infinity for no elements. NaN elements are passed over. */
export function rangeOf(vector: ArrayLike<number>): readonly [low: number, high: number] {
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < vector.length; i++) {
    if (vector[i] < low) low = vector[i];
    if (vector[i] > high) high = vector[i];
  }
  return [low, high];
}

/** Whether all elements are equal; −0 equals 0, and NaN nothing. */
export function isEqual(a: FloatArray, b: FloatArray): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** A new vector of the kind and length of `vector`, all zero. */
export function zerosLike<A extends FloatArray>(vector: A): A {
  return (vector instanceof Float32Array ? new Float32Array(vector.length) : new Float64Array(vector.length)) as A;
}
