/** @file Smooth masks and their gradient: `saliency/extremal/extremal-mask.ts` and `kernel-tables.ts`. On float64. */

/** The row of a table for a square of `reach` rows that are the same from both ends, in bytes. */
// @ts-ignore
@inline
function tableRow(y: i32, reach: i32): usize {
  return <usize>(min(y, reach - 1 - y) * reach) << 3;
}

/**
 * Adds two tables to two images of the given width, in the part of the square around (top, left) from (fromY, fromX) to before (toY, toX).
 */
export function addSquare(
  a: usize,
  b: usize,
  width: i32,
  fromY: i32,
  toY: i32,
  fromX: i32,
  toX: i32,
  top: i32,
  left: i32,
  reach: i32,
  first: usize,
  second: usize,
): void {
  const bytes = <usize>(toX - fromX) << 3;
  const skipped = <usize>(fromX - left) << 3;
  const whole = bytes & ~15;
  for (let y = fromY; y < toY; y++) {
    const row = <usize>(y * width + fromX) << 3;
    const p = first + tableRow(y - top, reach) + skipped;
    const q = second + tableRow(y - top, reach) + skipped;
    const at = a + row;
    const to = b + row;
    let x: usize = 0;
    for (; x < whole; x += 16) {
      v128.store(at + x, f64x2.add(v128.load(at + x), v128.load(p + x)));
      v128.store(to + x, f64x2.add(v128.load(to + x), v128.load(q + x)));
    }
    if (x < bytes) {
      store<f64>(at + x, load<f64>(at + x) + load<f64>(p + x));
      store<f64>(to + x, load<f64>(to + x) + load<f64>(q + x));
    }
  }
}

/** Adds to `sums` Σ a · first − b · second over the square, row by row. */
export function squareProduct(
  sums: usize,
  a: usize,
  b: usize,
  width: i32,
  fromY: i32,
  toY: i32,
  fromX: i32,
  toX: i32,
  top: i32,
  left: i32,
  reach: i32,
  first: usize,
  second: usize,
): void {
  const bytes = <usize>(toX - fromX) << 3;
  const skipped = <usize>(fromX - left) << 3;
  const whole = bytes & ~15;
  let all = load<f64>(sums);
  for (let y = fromY; y < toY; y++) {
    const row = <usize>(y * width + fromX) << 3;
    const p = first + tableRow(y - top, reach) + skipped;
    const q = second + tableRow(y - top, reach) + skipped;
    let sum: f64 = 0;
    let x: usize = 0;
    for (; x < whole; x += 16) {
      const term = termAt(a + row + x, b + row + x, v128.load(p + x), v128.load(q + x));
      sum = sum + f64x2.extract_lane(term, 0) + f64x2.extract_lane(term, 1);
    }
    if (x < bytes) {
      sum += load<f64>(a + row + x) * load<f64>(p + x) - load<f64>(b + row + x) * load<f64>(q + x);
    }
    all += sum;
  }
  store<f64>(sums, all);
}

// @ts-ignore
@inline
function termAt(a: usize, b: usize, p: v128, q: v128): v128 {
  return f64x2.sub(f64x2.mul(v128.load(a), p), f64x2.mul(v128.load(b), q));
}

