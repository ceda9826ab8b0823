/** @file The two heavy loops of L-BFGS: `optimize/row-products.ts`. */
import { both, high, low, plusLanes, rounded } from "./lanes";

/** Elements per block of rows: as in `optimize/row-products.ts`, whose sums end with each block. */
const blockLength: i32 = 1024;

// @ts-ignore
@inline
function rowAt(rows: usize, offsets: usize, r: i32, from: i32): usize {
  return rows + (<usize>(load<i32>(offsets + (<usize>r << 2)) + from) << 2);
}

/** Adds to the sums of rows a and b, lane by lane, their products with four elements. */
// @ts-ignore
@inline
function plusProducts(sum: v128, a: v128, b: v128, x0: v128, x1: v128, x2: v128, x3: v128): v128 {
  const front = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
  const back = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
  let s = f64x2.add(sum, f64x2.mul(x0, low(front)));
  s = f64x2.add(s, f64x2.mul(x1, high(front)));
  s = f64x2.add(s, f64x2.mul(x2, low(back)));
  return f64x2.add(s, f64x2.mul(x3, high(back)));
}

// @ts-ignore
@inline
function plusProduct(sum: v128, a: usize, b: usize, x: f64): v128 {
  const pair = f64x2.replace_lane(f64x2.splat(<f64>load<f32>(a)), 1, <f64>load<f32>(b));
  return f64x2.add(sum, f64x2.mul(f64x2.splat(x), pair));
}

// @ts-ignore
@inline
function addTo(products: usize, r: i32, sums: v128): void {
  const at = products + (<usize>r << 3);
  v128.store(at, f64x2.add(v128.load(at), sums));
}

/** Writes to products[r] the inner product of the vector with row r; with an odd count, one more number that means nothing. */
export function innerProducts(
  vector: usize,
  rows: usize,
  offsets: usize,
  count: i32,
  products: usize,
  length: i32,
): void {
  if ((count & 1) != 0) store<i32>(offsets + (<usize>count << 2), load<i32>(offsets));
  const even = (count + 1) & -2;
  memory.fill(products, 0, <usize>even << 3);
  for (let from = 0; from < length; from += blockLength) {
    const size = min(blockLength, length - from);
    const x = vector + (<usize>from << 2);
    let r = 0;
    for (; r + 8 <= even; r += 8) addEightProducts(x, rows, offsets, r, from, size, products);
    for (; r + 4 <= even; r += 4) addFourProducts(x, rows, offsets, r, from, size, products);
    if (r < even) addTwoProducts(x, rows, offsets, r, from, size, products);
  }
}

function addEightProducts(
  vector: usize,
  rows: usize,
  offsets: usize,
  r: i32,
  from: i32,
  size: i32,
  products: usize,
): void {
  const a = rowAt(rows, offsets, r, from);
  const b = rowAt(rows, offsets, r + 1, from);
  const c = rowAt(rows, offsets, r + 2, from);
  const d = rowAt(rows, offsets, r + 3, from);
  const e = rowAt(rows, offsets, r + 4, from);
  const f = rowAt(rows, offsets, r + 5, from);
  const g = rowAt(rows, offsets, r + 6, from);
  const h = rowAt(rows, offsets, r + 7, from);
  let ab = f64x2.splat(0);
  let cd = f64x2.splat(0);
  let ef = f64x2.splat(0);
  let gh = f64x2.splat(0);
  let i: usize = 0;
  const whole = <usize>(size & -4) << 2;
  for (; i < whole; i += 16) {
    const x = v128.load(vector + i);
    const front = low(x);
    const back = high(x);
    const x0 = both(front, 0);
    const x1 = both(front, 1);
    const x2 = both(back, 0);
    const x3 = both(back, 1);
    ab = plusProducts(ab, v128.load(a + i), v128.load(b + i), x0, x1, x2, x3);
    cd = plusProducts(cd, v128.load(c + i), v128.load(d + i), x0, x1, x2, x3);
    ef = plusProducts(ef, v128.load(e + i), v128.load(f + i), x0, x1, x2, x3);
    gh = plusProducts(gh, v128.load(g + i), v128.load(h + i), x0, x1, x2, x3);
  }
  for (const end = <usize>size << 2; i < end; i += 4) {
    const x = <f64>load<f32>(vector + i);
    ab = plusProduct(ab, a + i, b + i, x);
    cd = plusProduct(cd, c + i, d + i, x);
    ef = plusProduct(ef, e + i, f + i, x);
    gh = plusProduct(gh, g + i, h + i, x);
  }
  addTo(products, r, ab);
  addTo(products, r + 2, cd);
  addTo(products, r + 4, ef);
  addTo(products, r + 6, gh);
}

