/** @file Smooth masks and their gradient: `saliency/extremal/extremal-mask.ts`. On float64. */

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

/** Fills the upper halves of two tables of `reach` columns, which are the same from both ends, with what belongs to each place. */
export function spread(
  first: usize,
  second: usize,
  firstOf: usize,
  secondOf: usize,
  placeOf: usize,
  half: i32,
  reach: i32,
): void {
  let place = placeOf;
  for (let y = 0; y < half; y++) {
    let left = <usize>(y * reach) << 3;
    let right = left + (<usize>(reach - 1) << 3);
    for (let x = 0; x < half; x++) {
      const from = <usize>load<u32>(place) << 3;
      const p = load<f64>(firstOf + from);
      const q = load<f64>(secondOf + from);
      store<f64>(first + left, p);
      store<f64>(first + right, p);
      store<f64>(second + left, q);
      store<f64>(second + right, q);
      place += 4;
      left += 8;
      right -= 8;
    }
  }
}