/** {@link squareProduct} of four squares that are `step` pixels apart, whole from side to side. */
export function squareProducts(
  sums: usize,
  a: usize,
  b: usize,
  width: i32,
  fromY: i32,
  toY: i32,
  fromX: i32,
  toX: i32,
  top: i32,
  left: i32,
  reach: i32,
  first: usize,
  second: usize,
  step: i32,
): void {
  const bytes = <usize>(toX - fromX) << 3;
  const skipped = <usize>(fromX - left) << 3;
  const whole = bytes & ~15;
  const next = <usize>step << 3;
  let all01 = v128.load(sums);
  let all23 = v128.load(sums, 16);
  for (let y = fromY; y < toY; y++) {
    const row = <usize>(y * width + fromX) << 3;
    const p = first + tableRow(y - top, reach) + skipped;
    const q = second + tableRow(y - top, reach) + skipped;
    // The lanes are two squares.
    let sum01 = f64x2.splat(0);
    let sum23 = f64x2.splat(0);
    let x: usize = 0;
    for (; x < whole; x += 16) {
      const factor = v128.load(p + x);
      const other = v128.load(q + x);
      const at = a + row + x;
      const to = b + row + x;
      const term0 = termAt(at, to, factor, other);
      const term1 = termAt(at + next, to + next, factor, other);
      const term2 = termAt(at + 2 * next, to + 2 * next, factor, other);
      const term3 = termAt(at + 3 * next, to + 3 * next, factor, other);
      sum01 = f64x2.add(sum01, v128.shuffle<i64>(term0, term1, 0, 2));
      sum01 = f64x2.add(sum01, v128.shuffle<i64>(term0, term1, 1, 3));
      sum23 = f64x2.add(sum23, v128.shuffle<i64>(term2, term3, 0, 2));
      sum23 = f64x2.add(sum23, v128.shuffle<i64>(term2, term3, 1, 3));
    }
    if (x < bytes) {
      const factor = v128.load64_splat(p + x);
      const other = v128.load64_splat(q + x);
      const at = a + row + x;
      const to = b + row + x;
      sum01 = f64x2.add(sum01, pairTermAt(at, to, next, factor, other));
      sum23 = f64x2.add(sum23, pairTermAt(at + 2 * next, to + 2 * next, next, factor, other));
    }
    all01 = f64x2.add(all01, sum01);
    all23 = f64x2.add(all23, sum23);
  }
  v128.store(sums, all01);
  v128.store(sums, all23, 16);
}

// @ts-ignore
@inline
function pairTermAt(a: usize, b: usize, next: usize, factor: v128, other: v128): v128 {
  const here = f64x2.replace_lane(v128.load64_zero(a), 1, load<f64>(a + next));
  const there = f64x2.replace_lane(v128.load64_zero(b), 1, load<f64>(b + next));
  return f64x2.sub(f64x2.mul(here, factor), f64x2.mul(there, other));
}

/** ratio ← a / b and product ← ratio · factor; without a factor (0) the ratio alone. */
export function divide(a: usize, b: usize, ratio: usize, factor: usize, product: usize, size: i32): void {
  let i: usize = 0;
  const whole = <usize>(size & -2) << 3;
  for (; i < whole; i += 16) {
    const quotient = f64x2.div(v128.load(a + i), v128.load(b + i));
    v128.store(ratio + i, quotient);
    if (factor != 0) v128.store(product + i, f64x2.mul(quotient, v128.load(factor + i)));
  }
  if (i < <usize>size << 3) {
    const quotient = load<f64>(a + i) / load<f64>(b + i);
    store<f64>(ratio + i, quotient);
    if (factor != 0) store<f64>(product + i, quotient * load<f64>(factor + i));
  }
}

// @ts-ignore
@inline
function times(a: v128, b: v128): v128 {
  return v128.mul<f64>(a, b);
}

// @ts-ignore
@inline
function plus(a: v128, b: f64): v128 {
  return v128.add<f64>(a, f64x2.splat(b));
}

/** eˣ of two numbers from 0 to 43: `saliency/extremal/exponential.ts`. */
// @ts-ignore
@inline
function exponential(x: v128): v128 {
  const n = v128.floor<f64>(plus(times(x, f64x2.splat(1.4426950408889634)), 0.5));
  const near = v128.sub<f64>(x, times(n, f64x2.splat(2977044471.0 / 4294967296.0)));
  const r = v128.sub<f64>(near, times(n, f64x2.splat(1.9082149292705877e-10)));
  let sum = f64x2.splat(1.0 / 6227020800.0);
  sum = plus(times(sum, r), 1.0 / 479001600.0);
  sum = plus(times(sum, r), 1.0 / 39916800.0);
  sum = plus(times(sum, r), 1.0 / 3628800.0);
  sum = plus(times(sum, r), 1.0 / 362880.0);
  sum = plus(times(sum, r), 1.0 / 40320.0);
  sum = plus(times(sum, r), 1.0 / 5040.0);
  sum = plus(times(sum, r), 1.0 / 720.0);
  sum = plus(times(sum, r), 1.0 / 120.0);
  sum = plus(times(sum, r), 1.0 / 24.0);
  sum = plus(times(sum, r), 1.0 / 6.0);
  sum = plus(times(sum, r), 0.5);
  sum = plus(times(sum, r), 1.0);
  sum = plus(times(sum, r), 1.0);
  const whole = i64x2.extend_low_i32x4_u(i32x4.trunc_sat_f64x2_s_zero(n));
  return times(sum, v128.shl<i64>(v128.add<i64>(whole, i64x2.splat(1023)), 52));
}

