/**
 * @file The kernels in AssemblyScript: compiled to WebAssembly with SIMD by `npm run kernels`.
 *
 * Each does, bit for bit, what the TypeScript does that it stands for. What is added up from element to element is added in the
 * same order: the lanes of a register are two rows or two sums, not two stretches of one. Arguments are byte addresses
 * in the module's memory and lengths in elements. Decorators are AssemblyScript's, which editors have to ignore.
 */

/** Elements per block of rows: as in `optimize/row-products.ts`, whose sums end with each block. */
const blockLength: i32 = 1024;

/** (v₂, v₃) of four float32, as float64. */
// @ts-ignore
@inline
function high(v: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<i32>(v, v, 2, 3, 2, 3));
}

/** (v₀, v₁) of four float32, as float64. */
// @ts-ignore
@inline
function low(v: v128): v128 {
  return f64x2.promote_low_f32x4(v);
}

/** Four float32 of two pairs of float64. */
// @ts-ignore
@inline
function rounded(a: v128, b: v128): v128 {
  return v128.shuffle<i64>(f32x4.demote_f64x2_zero(a), f32x4.demote_f64x2_zero(b), 0, 2);
}

// @ts-ignore
@inline
function both(v: v128, lane: i32): v128 {
  return lane == 0 ? v128.shuffle<i64>(v, v, 0, 0) : v128.shuffle<i64>(v, v, 1, 1);
}

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

/** The sum with four terms added, one after the other. */
// @ts-ignore
@inline
function plusLanes(sum: f64, front: v128, back: v128): f64 {
  return (
    sum +
    f64x2.extract_lane(front, 0) +
    f64x2.extract_lane(front, 1) +
    f64x2.extract_lane(back, 0) +
    f64x2.extract_lane(back, 1)
  );
}

/**
 * Writes point + length · direction to the trial, clipped to [lows, highs] unless these are 0, and returns the largest magnitude of what
 * was moved. Writes to `gain` the sum of gradient · (trial − point).
 */
export function moveTo(
  trial: usize,
  point: usize,
  direction: usize,
  length: f64,
  lows: usize,
  highs: usize,
  gradient: usize,
  gain: usize,
  size: i32,
): f64 {
  const bounded = lows != 0;
  const times = f64x2.splat(length);
  let most = f64x2.splat(0);
  let sum: f64 = 0;
  let i: usize = 0;
  const whole = <usize>(size & -4) << 2;
  const end = <usize>size << 2;
  if (length == 1 && bounded) {
    // The sum of two float32 in float64, rounded, is that in float32.
    for (; i < whole; i += 16) {
      const from = v128.load(point + i);
      const there = f32x4.add(from, v128.load(direction + i));
      const to = clipped(there, v128.load(lows + i), v128.load(highs + i));
      v128.store(trial + i, to);
      const front = f64x2.sub(low(to), low(from));
      const back = f64x2.sub(high(to), high(from));
      most = f64x2.pmax(f64x2.pmax(most, f64x2.abs(front)), f64x2.abs(back));
      const slope = v128.load(gradient + i);
      sum = plusLanes(sum, f64x2.mul(low(slope), front), f64x2.mul(high(slope), back));
    }
  }
  for (; i < whole; i += 16) {
    const from = v128.load(point + i);
    const way = v128.load(direction + i);
    let front = f64x2.mul(times, low(way));
    let back = f64x2.mul(times, high(way));
    let to = rounded(f64x2.add(low(from), front), f64x2.add(high(from), back));
    if (bounded) to = clipped(to, v128.load(lows + i), v128.load(highs + i));
    v128.store(trial + i, to);
    const frontMove = f64x2.sub(low(to), low(from));
    const backMove = f64x2.sub(high(to), high(from));
    if (bounded) {
      front = frontMove;
      back = backMove;
    }
    most = f64x2.pmax(f64x2.pmax(most, f64x2.abs(front)), f64x2.abs(back));
    const slope = v128.load(gradient + i);
    sum = plusLanes(sum, f64x2.mul(low(slope), frontMove), f64x2.mul(high(slope), backMove));
  }
  let largest = largerLane(most);
  for (; i < end; i += 4) {
    const from = <f64>load<f32>(point + i);
    let move = length * <f64>load<f32>(direction + i);
    let to = <f32>(from + move);
    if (bounded) {
      const least = load<f32>(lows + i);
      const greatest = load<f32>(highs + i);
      if (to < least) to = least;
      else if (to > greatest) to = greatest;
    }
    store<f32>(trial + i, to);
    const moved = <f64>to - from;
    if (bounded) move = moved;
    if (abs(move) > largest) largest = abs(move);
    sum += <f64>load<f32>(gradient + i) * moved;
  }
  store<f64>(gain, sum);
  return largest;
}

// @ts-ignore
@inline
function clipped(x: v128, lows: v128, highs: v128): v128 {
  return v128.bitselect(lows, v128.bitselect(highs, x, f32x4.gt(x, highs)), f32x4.lt(x, lows));
}

/** The larger of two lanes that are at least 0, and not NaN. */
// @ts-ignore
@inline
function largerLane(v: v128): f64 {
  return max(f64x2.extract_lane(v, 0), f64x2.extract_lane(v, 1));
}

/** The largest of four lanes that are at least 0, and not NaN. */
// @ts-ignore
@inline
function largestLane(v: v128): f32 {
  return max(
    max(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 1)),
    max(f32x4.extract_lane(v, 2), f32x4.extract_lane(v, 3)),
  );
}