function addFourProducts(
  vector: usize,
  rows: usize,
  offsets: usize,
  r: i32,
  from: i32,
  size: i32,
  products: usize,
): void {
  const a = rowAt(rows, offsets, r, from);
  const b = rowAt(rows, offsets, r + 1, from);
  const c = rowAt(rows, offsets, r + 2, from);
  const d = rowAt(rows, offsets, r + 3, from);
  let ab = f64x2.splat(0);
  let cd = f64x2.splat(0);
  let i: usize = 0;
  const whole = <usize>(size & -4) << 2;
  for (; i < whole; i += 16) {
    const x = v128.load(vector + i);
    const front = low(x);
    const back = high(x);
    const x0 = both(front, 0);
    const x1 = both(front, 1);
    const x2 = both(back, 0);
    const x3 = both(back, 1);
    ab = plusProducts(ab, v128.load(a + i), v128.load(b + i), x0, x1, x2, x3);
    cd = plusProducts(cd, v128.load(c + i), v128.load(d + i), x0, x1, x2, x3);
  }
  for (const end = <usize>size << 2; i < end; i += 4) {
    const x = <f64>load<f32>(vector + i);
    ab = plusProduct(ab, a + i, b + i, x);
    cd = plusProduct(cd, c + i, d + i, x);
  }
  addTo(products, r, ab);
  addTo(products, r + 2, cd);
}

function addTwoProducts(
  vector: usize,
  rows: usize,
  offsets: usize,
  r: i32,
  from: i32,
  size: i32,
  products: usize,
): void {
  const a = rowAt(rows, offsets, r, from);
  const b = rowAt(rows, offsets, r + 1, from);
  let ab = f64x2.splat(0);
  let i: usize = 0;
  const whole = <usize>(size & -4) << 2;
  for (; i < whole; i += 16) {
    const x = v128.load(vector + i);
    const front = low(x);
    const back = high(x);
    ab = plusProducts(ab, v128.load(a + i), v128.load(b + i), both(front, 0), both(front, 1), both(back, 0), both(back, 1));
  }
  for (const end = <usize>size << 2; i < end; i += 4) ab = plusProduct(ab, a + i, b + i, <f64>load<f32>(vector + i));
  addTo(products, r, ab);
}

/** {@link innerProducts} over the elements that the first `size` indices name. */
export function innerProductsAt(
  indices: usize,
  size: i32,
  vector: usize,
  rows: usize,
  offsets: usize,
  count: i32,
  products: usize,
): void {
  if ((count & 1) != 0) store<i32>(offsets + (<usize>count << 2), load<i32>(offsets));
  const even = (count + 1) & -2;
  const end = indices + (<usize>size << 2);
  let r = 0;
  for (; r + 4 <= even; r += 4) {
    const a = rowAt(rows, offsets, r, 0);
    const b = rowAt(rows, offsets, r + 1, 0);
    const c = rowAt(rows, offsets, r + 2, 0);
    const d = rowAt(rows, offsets, r + 3, 0);
    let ab = f64x2.splat(0);
    let cd = f64x2.splat(0);
    for (let k = indices; k < end; k += 4) {
      const i = <usize>load<u32>(k) << 2;
      const x = <f64>load<f32>(vector + i);
      ab = plusProduct(ab, a + i, b + i, x);
      cd = plusProduct(cd, c + i, d + i, x);
    }
    v128.store(products + (<usize>r << 3), ab);
    v128.store(products + (<usize>(r + 2) << 3), cd);
  }
  if (r == even) return;
  const a = rowAt(rows, offsets, r, 0);
  const b = rowAt(rows, offsets, r + 1, 0);
  let ab = f64x2.splat(0);
  for (let k = indices; k < end; k += 4) {
    const i = <usize>load<u32>(k) << 2;
    ab = plusProduct(ab, a + i, b + i, <f64>load<f32>(vector + i));
  }
  v128.store(products + (<usize>r << 3), ab);
}

