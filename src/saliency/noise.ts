/** @file Normal noise for whole images, fast enough not to be seen beside a small network. */
import { normalQuantile } from "../random/normal-quantile.ts";
import type { Words } from "../random/random.ts";

const valueCount = 2 ** 16;
let table: Float32Array | undefined;

/** The middles of 2¹⁶ equally probable parts of the standard normal distribution, in order. */
function normalTable(): Float32Array {
  table ??= Float32Array.from({ length: valueCount }, (_, k) => normalQuantile((k + 0.5) / valueCount));
  return table;
}

/**
 * Fills `out` with numbers of mean 0 and standard deviation 1, each drawn from {@link normalTable}: a normal distribution in 65536
 * steps that ends at ±4.3, where 1 in 60 000 numbers of a true one lies beyond. Two numbers are made of one random word, which takes half
 * the time of true normal ones; for noise whose average counts there is no other difference.
 */
export function fillNoise(words: Words, out: Float32Array): void {
  const values = normalTable();
  const pairs = Math.ceil(out.length / 2);
  // The words lie in the first half of `out` itself and are used up from behind, before they are overwritten.
  const drawn = new Uint32Array(out.buffer, out.byteOffset, pairs);
  words.fill(drawn);
  for (let k = pairs - 1; k >= 0; k--) {
    const word = drawn[k];
    if (2 * k + 1 < out.length) out[2 * k + 1] = values[word >>> 16];
    out[2 * k] = values[word & 0xffff];
  }
}
