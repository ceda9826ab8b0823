/** @file Non-local means: `detection/squeezing/non-local-means.ts`. */

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
