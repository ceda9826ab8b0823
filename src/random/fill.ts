/** @file Arrays filled with random numbers at once: noise for whole images. */
import type { Words } from "./random.ts";

/** The strips of the ziggurat, and where its base strip ends: Marsaglia & Tsang, "The ziggurat method", J. Stat. Soft. 2000. */
const stripCount = 256;
const tailStart = 3.6541528853610088;
/** The area of each strip under exp(−x²/2). */
const stripArea = 0.00492867323399;

/** The width of the cells of (−1, 1) that 24 bits tell apart. */
const cell = 2 ** -23;

const density = (x: number): number => Math.exp((-x * x) / 2);

/** edges[i] is the right edge of strip i, edges[0] that of the base strip as a rectangle; heights[i] is the density at edges[i]. */
const edges = new Float64Array(stripCount + 1);
edges[0] = stripArea / density(tailStart);
edges[1] = tailStart;
for (let i = 2; i < stripCount; i++) {
  edges[i] = Math.sqrt(-2 * Math.log(stripArea / edges[i - 1] + density(edges[i - 1])));
}
const heights = edges.map(density);

/**
 * Fills `out` with numbers from the standard normal distribution, by the ziggurat method: one 32-bit word for 99 % of them, 8 of
 * its bits for the strip and the other 24 for the place in it. The magnitudes are not bounded. The last bits of the
 * rarer numbers depend on the platform's `Math.log` and `Math.exp`.
 */
export function fillNormal(words: Words, out: Float32Array): void {
  const drawn = wordsIn(words, out);
  for (let i = 0; i < out.length; i++) {
    const word = drawn[i] | 0;
    const strip = word & 255;
    const x = place(word) * edges[strip];
    out[i] = Math.abs(x) < edges[strip + 1] ? x : outsideCore(words, strip, x);
  }
}

/** The middle of one of 2²⁴ cells of (−1, 1), from the upper bits of a signed word: symmetric, and never 0. */
function place(word: number): number {
  return ((word >> 8) + 0.5) * cell;
}

/** What becomes of a place `x` in the part of its strip that the density may not cover. */
function outsideCore(words: Words, strip: number, x: number): number {
  for (;;) {
    if (strip === 0) return x < 0 ? -tail(words) : tail(words);
    const height = heights[strip] + unit(words) * (heights[strip + 1] - heights[strip]);
    if (height < density(x)) return x;
    const word = words.next() | 0;
    strip = word & 255;
    x = place(word) * edges[strip];
    if (Math.abs(x) < edges[strip + 1]) return x;
  }
}

/** Words for each element, in the memory of `out` itself. */
function wordsIn(words: Words, out: Float32Array): Uint32Array {
  const drawn = new Uint32Array(out.buffer, out.byteOffset, out.length);
  words.fill(drawn);
  return drawn;
}

/** A normal number given that it is beyond the last edge (Marsaglia 1964). */
function tail(words: Words): number {
  for (;;) {
    const x = -Math.log(unit(words)) / tailStart;
    const y = -Math.log(unit(words));
    if (2 * y > x * x) return tailStart + x;
  }
}

/** The middle of one of 2³² cells of (0, 1): never 0 or 1. */
function unit(words: Words): number {
  return (words.next() + 0.5) * 2 ** -32;
}

/** Fills `out` with numbers uniform in (−1, 1), one of 2³² values that lie symmetrically, rounded to float32. */
export function fillUniform(words: Words, out: Float32Array): void {
  const drawn = wordsIn(words, out);
  for (let i = 0; i < out.length; i++) out[i] = (drawn[i] + 0.5) * 2 ** -31 - 1;
}

/** Fills `out` with −1 and 1, each with probability one half: one word for 32 of them. */
export function fillSigns(words: Words, out: Float32Array): void {
  let word = 0;
  for (let i = 0; i < out.length; i++) {
    if ((i & 31) === 0) word = words.next();
    out[i] = (word & 1) * 2 - 1;
    word >>>= 1;
  }
}
