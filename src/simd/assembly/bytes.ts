/** @file Images as 8 bits keep them, and how far two are from each other: `attacks/budget.ts`, `attacks/distances.ts`. */
import { high, largerLane, low, rounded } from "./lanes";

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