// @ts-ignore
@inline
function storePowers(to: usize, kernels: usize, temperature: v128, value: v128): void {
  v128.store(to, exponential(times(times(temperature, v128.load(kernels)), value)));
}

/**
 * e^{Tkv} of a node's value v and a table of kernels k, `half` rows of so many columns (a multiple of 8, not less than the rows), which is symmetric; Tkv is from 0 to 43.
 * Eight at once, since engines make each constant anew in each turn of a loop.
 */
export function fillPowers(powers: usize, kernels: usize, value: f64, temperature: f64, half: i32, columns: i32): void {
  const t = f64x2.splat(temperature);
  const v = f64x2.splat(value);
  for (let y = 0; y < half; y++) {
    for (let x = y & ~7; x < columns; x += 8) {
      const at = <usize>(y * columns + x) << 3;
      storePowers(powers + at, kernels + at, t, v);
      storePowers(powers + at + 16, kernels + at + 16, t, v);
      storePowers(powers + at + 32, kernels + at + 32, t, v);
      storePowers(powers + at + 48, kernels + at + 48, t, v);
    }
  }
  for (let y = 8; y < half; y++) {
    for (let x = 0; x < (y & ~7); x++) {
      const from = powers + (<usize>(x * columns + y) << 3);
      store<f64>(powers + (<usize>(y * columns + x) << 3), load<f64>(from));
    }
  }
}

/** Stores two elements of a table's row, and the same in turned order where they stand from the row's other end. */
// @ts-ignore
@inline
function storeFromBothEnds(row: usize, last: usize, x: usize, v: v128): void {
  v128.store(row + x, v);
  v128.store(row + last - x - 8, v128.shuffle<i64>(v, v, 1, 0));
}

/**
 * Fills the upper halves of two tables of `reach` columns, which are the same from both ends, of kernels k [half, columns] and the powers e^{Tkv} for a node's value v:
 * e^{Tkv} − 1 and k·v·e^{Tkv}. There are 3 columns at least.
 */
export function tabulateSums(
  first: usize,
  second: usize,
  powers: usize,
  kernels: usize,
  value: f64,
  half: i32,
  columns: i32,
  reach: i32,
): void {
  const last = <usize>(reach - 1) << 3;
  for (let y = 0; y < half; y++) {
    const row = <usize>(y * reach) << 3;
    const from = <usize>(y * columns) << 3;
    for (let x: usize = 0; x < <usize>half << 3; x += 16) {
      const k = v128.load(kernels + from + x);
      const power = v128.load(powers + from + x);
      storeFromBothEnds(first + row, last, x, plus(power, -1.0));
      storeFromBothEnds(second + row, last, x, times(times(k, f64x2.splat(value)), power));
    }
  }
}

/** The same of k·e^{Tkv}·(1 + Tkv) and T·k·e^{Tkv}. */
export function tabulateSlopes(
  first: usize,
  second: usize,
  powers: usize,
  kernels: usize,
  value: f64,
  temperature: f64,
  half: i32,
  columns: i32,
  reach: i32,
): void {
  const last = <usize>(reach - 1) << 3;
  for (let y = 0; y < half; y++) {
    const row = <usize>(y * reach) << 3;
    const from = <usize>(y * columns) << 3;
    for (let x: usize = 0; x < <usize>half << 3; x += 16) {
      const k = v128.load(kernels + from + x);
      const power = v128.load(powers + from + x);
      const sharp = times(f64x2.splat(temperature), k);
      storeFromBothEnds(first + row, last, x, times(times(k, power), plus(times(sharp, f64x2.splat(value)), 1.0)));
      storeFromBothEnds(second + row, last, x, times(sharp, power));
    }
  }
}