/** The sum of gradient · (to − from). */
export function gainAlong(gradient: usize, from: usize, to: usize, size: i32): f64 {
  let sum: f64 = 0;
  let i: usize = 0;
  const whole = <usize>(size & -4) << 2;
  for (; i < whole; i += 16) {
    const a = v128.load(from + i);
    const b = v128.load(to + i);
    const slope = v128.load(gradient + i);
    const front = f64x2.mul(low(slope), f64x2.sub(low(b), low(a)));
    sum = plusLanes(sum, front, f64x2.mul(high(slope), f64x2.sub(high(b), high(a))));
  }
  for (const end = <usize>size << 2; i < end; i += 4) {
    sum += <f64>load<f32>(gradient + i) * (<f64>load<f32>(to + i) - <f64>load<f32>(from + i));
  }
  return sum;
}

/** Multiplies the vector by a factor. */
export function scale(vector: usize, factor: f64, size: i32): void {
  const times = f64x2.splat(factor);
  let i: usize = 0;
  const whole = <usize>(size & -4) << 2;
  for (; i < whole; i += 16) {
    const v = v128.load(vector + i);
    v128.store(vector + i, rounded(f64x2.mul(times, low(v)), f64x2.mul(times, high(v))));
  }
  for (const end = <usize>size << 2; i < end; i += 4) {
    store<f32>(vector + i, <f32>(factor * <f64>load<f32>(vector + i)));
  }
}

/** Writes s = step (less `from`, unless that is 0) and y = gradient − previous to their rows; to `measures` yᵀs, yᵀy and sᵀs. */
export function writePair(
  s: usize,
  y: usize,
  step: usize,
  from: usize,
  gradient: usize,
  previous: usize,
  measures: usize,
  size: i32,
): void {
  // The lanes are yᵀs and yᵀy.
  let sums = f64x2.splat(0);
  let ss: f64 = 0;
  let i: usize = 0;
  const whole = <usize>(size & -4) << 2;
  for (; i < whole; i += 16) {
    let a = v128.load(step + i);
    // The difference of two float32 in float64, rounded, is that in float32.
    if (from != 0) a = f32x4.sub(a, v128.load(from + i));
    const now = v128.load(gradient + i);
    const before = v128.load(previous + i);
    const s01 = low(a);
    const s23 = high(a);
    const y01 = f64x2.sub(low(now), low(before));
    const y23 = f64x2.sub(high(now), high(before));
    v128.store(s + i, a);
    v128.store(y + i, rounded(y01, y23));
    sums = f64x2.add(sums, f64x2.mul(both(y01, 0), v128.shuffle<i64>(s01, y01, 0, 2)));
    sums = f64x2.add(sums, f64x2.mul(both(y01, 1), v128.shuffle<i64>(s01, y01, 1, 3)));
    sums = f64x2.add(sums, f64x2.mul(both(y23, 0), v128.shuffle<i64>(s23, y23, 0, 2)));
    sums = f64x2.add(sums, f64x2.mul(both(y23, 1), v128.shuffle<i64>(s23, y23, 1, 3)));
    ss = plusLanes(ss, f64x2.mul(s01, s01), f64x2.mul(s23, s23));
  }
  let ys = f64x2.extract_lane(sums, 0);
  let yy = f64x2.extract_lane(sums, 1);
  for (const end = <usize>size << 2; i < end; i += 4) {
    let a = load<f32>(step + i);
    if (from != 0) a = <f32>(<f64>a - <f64>load<f32>(from + i));
    const b = <f64>load<f32>(gradient + i) - <f64>load<f32>(previous + i);
    store<f32>(s + i, a);
    store<f32>(y + i, <f32>b);
    ys += b * <f64>a;
    yy += b * b;
    ss += <f64>a * <f64>a;
  }
  store<f64>(measures, ys);
  store<f64>(measures, yy, 8);
  store<f64>(measures, ss, 16);
}

/** The largest magnitude; NaN if an element is infinite or NaN. */
export function largestIfFinite(vector: usize, size: i32): f64 {
  let most = f32x4.splat(0);
  // Zero times an infinity or a NaN is NaN, and NaN survives a sum.
  let zeros = f32x4.splat(0);
  let i: usize = 0;
  const whole = <usize>(size & -4) << 2;
  for (; i < whole; i += 16) {
    const magnitude = f32x4.abs(v128.load(vector + i));
    most = f32x4.pmax(most, magnitude);
    zeros = f32x4.add(zeros, f32x4.mul(magnitude, f32x4.splat(0)));
  }
  let largest = largestLane(most);
  let zero =
    f32x4.extract_lane(zeros, 0) +
    f32x4.extract_lane(zeros, 1) +
    f32x4.extract_lane(zeros, 2) +
    f32x4.extract_lane(zeros, 3);
  for (const end = <usize>size << 2; i < end; i += 4) {
    const magnitude = abs(load<f32>(vector + i));
    if (magnitude > largest) largest = magnitude;
    zero += magnitude * 0;
  }
  return zero == 0 ? <f64>largest : NaN;
}

