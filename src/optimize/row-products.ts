/**
 * @file The two heavy loops of L-BFGS: inner products of one vector with many rows, and a linear combination of rows.
 *
 * All rows lie in one array, addressed by offset, because V8 then keeps one base address and one length in registers
 * instead of one per row (half the time). Rows are taken five at a time, which makes each load of the vector serve five
 * rows and gives the additions five independent chains. Everything is accumulated in float64, in an order that depends
 * on nothing but the lengths, so equal inputs give equal bits. Arrays in the memory of the kernels go to these, which keep that order.
 */
import { kernelsFor } from "../simd/kernels.ts";
import type { FloatArray } from "../tensor/vector.ts";

/** Rows that one call takes; offset lists are padded to a multiple of it. */
export const rowsPerCall = 5;
/** Elements per block: the vector's block stays in the first-level cache while all rows pass by. */
const blockLength = 1024;

/** The number of list entries that `count` rows take, padded to whole calls. */
export function paddedCount(count: number): number {
  return Math.ceil(count / rowsPerCall) * rowsPerCall;
}

/**
 * Writes to `products[r]` the inner product of `vector` with row `r` of `rows`, which starts at `offsets[r]`.
 * Entries from `count` to the padded count are overwritten with products that mean nothing.
 */
export function innerProducts(
  vector: FloatArray,
  rows: FloatArray,
  offsets: Int32Array,
  count: number,
  products: Float64Array,
): void {
  const kernels = kernelsFor(vector, rows, offsets, products);
  if (kernels !== undefined) {
    const [at, lists] = [vector.byteOffset, offsets.byteOffset];
    kernels.innerProducts(at, rows.byteOffset, lists, count, products.byteOffset, vector.length);
    return;
  }
  const padded = paddedCount(count);
  offsets.fill(offsets[0], count, padded);
  products.fill(0, 0, padded);
  for (let from = 0; from < vector.length; from += blockLength) {
    const length = Math.min(blockLength, vector.length - from);
    for (let r = 0; r < padded; r += rowsPerCall) addFiveProducts(vector, rows, offsets, r, from, length, products);
  }
}

function addFiveProducts(
  vector: FloatArray,
  rows: FloatArray,
  offsets: Int32Array,
  first: number,
  from: number,
  length: number,
  products: Float64Array,
): void {
  const a = offsets[first] + from;
  const b = offsets[first + 1] + from;
  const c = offsets[first + 2] + from;
  const d = offsets[first + 3] + from;
  const e = offsets[first + 4] + from;
  let [sumA, sumB, sumC, sumD, sumE] = [0, 0, 0, 0, 0];
  for (let i = 0; i < length; i++) {
    const element = vector[from + i];
    sumA += element * rows[a + i];
    sumB += element * rows[b + i];
    sumC += element * rows[c + i];
    sumD += element * rows[d + i];
    sumE += element * rows[e + i];
  }
  products[first] += sumA;
  products[first + 1] += sumB;
  products[first + 2] += sumC;
  products[first + 3] += sumD;
  products[first + 4] += sumE;
}

/** As {@link innerProducts}, but only over the elements that the first `size` entries of `indices` name. */
export function innerProductsAt(
  indices: Int32Array,
  size: number,
  vector: FloatArray,
  rows: FloatArray,
  offsets: Int32Array,
  count: number,
  products: Float64Array,
): void {
  const kernels = kernelsFor(vector, indices, rows, offsets, products);
  if (kernels !== undefined) {
    const [at, lists] = [vector.byteOffset, offsets.byteOffset];
    const given = [indices.byteOffset, size, at, rows.byteOffset, lists, count, products.byteOffset] as const;
    kernels.innerProductsAt(...given);
    return;
  }
  const padded = paddedCount(count);
  offsets.fill(offsets[0], count, padded);
  for (let r = 0; r < padded; r += rowsPerCall) fiveProductsAt(indices, size, vector, rows, offsets, r, products);
}

function fiveProductsAt(
  indices: Int32Array,
  size: number,
  vector: FloatArray,
  rows: FloatArray,
  offsets: Int32Array,
  first: number,
  products: Float64Array,
): void {
  const a = offsets[first];
  const b = offsets[first + 1];
  const c = offsets[first + 2];
  const d = offsets[first + 3];
  const e = offsets[first + 4];
  let [sumA, sumB, sumC, sumD, sumE] = [0, 0, 0, 0, 0];
  for (let k = 0; k < size; k++) {
    const i = indices[k];
    const element = vector[i];
    sumA += element * rows[a + i];
    sumB += element * rows[b + i];
    sumC += element * rows[c + i];
    sumD += element * rows[d + i];
    sumE += element * rows[e + i];
  }
  products[first] = sumA;
  products[first + 1] = sumB;
  products[first + 2] = sumC;
  products[first + 3] = sumD;
  products[first + 4] = sumE;
}

/** Room for a block of {@link combineRows}. */
export const blockSumsLength: number = blockLength;

/**
 * Writes `scale · vector + Σ_r coefficients[r] · row r` to `target` and returns its inner product with `vector`, taken after rounding
 * to the precision of `target`. What `blockSums` holds afterwards means nothing.
 */
export function combineRows(
  scale: number,
  vector: FloatArray,
  rows: FloatArray,
  offsets: Int32Array,
  coefficients: Float64Array,
  count: number,
  target: FloatArray,
  blockSums: Float64Array,
): number {
  const kernels = kernelsFor(vector, rows, offsets, coefficients, target, blockSums);
  if (kernels !== undefined) {
    const [lists, times] = [offsets.byteOffset, coefficients.byteOffset];
    const [at, to, sums] = [vector.byteOffset, target.byteOffset, blockSums.byteOffset];
    return kernels.combineRows(scale, at, rows.byteOffset, lists, times, count, to, vector.length, sums);
  }
  const padded = paddedCount(count);
  offsets.fill(offsets[0], count, padded);
  coefficients.fill(0, count, padded);
  let product = 0;
  for (let from = 0; from < vector.length; from += blockLength) {
    const length = Math.min(blockLength, vector.length - from);
    for (let i = 0; i < length; i++) blockSums[i] = scale * vector[from + i];
    for (let r = 0; r < padded; r += rowsPerCall) addFiveRows(rows, offsets, coefficients, r, from, length, blockSums);
    for (let i = 0; i < length; i++) {
      target[from + i] = blockSums[i];
      product += vector[from + i] * target[from + i];
    }
  }
  return product;
}

function addFiveRows(
  rows: FloatArray,
  offsets: Int32Array,
  coefficients: Float64Array,
  first: number,
  from: number,
  length: number,
  blockSums: Float64Array,
): void {
  const a = offsets[first] + from;
  const b = offsets[first + 1] + from;
  const c = offsets[first + 2] + from;
  const d = offsets[first + 3] + from;
  const e = offsets[first + 4] + from;
  const timesA = coefficients[first];
  const timesB = coefficients[first + 1];
  const timesC = coefficients[first + 2];
  const timesD = coefficients[first + 3];
  const timesE = coefficients[first + 4];
  for (let i = 0; i < length; i++) {
    blockSums[i] +=
      timesA * rows[a + i] + timesB * rows[b + i] + timesC * rows[c + i] + timesD * rows[d + i] + timesE * rows[e + i];
  }
}
