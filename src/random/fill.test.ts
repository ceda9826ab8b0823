import { expect, test } from "vitest";
import { fillNormal, fillSigns, fillUniform } from "./fill.ts";
import { hashText } from "./hash-text.ts";
import { createRandom, createWords, type Words } from "./random.ts";

const count = 400_000;

function filled(fill: (words: Words, out: Float32Array) => void, seed: number): Float32Array {
  const out = new Float32Array(count);
  fill(createWords(seed), out);
  return out;
}

/** The largest distance between the sample's distribution function and `cdf` (Kolmogorov), times √n. */
function kolmogorov(sample: Float32Array, cdf: (x: number) => number): number {
  const sorted = sample.slice().sort();
  let distance = 0;
  for (const [i, x] of sorted.entries()) {
    distance = Math.max(distance, Math.abs(cdf(x) - i / count), Math.abs((i + 1) / count - cdf(x)));
  }
  return distance * Math.sqrt(count);
}

/** Φ(x) by the alternating series of the error function; good to 1e-10 for |x| < 5. */
function normalCdf(x: number): number {
  let [term, sum] = [x, x];
  for (let n = 1; n < 120; n++) {
    term *= (-x * x) / (2 * n);
    sum += term / (2 * n + 1);
  }
  return 0.5 + sum / Math.sqrt(2 * Math.PI);
}

test("the ziggurat's numbers have the normal distribution, its moments and its tail", () => {
  const sample = filled(fillNormal, 11);
  // 1.95 is exceeded with probability 0.001.
  expect(kolmogorov(sample, normalCdf)).toBeLessThan(1.95);
  // Variances of x, x², x³, x⁴, x⁶: 1, 2, 15, 96, 10170.
  for (const [power, exact, variance] of [
    [1, 0, 1],
    [2, 1, 2],
    [3, 0, 15],
    [4, 3, 96],
    [6, 15, 10170],
  ]) {
    const moment = sample.reduce((sum, x) => sum + x ** power, 0) / count;
    expect(Math.abs(moment - exact)).toBeLessThan(5 * Math.sqrt(variance / count));
  }
  // Beyond the last strip: 2(1 − Φ(3.654…)) = 2.580e-4, both signs.
  for (const sign of [-1, 1]) {
    const beyond = sample.filter((x) => sign * x > 3.6541528853610088).length;
    expect(Math.abs(beyond - count * 1.29e-4)).toBeLessThan(5 * Math.sqrt(count * 1.29e-4));
  }
});

test("uniform numbers and signs have their distributions, neighbors are uncorrelated", () => {
  expect(kolmogorov(filled(fillUniform, 12), (x) => (x + 1) / 2)).toBeLessThan(1.95);
  const signs = filled(fillSigns, 13);
  expect(new Set(signs)).toEqual(new Set([-1, 1]));
  for (const sample of [signs, filled(fillNormal, 14), filled(fillUniform, 15)]) {
    for (const lag of [0, 1, 2, 32]) {
      let sum = 0;
      for (let i = lag; i < count; i++) sum += lag === 0 ? sample[i] : sample[i] * sample[i - lag];
      expect(Math.abs(sum)).toBeLessThan(5 * Math.sqrt(count));
    }
  }
});

test("words are the generator's own, 32 bits each", () => {
  const words = createWords(42, 7, 1);
  expect((Math.floor(words.next() / 32) * 0x4000000 + Math.floor(words.next() / 64)) / 2 ** 53).toBe(
    createRandom(42, 7, 1)(),
  );
  const together = new Uint32Array(5);
  createWords(42, 7, 1).fill(together);
  const again = createWords(42, 7, 1);
  expect(Array.from({ length: 5 }, () => again.next())).toEqual([...together]);
});

test("a text's number is within 53 bits, fixed, and differs between texts", () => {
  expect(hashText("")).toBe(hashText(""));
  const numbers = new Set<number>();
  for (let i = 0; i < 20_000; i++) numbers.add(hashText(`test-${i}`)).add(hashText(`n0.00${i}`));
  expect(numbers.size).toBe(40_000);
  for (const number of numbers) expect(Number.isSafeInteger(number) && number >= 0).toBe(true);
  // Every bit is set in about half of them.
  for (let bit = 0; bit < 53; bit++) {
    let set = 0;
    for (const number of numbers) set += Math.floor(number / 2 ** bit) % 2;
    expect(Math.abs(set - 20_000)).toBeLessThan(5 * 100);
  }
});
