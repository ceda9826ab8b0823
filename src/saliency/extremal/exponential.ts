/**
 * @file eˣ by operations that are the same in every engine and in WebAssembly's registers, where `Math.exp` is each engine's own.
 *
 * x = n ln 2 + r with |r| ≤ ½ ln 2, and eˣ = 2ⁿ eʳ. The series of eʳ ends with r¹³ / 13!: what follows is below 5 · 10⁻¹⁸.
 */

/** ln 2 to 32 binary places, so that small multiples of it are exact, and the rest of it. */
const [ln2, ln2Rest] = [2977044471 / 2 ** 32, 1.9082149292705877e-10];

const powersOfTwo = Float64Array.from({ length: 64 }, (_, n) => 2 ** n);

/** eˣ for 0 ≤ x < 43, within 1.5 units in the last place. */
export function exponential(x: number): number {
  const n = Math.floor(x * Math.LOG2E + 0.5);
  const r = x - n * ln2 - n * ln2Rest;
  let sum = 1 / 6227020800;
  sum = sum * r + 1 / 479001600;
  sum = sum * r + 1 / 39916800;
  sum = sum * r + 1 / 3628800;
  sum = sum * r + 1 / 362880;
  sum = sum * r + 1 / 40320;
  sum = sum * r + 1 / 5040;
  sum = sum * r + 1 / 720;
  sum = sum * r + 1 / 120;
  sum = sum * r + 1 / 24;
  sum = sum * r + 1 / 6;
  sum = sum * r + 0.5;
  sum = sum * r + 1;
  sum = sum * r + 1;
  return sum * powersOfTwo[n];
}
