/** @file Distances of one vector from many: `detection/features/reference-rows.ts`. On float64. */

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