/** Lists the elements that a bound holds, with what is left of their way to it; returns how many, and writes the residual. */
export function findInBox(
  point: usize,
  gradient: usize,
  lows: usize,
  highs: usize,
  indices: usize,
  moves: usize,
  residual: usize,
  size: i32,
): i32 {
  const distance = f64x2.splat(1e-6);
  const one = f64x2.splat(1);
  let most = f64x2.splat(0);
  let count: usize = 0;
  let i: usize = 0;
  const whole = <usize>(size & -4) << 2;
  const end = <usize>size << 2;
  let free = f32x4.splat(0);
  for (; i < whole; i += 16) {
    const at = v128.load(point + i);
    const slope = v128.load(gradient + i);
    // The difference of two float32 in float64, rounded, is that in float32.
    const stepped = f32x4.sub(at, slope);
    const target = clipped(stepped, v128.load(lows + i), v128.load(highs + i));
    const same = f32x4.eq(target, stepped);
    if (i32x4.all_true(same)) {
      free = f32x4.pmax(free, f32x4.abs(slope));
      continue;
    }
    const from01 = low(at);
    const from23 = high(at);
    const slope01 = low(slope);
    const slope23 = high(slope);
    const same01 = v128.shuffle<i32>(same, same, 0, 0, 1, 1);
    const same23 = v128.shuffle<i32>(same, same, 2, 2, 3, 3);
    const move01 = v128.bitselect(f64x2.neg(slope01), f64x2.sub(low(target), from01), same01);
    const move23 = v128.bitselect(f64x2.neg(slope23), f64x2.sub(high(target), from23), same23);
    const far01 = f64x2.abs(move01);
    const far23 = f64x2.abs(move23);
    most = f64x2.pmax(f64x2.pmax(most, far01), far23);
    const near01 = f64x2.le(far01, f64x2.mul(distance, f64x2.pmax(one, f64x2.abs(from01))));
    const near23 = f64x2.le(far23, f64x2.mul(distance, f64x2.pmax(one, f64x2.abs(from23))));
    const bound01 = i64x2.bitmask(v128.andnot(near01, same01));
    const bound23 = i64x2.bitmask(v128.andnot(near23, same23));
    if ((bound01 | bound23) == 0) continue;
    const n = <u32>(i >> 2);
    // Written in any case, and counted only if so.
    store<u32>(indices + (count << 2), n);
    store<f64>(moves + (count << 3), f64x2.extract_lane(move01, 0));
    count += bound01 & 1;
    store<u32>(indices + (count << 2), n + 1);
    store<f64>(moves + (count << 3), f64x2.extract_lane(move01, 1));
    count += bound01 >> 1;
    store<u32>(indices + (count << 2), n + 2);
    store<f64>(moves + (count << 3), f64x2.extract_lane(move23, 0));
    count += bound23 & 1;
    store<u32>(indices + (count << 2), n + 3);
    store<f64>(moves + (count << 3), f64x2.extract_lane(move23, 1));
    count += bound23 >> 1;
  }
  let largest = max(largerLane(most), <f64>largestLane(free));
  for (; i < end; i += 4) {
    const from = load<f32>(point + i);
    const slope = load<f32>(gradient + i);
    const least = load<f32>(lows + i);
    const greatest = load<f32>(highs + i);
    const stepped = <f32>(<f64>from - <f64>slope);
    const target = stepped < least ? least : stepped > greatest ? greatest : stepped;
    const move = target == stepped ? -(<f64>slope) : <f64>target - <f64>from;
    const far = abs(move);
    if (target != stepped && far <= 1e-6 * max<f64>(1, <f64>abs(from))) {
      store<u32>(indices + (count << 2), <u32>(i >> 2));
      store<f64>(moves + (count << 3), move);
      count++;
    }
    if (far > largest) largest = far;
  }
  store<f64>(residual, largest);
  return <i32>count;
}

/** Lets the bound elements of the direction end on their bound; returns the change of gradient · direction. */
export function moveToBounds(direction: usize, gradient: usize, indices: usize, count: i32, moves: usize): f64 {
  let change: f64 = 0;
  const end = indices + (<usize>count << 2);
  for (let k = indices; k < end; k += 4) {
    const i = <usize>load<u32>(k) << 2;
    const move = load<f64>(moves);
    change += <f64>load<f32>(gradient + i) * (move - <f64>load<f32>(direction + i));
    store<f32>(direction + i, <f32>move);
    moves += 8;
  }
  return change;
}

/** Moves every element to the nearest between its bounds. */
export function clip(vector: usize, lows: usize, highs: usize, size: i32): void {
  let i: usize = 0;
  const whole = <usize>(size & -4) << 2;
  for (; i < whole; i += 16) {
    v128.store(vector + i, clipped(v128.load(vector + i), v128.load(lows + i), v128.load(highs + i)));
  }
  for (const end = <usize>size << 2; i < end; i += 4) {
    const x = load<f32>(vector + i);
    if (x < load<f32>(lows + i)) store<f32>(vector + i, load<f32>(lows + i));
    else if (x > load<f32>(highs + i)) store<f32>(vector + i, load<f32>(highs + i));
  }
}

/** Moves every element to the nearest from `least` to `greatest`. */
export function clipBetween(vector: usize, least: f32, greatest: f32, size: i32): void {
  const lows = f32x4.splat(least);
  const highs = f32x4.splat(greatest);
  let i: usize = 0;
  const whole = <usize>(size & -4) << 2;
  for (; i < whole; i += 16) v128.store(vector + i, clipped(v128.load(vector + i), lows, highs));
  for (const end = <usize>size << 2; i < end; i += 4) {
    const x = load<f32>(vector + i);
    if (x < least) store<f32>(vector + i, least);
    else if (x > greatest) store<f32>(vector + i, greatest);
  }
}

