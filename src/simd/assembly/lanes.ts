/** @file Registers of four float32 taken apart into float64 and put together again. */

/** (v₂, v₃) of four float32, as float64. */
// @ts-ignore
@inline
export function high(v: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<i32>(v, v, 2, 3, 2, 3));
}

/** (v₀, v₁) of four float32, as float64. */
// @ts-ignore
@inline
export function low(v: v128): v128 {
  return f64x2.promote_low_f32x4(v);
}

/** Four float32 of two pairs of float64. */
// @ts-ignore
@inline
export function rounded(a: v128, b: v128): v128 {
  return v128.shuffle<i64>(f32x4.demote_f64x2_zero(a), f32x4.demote_f64x2_zero(b), 0, 2);
}

// @ts-ignore
@inline
export function both(v: v128, lane: i32): v128 {
  return lane == 0 ? v128.shuffle<i64>(v, v, 0, 0) : v128.shuffle<i64>(v, v, 1, 1);
}

/** The sum with four terms added, one after the other. */
// @ts-ignore
@inline
export function plusLanes(sum: f64, front: v128, back: v128): f64 {
  return (
    sum +
    f64x2.extract_lane(front, 0) +
    f64x2.extract_lane(front, 1) +
    f64x2.extract_lane(back, 0) +
    f64x2.extract_lane(back, 1)
  );
}

/** The larger of two lanes that are at least 0, and not NaN. */
// @ts-ignore
@inline
export function largerLane(v: v128): f64 {
  return max(f64x2.extract_lane(v, 0), f64x2.extract_lane(v, 1));
}

/** The largest of four lanes that are at least 0, and not NaN. */
// @ts-ignore
@inline
export function largestLane(v: v128): f32 {
  return max(
    max(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 1)),
    max(f32x4.extract_lane(v, 2), f32x4.extract_lane(v, 3)),
  );
}
