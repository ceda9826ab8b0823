/** @file The order of numbers, fast: maps are sorted several times for each explanation that is measured. */

/** Bits that one pass sorts by. */
const digits = [11, 11, 10] as const;

/**
 * The places of `values` by falling value; of equal ones (0 and −0 are equal) the first comes first, and NaN comes last.
 *
 * Radix sort on the bits of the numbers: several times as fast as `sort`, with or without a comparison.
 */
export function fallingOrder(values: Float32Array): Uint32Array {
  const count = values.length;
  const keys = new Uint32Array(values.slice().buffer);
  let order = new Uint32Array(count);
  let sorted = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    keys[i] = fallingKey(keys[i]);
    order[i] = i;
  }
  let shift = 0;
  for (const bits of digits) {
    const mask = (1 << bits) - 1;
    const starts = new Uint32Array(mask + 2);
    for (let i = 0; i < count; i++) starts[((keys[i] >>> shift) & mask) + 1]++;
    for (let digit = 1; digit <= mask; digit++) starts[digit] += starts[digit - 1];
    for (let i = 0; i < count; i++) {
      const place = order[i];
      sorted[starts[(keys[place] >>> shift) & mask]++] = place;
    }
    [order, sorted] = [sorted, order];
    shift += bits;
  }
  return order;
}

/** For the bits of a float32, an unsigned number that is less for greater values. */
function fallingKey(bits: number): number {
  const magnitude = bits & 0x7fff_ffff;
  if (magnitude > 0x7f80_0000) return 0xffff_ffff;
  // Negative numbers have the sign bit and rise in magnitude as they fall; −0 is taken for 0.
  return bits >= 0x8000_0000 ? 0x7fff_ffff + magnitude : 0x7fff_ffff - magnitude;
}