/**
 * Writes scale · vector + Σ_r coefficients[r] · row r to the target and returns its inner product with the vector. Rows are added up in fives; what
 * is missing of the last five counts as the first row times 0. `sums` is room for a block of float64.
 */
export function combineRows(
  scale: f64,
  vector: usize,
  rows: usize,
  offsets: usize,
  coefficients: usize,
  count: i32,
  target: usize,
  length: i32,
  sums: usize,
): f64 {
  let product: f64 = 0;
  const times = f64x2.splat(scale);
  for (let from = 0; from < length; from += blockLength) {
    const size = min(blockLength, length - from);
    const x = vector + (<usize>from << 2);
    let i: usize = 0;
    const whole = <usize>(size & -4) << 2;
    const end = <usize>size << 2;
    for (; i < whole; i += 16) {
      const v = v128.load(x + i);
      v128.store(sums + (i << 1), f64x2.mul(times, low(v)));
      v128.store(sums + (i << 1), f64x2.mul(times, high(v)), 16);
    }
    for (; i < end; i += 4) store<f64>(sums + (i << 1), scale * <f64>load<f32>(x + i));
    let r = 0;
    for (; r + 5 <= count; r += 5) addFiveRows(rows, offsets, coefficients, r, from, size, sums);
    if (r < count) addFewRows(rows, offsets, coefficients, r, count - r, from, size, sums);
    product = finish(x, sums, target + (<usize>from << 2), size, product);
  }
  return product;
}

function addFiveRows(
  rows: usize,
  offsets: usize,
  coefficients: usize,
  r: i32,
  from: i32,
  size: i32,
  sums: usize,
): void {
  const a = rowAt(rows, offsets, r, from);
  const b = rowAt(rows, offsets, r + 1, from);
  const c = rowAt(rows, offsets, r + 2, from);
  const d = rowAt(rows, offsets, r + 3, from);
  const e = rowAt(rows, offsets, r + 4, from);
  const at = coefficients + (<usize>r << 3);
  const timesA = v128.load64_splat(at);
  const timesB = v128.load64_splat(at, 8);
  const timesC = v128.load64_splat(at, 16);
  const timesD = v128.load64_splat(at, 24);
  const timesE = v128.load64_splat(at, 32);
  let i: usize = 0;
  const whole = <usize>(size & -4) << 2;
  for (; i < whole; i += 16) {
    const rowA = v128.load(a + i);
    const rowB = v128.load(b + i);
    let front = f64x2.add(f64x2.mul(timesA, low(rowA)), f64x2.mul(timesB, low(rowB)));
    let back = f64x2.add(f64x2.mul(timesA, high(rowA)), f64x2.mul(timesB, high(rowB)));
    const rowC = v128.load(c + i);
    front = f64x2.add(front, f64x2.mul(timesC, low(rowC)));
    back = f64x2.add(back, f64x2.mul(timesC, high(rowC)));
    const rowD = v128.load(d + i);
    front = f64x2.add(front, f64x2.mul(timesD, low(rowD)));
    back = f64x2.add(back, f64x2.mul(timesD, high(rowD)));
    const rowE = v128.load(e + i);
    front = f64x2.add(front, f64x2.mul(timesE, low(rowE)));
    back = f64x2.add(back, f64x2.mul(timesE, high(rowE)));
    const to = sums + (i << 1);
    v128.store(to, f64x2.add(v128.load(to), front));
    v128.store(to, f64x2.add(v128.load(to, 16), back), 16);
  }
  for (const end = <usize>size << 2; i < end; i += 4) {
    const to = sums + (i << 1);
    const sum =
      load<f64>(at) * <f64>load<f32>(a + i) +
      load<f64>(at, 8) * <f64>load<f32>(b + i) +
      load<f64>(at, 16) * <f64>load<f32>(c + i) +
      load<f64>(at, 24) * <f64>load<f32>(d + i) +
      load<f64>(at, 32) * <f64>load<f32>(e + i);
    store<f64>(to, load<f64>(to) + sum);
  }
}