/** next ← point − factor · vector; returns whether the vector has an element that is not 0. */
export function subtractScaled(next: usize, point: usize, factor: f64, vector: usize, size: i32): i32 {
  const times = f64x2.splat(factor);
  let differs = f32x4.splat(0);
  let i: usize = 0;
  const whole = <usize>(size & -4) << 2;
  for (; i < whole; i += 16) {
    const from = v128.load(point + i);
    const v = v128.load(vector + i);
    differs = v128.or(differs, f32x4.ne(v, f32x4.splat(0)));
    const front = f64x2.sub(low(from), f64x2.mul(times, low(v)));
    v128.store(next + i, rounded(front, f64x2.sub(high(from), f64x2.mul(times, high(v)))));
  }
  let moves = v128.any_true(differs);
  for (const end = <usize>size << 2; i < end; i += 4) {
    const element = load<f32>(vector + i);
    moves = moves || element != 0;
    store<f32>(next + i, <f32>(<f64>load<f32>(point + i) - factor * <f64>element));
  }
  return <i32>moves;
}

// @ts-ignore
@inline
function signed(point: v128, times: v128, element: v128): v128 {
  const zero = f64x2.splat(0);
  const one = f64x2.splat(1);
  const sign = f64x2.sub(v128.and(one, f64x2.gt(element, zero)), v128.and(one, f64x2.lt(element, zero)));
  return f64x2.add(f64x2.sub(point, f64x2.mul(times, sign)), f64x2.mul(zero, element));
}

/**
 * next ← point − factor · sign(vector), and between [lows, highs] unless these are 0; where the vector is infinite or NaN it is NaN.
 * Returns whether the vector has an element that has a sign.
 */
export function subtractSigns(
  next: usize,
  point: usize,
  factor: f64,
  vector: usize,
  lows: usize,
  highs: usize,
  size: i32,
): i32 {
  const times = f64x2.splat(factor);
  const bounded = lows != 0;
  const zero = f32x4.splat(0);
  let differs = zero;
  let i: usize = 0;
  const whole = <usize>(size & -4) << 2;
  for (; i < whole; i += 16) {
    const from = v128.load(point + i);
    const v = v128.load(vector + i);
    differs = v128.or(differs, v128.or(f32x4.gt(v, zero), f32x4.lt(v, zero)));
    let to = rounded(signed(low(from), times, low(v)), signed(high(from), times, high(v)));
    if (bounded) to = f32x4.min(f32x4.max(to, v128.load(lows + i)), v128.load(highs + i));
    v128.store(next + i, to);
  }
  let moves = v128.any_true(differs);
  for (const end = <usize>size << 2; i < end; i += 4) {
    const element = <f64>load<f32>(vector + i);
    const sign: f64 = element > 0 ? 1 : element < 0 ? -1 : 0;
    moves = moves || sign != 0;
    let to = <f32>(<f64>load<f32>(point + i) - factor * sign + 0 * element);
    if (bounded) to = min<f32>(max<f32>(to, load<f32>(lows + i)), load<f32>(highs + i));
    store<f32>(next + i, to);
  }
  return <i32>moves;
}

// @ts-ignore
@inline
function climbed(at: v128, before: v128, slope: v128, step: v128, kept: v128, least: v128, most: v128): v128 {
  const zero = f64x2.splat(0);
  const down = v128.bitselect(f64x2.sub(at, step), at, f64x2.lt(slope, zero));
  const up = v128.bitselect(f64x2.add(at, step), down, f64x2.gt(slope, zero));
  const to = f64x2.pmin(f64x2.pmax(up, least), most);
  const gained = f64x2.mul(f64x2.sub(to, at), f64x2.sub(f64x2.splat(1), kept));
  const next = f64x2.add(f64x2.add(at, gained), f64x2.mul(f64x2.sub(at, before), kept));
  return f64x2.pmin(f64x2.pmax(next, least), most);
}

/**
 * A step of Auto-PGD: along the signs of the gradient, between [lows, highs], with the share `kept` of the move from `previous`, and between them
 * again; `previous` becomes the point before. Where the gradient is NaN nothing is stepped.
 */
export function climbInBox(
  point: usize,
  previous: usize,
  gradient: usize,
  stepSize: f64,
  kept: f64,
  lows: usize,
  highs: usize,
  size: i32,
): void {
  const step = f64x2.splat(stepSize);
  const share = f64x2.splat(kept);
  let i: usize = 0;
  const whole = <usize>(size & -4) << 2;
  for (; i < whole; i += 16) {
    const at = v128.load(point + i);
    const before = v128.load(previous + i);
    const slope = v128.load(gradient + i);
    const least = v128.load(lows + i);
    const most = v128.load(highs + i);
    const front = climbed(low(at), low(before), low(slope), step, share, low(least), low(most));
    const back = climbed(high(at), high(before), high(slope), step, share, high(least), high(most));
    v128.store(previous + i, at);
    v128.store(point + i, rounded(front, back));
  }
  for (const end = <usize>size << 2; i < end; i += 4) {
    const at = f64x2.splat(<f64>load<f32>(point + i));
    const before = f64x2.splat(<f64>load<f32>(previous + i));
    const slope = f64x2.splat(<f64>load<f32>(gradient + i));
    const least = f64x2.splat(<f64>load<f32>(lows + i));
    const most = f64x2.splat(<f64>load<f32>(highs + i));
    store<f32>(previous + i, load<f32>(point + i));
    store<f32>(point + i, <f32>f64x2.extract_lane(climbed(at, before, slope, step, share, least, most), 0));
  }
}

