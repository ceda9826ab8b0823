/** @file Steps, curvature pairs and bounds: `optimize/steps.ts`, `curvature-history.ts`, `binding-set.ts`, `bounds.ts`, `projections.ts`. */
import { both, high, largerLane, largestLane, low, plusLanes, rounded } from "./lanes";

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
