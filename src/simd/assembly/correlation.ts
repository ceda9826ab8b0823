/** @file Correlation with a separable filter: `image/gaussian-blur.ts`. */
import { high, low, rounded } from "./lanes";

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