/** velocity ← kept · velocity + share · gradient. */
export function mix(velocity: usize, kept: f64, gradient: usize, share: f64, size: i32): void {
  const times = f64x2.splat(kept);
  const shares = f64x2.splat(share);
  let i: usize = 0;
  const whole = <usize>(size & -4) << 2;
  for (; i < whole; i += 16) {
    const v = v128.load(velocity + i);
    const g = v128.load(gradient + i);
    const front = f64x2.add(f64x2.mul(times, low(v)), f64x2.mul(shares, low(g)));
    v128.store(velocity + i, rounded(front, f64x2.add(f64x2.mul(times, high(v)), f64x2.mul(shares, high(g)))));
  }
  for (const end = <usize>size << 2; i < end; i += 4) {
    store<f32>(velocity + i, <f32>(kept * <f64>load<f32>(velocity + i) + share * <f64>load<f32>(gradient + i)));
  }
}

// @ts-ignore
@inline
function adamStep(mean: v128, square: v128, factor: f64, correction: f64, epsilon: f64): v128 {
  const root = f64x2.add(f64x2.mul(f64x2.sqrt(square), f64x2.splat(correction)), f64x2.splat(epsilon));
  return f64x2.div(f64x2.mul(f64x2.splat(factor), mean), root);
}

/** A step of Adam with its moments, which are rounded; returns whether there was anything to follow. */
export function adam(
  next: usize,
  point: usize,
  gradient: usize,
  mean: usize,
  meanSquare: usize,
  beta1: f64,
  share1: f64,
  beta2: f64,
  share2: f64,
  factor: f64,
  correction: f64,
  epsilon: f64,
  size: i32,
): i32 {
  let differs = f32x4.splat(0);
  let i: usize = 0;
  const whole = <usize>(size & -4) << 2;
  for (; i < whole; i += 16) {
    const g = v128.load(gradient + i);
    const g01 = low(g);
    const g23 = high(g);
    let m = v128.load(mean + i);
    m = rounded(
      f64x2.add(f64x2.mul(f64x2.splat(beta1), low(m)), f64x2.mul(f64x2.splat(share1), g01)),
      f64x2.add(f64x2.mul(f64x2.splat(beta1), high(m)), f64x2.mul(f64x2.splat(share1), g23)),
    );
    v128.store(mean + i, m);
    let s = v128.load(meanSquare + i);
    s = rounded(
      f64x2.add(f64x2.mul(f64x2.splat(beta2), low(s)), f64x2.mul(f64x2.mul(f64x2.splat(share2), g01), g01)),
      f64x2.add(f64x2.mul(f64x2.splat(beta2), high(s)), f64x2.mul(f64x2.mul(f64x2.splat(share2), g23), g23)),
    );
    v128.store(meanSquare + i, s);
    differs = v128.or(differs, f32x4.ne(m, f32x4.splat(0)));
    const step = rounded(
      adamStep(low(m), low(s), factor, correction, epsilon),
      adamStep(high(m), high(s), factor, correction, epsilon),
    );
    v128.store(next + i, f32x4.sub(v128.load(point + i), step));
  }
  let moves = v128.any_true(differs);
  for (const end = <usize>size << 2; i < end; i += 4) {
    const g = <f64>load<f32>(gradient + i);
    const m = <f32>(beta1 * <f64>load<f32>(mean + i) + share1 * g);
    const s = <f32>(beta2 * <f64>load<f32>(meanSquare + i) + share2 * g * g);
    store<f32>(mean + i, m);
    store<f32>(meanSquare + i, s);
    moves = moves || m != 0;
    const step = <f32>((factor * <f64>m) / (sqrt<f64>(<f64>s) * correction + epsilon));
    store<f32>(next + i, load<f32>(point + i) - step);
  }
  return <i32>moves;
}

/**
 * Writes the elements as 8 bits keep them: the nearest level or, `outward`, the next one away from the clean element; with an epsilon that is
 * not negative, the nearest of the levels within epsilon of the clean one, if there is one.
 */
export function toBytes(
  image: usize,
  clean: usize,
  bytes: usize,
  outward: i32,
  epsilon: f64,
  tolerance: f64,
  size: i32,
): void {
  let i: usize = 0;
  const whole = <usize>(size & -4) << 2;
  for (; i < whole; i += 16) {
    const x = v128.load(image + i);
    const c = v128.load(clean + i);
    const front = pairToBytes(low(x), low(c), outward, epsilon, tolerance);
    v128.store(bytes + i, rounded(front, pairToBytes(high(x), high(c), outward, epsilon, tolerance)));
  }
  for (const end = <usize>size << 2; i < end; i += 4) {
    const x = f64x2.splat(<f64>load<f32>(image + i));
    const c = f64x2.splat(<f64>load<f32>(clean + i));
    store<f32>(bytes + i, <f32>f64x2.extract_lane(pairToBytes(x, c, outward, epsilon, tolerance), 0));
  }
}

// @ts-ignore
@inline
function pairToBytes(x: v128, clean: v128, outward: i32, epsilon: f64, tolerance: f64): v128 {
  const zero = f64x2.splat(0);
  const most = f64x2.splat(255);
  const little = f64x2.splat(tolerance);
  const level = f64x2.mul(most, f64x2.min(f64x2.max(x, zero), f64x2.splat(1)));
  let level8 = f64x2.floor(f64x2.add(level, f64x2.splat(0.5)));
  if (outward != 0) {
    const up = f64x2.ceil(f64x2.sub(level, little));
    const down = f64x2.floor(f64x2.add(level, little));
    level8 = v128.bitselect(level8, v128.bitselect(up, down, f64x2.gt(x, clean)), f64x2.eq(x, clean));
  }
  if (epsilon >= 0) {
    const reach = f64x2.splat(epsilon);
    const least = f64x2.max(zero, f64x2.ceil(f64x2.sub(f64x2.mul(most, f64x2.sub(clean, reach)), little)));
    const greatest = f64x2.min(most, f64x2.floor(f64x2.add(f64x2.mul(most, f64x2.add(clean, reach)), little)));
    const within = f64x2.min(f64x2.max(level8, least), greatest);
    level8 = v128.bitselect(within, level8, f64x2.le(least, greatest));
  }
  return f64x2.div(level8, most);
}