/** As {@link addFiveRows} adds one to four rows, and the first of all times 0: that decides the sign of a sum of 0. */
function addFewRows(
  rows: usize,
  offsets: usize,
  coefficients: usize,
  r: i32,
  few: i32,
  from: i32,
  size: i32,
  sums: usize,
): void {
  const nothing = rowAt(rows, offsets, 0, from);
  const a = rowAt(rows, offsets, r, from);
  const b = few > 1 ? rowAt(rows, offsets, r + 1, from) : nothing;
  const c = few > 2 ? rowAt(rows, offsets, r + 2, from) : nothing;
  const d = few > 3 ? rowAt(rows, offsets, r + 3, from) : nothing;
  const at = coefficients + (<usize>r << 3);
  const zero = f64x2.splat(0);
  const timesA = v128.load64_splat(at);
  const timesB = few > 1 ? v128.load64_splat(at, 8) : zero;
  const timesC = few > 2 ? v128.load64_splat(at, 16) : zero;
  const timesD = few > 3 ? v128.load64_splat(at, 24) : zero;
  let i: usize = 0;
  const whole = <usize>(size & -4) << 2;
  for (; i < whole; i += 16) {
    const rowA = v128.load(a + i);
    let front = f64x2.mul(timesA, low(rowA));
    let back = f64x2.mul(timesA, high(rowA));
    if (few > 1) {
      const rowB = v128.load(b + i);
      front = f64x2.add(front, f64x2.mul(timesB, low(rowB)));
      back = f64x2.add(back, f64x2.mul(timesB, high(rowB)));
    }
    if (few > 2) {
      const rowC = v128.load(c + i);
      front = f64x2.add(front, f64x2.mul(timesC, low(rowC)));
      back = f64x2.add(back, f64x2.mul(timesC, high(rowC)));
    }
    if (few > 3) {
      const rowD = v128.load(d + i);
      front = f64x2.add(front, f64x2.mul(timesD, low(rowD)));
      back = f64x2.add(back, f64x2.mul(timesD, high(rowD)));
    }
    const first = v128.load(nothing + i);
    front = f64x2.add(front, f64x2.mul(zero, low(first)));
    back = f64x2.add(back, f64x2.mul(zero, high(first)));
    const to = sums + (i << 1);
    v128.store(to, f64x2.add(v128.load(to), front));
    v128.store(to, f64x2.add(v128.load(to, 16), back), 16);
  }
  for (const end = <usize>size << 2; i < end; i += 4) {
    const to = sums + (i << 1);
    let sum = f64x2.extract_lane(timesA, 0) * <f64>load<f32>(a + i);
    if (few > 1) sum += f64x2.extract_lane(timesB, 0) * <f64>load<f32>(b + i);
    if (few > 2) sum += f64x2.extract_lane(timesC, 0) * <f64>load<f32>(c + i);
    if (few > 3) sum += f64x2.extract_lane(timesD, 0) * <f64>load<f32>(d + i);
    store<f64>(to, load<f64>(to) + (sum + 0 * <f64>load<f32>(nothing + i)));
  }
}

function finish(vector: usize, sums: usize, target: usize, size: i32, before: f64): f64 {
  let product = before;
  let i: usize = 0;
  const whole = <usize>(size & -4) << 2;
  for (; i < whole; i += 16) {
    const from = sums + (i << 1);
    const result = rounded(v128.load(from), v128.load(from, 16));
    v128.store(target + i, result);
    const x = v128.load(vector + i);
    product = plusLanes(product, f64x2.mul(low(x), low(result)), f64x2.mul(high(x), high(result)));
  }
  for (const end = <usize>size << 2; i < end; i += 4) {
    const result = <f32>load<f64>(sums + (i << 1));
    store<f32>(target + i, result);
    product += <f64>load<f32>(vector + i) * <f64>result;
  }
  return product;
}
