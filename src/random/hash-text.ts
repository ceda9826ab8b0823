/** @file Text as a number that seeds a generator. */

/**
 * An integer from 0 to 2⁵³ − 1 that depends on every UTF-16 unit of `text`, the same on every platform: two 32-bit FNV-1a hashes
 * with different offsets, mixed. It names the stream of random numbers that belongs to a thing with a name; it is no
 * cryptographic hash.
 */
export function hashText(text: string): number {
  let [a, b] = [0x811c9dc5, 0x9e3779b9];
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ (unit & 0xff), 0x01000193);
    a = Math.imul(a ^ (unit >>> 8), 0x01000193);
    b = Math.imul((b ^ unit) + (b >>> 15), 0x85ebca6b);
  }
  b = Math.imul(b ^ (b >>> 13) ^ a, 0xc2b2ae35);
  return ((b ^ (b >>> 16)) >>> 11) * 0x100000000 + (a >>> 0);
}