/** Writes clean + length · (image − clean), no less than `least` and no more than `greatest`. */
export function lengthen(
  image: usize,
  clean: usize,
  length: f64,
  least: f64,
  greatest: f64,
  longer: usize,
  size: i32,
): void {
  const times = f64x2.splat(length);
  const floor = f64x2.splat(least);
  const ceiling = f64x2.splat(greatest);
  let i: usize = 0;
  const whole = <usize>(size & -4) << 2;
  for (; i < whole; i += 16) {
    const x = v128.load(image + i);
    const c = v128.load(clean + i);
    const front = f64x2.add(low(c), f64x2.mul(times, f64x2.sub(low(x), low(c))));
    const back = f64x2.add(high(c), f64x2.mul(times, f64x2.sub(high(x), high(c))));
    const bounded = f64x2.min(f64x2.max(front, floor), ceiling);
    v128.store(longer + i, rounded(bounded, f64x2.min(f64x2.max(back, floor), ceiling)));
  }
  for (const end = <usize>size << 2; i < end; i += 4) {
    const c = <f64>load<f32>(clean + i);
    const x = c + length * (<f64>load<f32>(image + i) - c);
    store<f32>(longer + i, <f32>min<f64>(max<f64>(x, least), greatest));
  }
}

/** Writes to `distances` how many pixels differ, the sum of the distances, that of their squares and the largest, over all channels of each pixel in turn. */
export function distancesBetween(a: usize, b: usize, plane: i32, channels: i32, distances: usize): void {
  const stride = <usize>plane << 2;
  const end = stride * <usize>channels;
  // The lanes are the sum of the distances and that of their squares.
  let sums = f64x2.splat(0);
  let most = f64x2.splat(0);
  let differing: i32 = 0;
  let i: usize = 0;
  const whole = <usize>(plane & -2) << 2;
  for (; i < whole; i += 8) {
    let differs = f64x2.splat(0);
    for (let k = i; k < end; k += stride) {
      const distance = distancesAt(a + k, b + k);
      differs = v128.or(differs, f64x2.ne(distance, f64x2.splat(0)));
      most = f64x2.pmax(most, distance);
      sums = f64x2.add(sums, v128.shuffle<i64>(distance, f64x2.mul(distance, distance), 0, 2));
    }
    for (let k = i; k < end; k += stride) {
      const distance = distancesAt(a + k, b + k);
      sums = f64x2.add(sums, v128.shuffle<i64>(distance, f64x2.mul(distance, distance), 1, 3));
    }
    const bits = i64x2.bitmask(differs);
    differing += (bits & 1) + (bits >> 1);
  }
  let largest = largerLane(most);
  for (; i < stride; i += 4) {
    let differs = false;
    for (let k = i; k < end; k += stride) {
      const distance = abs<f64>(<f64>load<f32>(a + k) - <f64>load<f32>(b + k));
      differs = differs || distance != 0;
      if (distance > largest) largest = distance;
      sums = f64x2.add(sums, f64x2.replace_lane(f64x2.splat(distance), 1, distance * distance));
    }
    if (differs) differing++;
  }
  store<f64>(distances, <f64>differing);
  v128.store(distances, sums, 8);
  store<f64>(distances, largest, 24);
}

// @ts-ignore
@inline
function distancesAt(a: usize, b: usize): v128 {
  return f64x2.abs(f64x2.sub(low(v128.load64_zero(a)), low(v128.load64_zero(b))));
}

// What follows is on float64, and its sizes are in elements as well.

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

/**
 * Correlates the columns of an image of float32 with the weights: tap t of row i is row mirrored[i + t]. The result is float64.
 */
export function correlateColumns(
  source: usize,
  height: i32,
  width: i32,
  weights: usize,
  taps: i32,
  mirrored: usize,
  result: usize,
): void {
  const bytes = <usize>width << 2;
  const whole = bytes & ~15;
  for (let i = 0; i < height; i++) {
    const to = result + ((<usize>(i * width)) << 3);
    const rows = mirrored + (<usize>i << 2);
    let x: usize = 0;
    for (; x < whole; x += 16) {
      let front = f64x2.splat(0);
      let back = f64x2.splat(0);
      for (let t = 0; t < taps; t++) {
        const weight = v128.load64_splat(weights + (<usize>t << 3));
        const row = v128.load(source + (<usize>load<u32>(rows + (<usize>t << 2)) * bytes) + x);
        front = f64x2.add(front, f64x2.mul(weight, low(row)));
        back = f64x2.add(back, f64x2.mul(weight, high(row)));
      }
      v128.store(to + (x << 1), front);
      v128.store(to + (x << 1), back, 16);
    }
    for (; x < bytes; x += 4) {
      let sum: f64 = 0;
      for (let t = 0; t < taps; t++) {
        const at = source + (<usize>load<u32>(rows + (<usize>t << 2)) * bytes) + x;
        sum += load<f64>(weights + (<usize>t << 3)) * <f64>load<f32>(at);
      }
      store<f64>(to + (x << 1), sum);
    }
  }
}

