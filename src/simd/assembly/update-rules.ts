/** @file The steps of the gradient methods: `optimize/update-rules.ts`, `attacks/autoattack/apgd-search.ts`. */
import { high, low, rounded } from "./lanes";

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