/**
 * Correlates the rows of an image of float64 with the weights: tap t of column j is column mirrored[j + t]. `line` is room for a row with its
 * mirrored ends. The result is float32.
 */
export function correlateRows(
  source: usize,
  height: i32,
  width: i32,
  weights: usize,
  taps: i32,
  mirrored: usize,
  line: usize,
  result: usize,
): void {
  const extent = width + taps - 1;
  for (let i = 0; i < height; i++) {
    const from = source + ((<usize>(i * width)) << 3);
    const to = result + ((<usize>(i * width)) << 2);
    for (let j = 0; j < extent; j++) {
      const at = from + (<usize>load<u32>(mirrored + (<usize>j << 2)) << 3);
      store<f64>(line + (<usize>j << 3), load<f64>(at));
    }
    let j = 0;
    for (; j + 4 <= width; j += 4) {
      let front = f64x2.splat(0);
      let back = f64x2.splat(0);
      const at = line + (<usize>j << 3);
      for (let t = 0; t < taps; t++) {
        const weight = v128.load64_splat(weights + (<usize>t << 3));
        front = f64x2.add(front, f64x2.mul(weight, v128.load(at + (<usize>t << 3))));
        back = f64x2.add(back, f64x2.mul(weight, v128.load(at + (<usize>t << 3), 16)));
      }
      v128.store(to + (<usize>j << 2), rounded(front, back));
    }
    for (; j < width; j++) {
      let sum: f64 = 0;
      for (let t = 0; t < taps; t++) {
        sum += load<f64>(weights + (<usize>t << 3)) * load<f64>(line + (<usize>(j + t) << 3));
      }
      store<f32>(to + (<usize>j << 2), <f32>sum);
    }
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

// @ts-ignore
@inline
function at32(list: usize, i: i32): i32 {
  return load<i32>(list + (<usize>i << 2));
}

// @ts-ignore
@inline
function set32(list: usize, i: i32, value: i32): void {
  store<i32>(list + (<usize>i << 2), value);
}

/** The root of a pixel, whose way there is halved. */
function rootOf(parent: usize, pixel: i32): i32 {
  let at = pixel;
  while (at32(parent, at) != at) {
    const next = at32(parent, at32(parent, at));
    set32(parent, at, next);
    at = next;
  }
  return at;
}

/**
 * Adds the pixels order[from … to) to the components of a map with a border of one pixel, and returns the root of the largest; −1 stands for none.
 * `boxes` are four lists one after the other, `count` elements each: x0, y0, x1 and y1 of the component of a root.
 */
export function growComponents(
  order: usize,
  from: i32,
  to: i32,
  width: i32,
  neighbors: usize,
  neighborCount: i32,
  parent: usize,
  size: usize,
  first: usize,
  boxes: usize,
  count: i32,
  before: i32,
): i32 {
  const stride = width + 2;
  const x0 = boxes;
  const y0 = x0 + (<usize>count << 2);
  const x1 = y0 + (<usize>count << 2);
  const y1 = x1 + (<usize>count << 2);
  let largest = before;
  for (let n = from; n < to; n++) {
    const pixel = at32(order, n);
    const y = pixel / width;
    const x = pixel - y * width;
    const at = (y + 1) * stride + x + 1;
    let root = -1;
    for (let k = 0; k < neighborCount; k++) {
      const neighbor = at + at32(neighbors, k);
      if (at32(parent, neighbor) < 0) continue;
      let other = rootOf(parent, neighbor);
      if (root < 0) {
        root = other;
      } else if (other != root) {
        if (at32(size, root) < at32(size, other)) {
          const swapped = root;
          root = other;
          other = swapped;
        }
        set32(parent, other, root);
        set32(size, root, at32(size, root) + at32(size, other));
        set32(first, root, min(at32(first, root), at32(first, other)));
        set32(x0, root, min(at32(x0, root), at32(x0, other)));
        set32(y0, root, min(at32(y0, root), at32(y0, other)));
        set32(x1, root, max(at32(x1, root), at32(x1, other)));
        set32(y1, root, max(at32(y1, root), at32(y1, other)));
      }
    }
    if (root < 0) {
      root = at;
      set32(size, at, 1);
      set32(first, at, at);
      set32(x0, at, x);
      set32(y0, at, y);
      set32(x1, at, x + 1);
      set32(y1, at, y + 1);
    } else {
      set32(size, root, at32(size, root) + 1);
      set32(first, root, min(at32(first, root), at));
      set32(x0, root, min(at32(x0, root), x));
      set32(y0, root, min(at32(y0, root), y));
      set32(x1, root, max(at32(x1, root), x + 1));
      set32(y1, root, max(at32(y1, root), y + 1));
    }
    set32(parent, at, root);
    if (largest < 0) {
      largest = root;
    } else {
      const gap = at32(size, root) - at32(size, largest);
      if (gap > 0 || (gap == 0 && at32(first, root) < at32(first, largest))) largest = root;
    }
  }
  return largest;
}

/**
 * For each offset of the search in turn, the square around a pixel: how far its surroundings are from those at the offset, a weight from the table, and the
 * pixels at the offset added with it. An element of `pixels` holds two planes' values, 0 to 255, in its halves; a pair of planes has (height + 2 border) ×
 * (width + 2 border) of them, border being reach + around. Rows of `weights` and of the planes of `sums` are of whole registers; what is behind the width in them
 * means nothing. `table` has limit + 1 numbers, the last of which is 0. `squares` and `columns` are room for rows of whole registers of width + 2 around.
 */
export function addAlikePixels(
  pixels: usize,
  planes: i32,
  height: i32,
  width: i32,
  reach: i32,
  around: i32,
  table: usize,
  limit: i32,
  squares: usize,
  columns: usize,
  weights: usize,
  sums: usize,
): void {
  const border = reach + around;
  const stride = width + 2 * border;
  const pairs = (planes + 1) >> 1;
  const pair = <usize>(stride * (height + 2 * border)) << 2;
  const patch = 2 * around + 1;
  const line = <usize>((width + 2 * around + 3) & ~3) << 2;
  const cells = <usize>((width + 3) & ~3) << 2;
  const plane = (<usize>height * cells) << 1;
  const least = i32x4.splat(limit);
  for (let dy = -reach; dy <= reach; dy++) {
    for (let dx = -reach; dx <= reach; dx++) {
      const offset = <usize>((dy * stride + dx) << 2);
      for (let c: usize = 0; c < line; c += 16) v128.store(columns + c, i32x4.splat(0));
      for (let row = 0; row < height + 2 * around; row++) {
        const at = pixels + (<usize>((row + reach) * stride + reach) << 2);
        const to = squares + <usize>row * line;
        for (let c: usize = 0; c < line; c += 16) {
          let sum = i32x4.splat(0);
          for (let p = 0; p < pairs; p++) {
            const here = at + <usize>p * pair + c;
            const apart = i16x8.sub(v128.load(here), v128.load(here + offset));
            sum = i32x4.add(sum, i32x4.dot_i16x8_s(apart, apart));
          }
          v128.store(to + c, sum);
          v128.store(columns + c, i32x4.add(v128.load(columns + c), sum));
        }
        const done = row - patch + 1;
        if (done < 0) continue;
        const values = pixels + (<usize>((done + border) * stride + border) << 2) + offset;
        const own = <usize>done * cells;
        for (let c: usize = 0; c < cells; c += 16) {
          let distance = v128.load(columns + c);
          for (let u = 1; u < patch; u++) distance = i32x4.add(distance, v128.load(columns + c + (<usize>u << 2)));
          if (!v128.any_true(i32x4.lt_u(distance, least))) continue;
          distance = i32x4.min_u(distance, least);
          const front = weightsAt(table, i32x4.extract_lane(distance, 0), i32x4.extract_lane(distance, 1));
          const back = weightsAt(table, i32x4.extract_lane(distance, 2), i32x4.extract_lane(distance, 3));
          let place = weights + ((own + c) << 1);
          v128.store(place, f64x2.add(v128.load(place), front));
          v128.store(place, f64x2.add(v128.load(place, 16), back), 16);
          place = sums + ((own + c) << 1);
          for (let p = 0; p < planes; p++) {
            const both = v128.load(values + <usize>(p >> 1) * pair + c);
            const value = (p & 1) == 0 ? v128.and(both, i32x4.splat(0xff)) : i32x4.shr_u(both, 16);
            const last = f64x2.convert_low_i32x4_s(v128.shuffle<i64>(value, value, 1, 1));
            v128.store(place, f64x2.add(v128.load(place), f64x2.mul(front, f64x2.convert_low_i32x4_s(value))));
            v128.store(place, f64x2.add(v128.load(place, 16), f64x2.mul(back, last)), 16);
            place += plane;
          }
        }
        const gone = squares + <usize>done * line;
        for (let c: usize = 0; c < line; c += 16) {
          v128.store(columns + c, i32x4.sub(v128.load(columns + c), v128.load(gone + c)));
        }
      }
    }
  }
}

// @ts-ignore
@inline
function weightsAt(table: usize, first: i32, second: i32): v128 {
  return v128.load64_lane(table + (<usize>second << 3), v128.load64_zero(table + (<usize>first << 3)), 1);
}

/**
 * Writes to distances[r] the squared distance of the point from row r, for the rows of the pairs `from` to before `to`. The rows lie in pairs, element by element: those of row 2p and of
 * row 2p + 1 beside each other.
 */
export function squaredDistances(point: usize, rows: usize, from: i32, to: i32, size: i32, distances: usize): void {
  const stride = <usize>size << 4;
  let p = from;
  for (; p + 4 <= to; p += 4) {
    let at = rows + <usize>p * stride;
    let a = f64x2.splat(0);
    let b = f64x2.splat(0);
    let c = f64x2.splat(0);
    let d = f64x2.splat(0);
    const end = point + (<usize>size << 3);
    for (let x = point; x < end; x += 8) {
      const own = v128.load64_splat(x);
      a = plusSquare(a, own, at);
      b = plusSquare(b, own, at + stride);
      c = plusSquare(c, own, at + 2 * stride);
      d = plusSquare(d, own, at + 3 * stride);
      at += 16;
    }
    const place = distances + (<usize>p << 4);
    v128.store(place, a);
    v128.store(place, b, 16);
    v128.store(place, c, 32);
    v128.store(place, d, 48);
  }
  for (; p < to; p++) {
    const at = rows + <usize>p * stride;
    let sum = f64x2.splat(0);
    for (let j = 0; j < size; j++) {
      sum = plusSquare(sum, v128.load64_splat(point + (<usize>j << 3)), at + (<usize>j << 4));
    }
    v128.store(distances + (<usize>p << 4), sum);
  }
}

// @ts-ignore
@inline
function plusSquare(sum: v128, own: v128, pair: usize): v128 {
  const apart = f64x2.sub(own, v128.load(pair));
  return f64x2.add(sum, f64x2.mul(apart, apart));
}
