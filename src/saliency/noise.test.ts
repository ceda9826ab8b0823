import { expect, test } from "vitest";
import { createWords } from "../random/random.ts";
import { fillNoise } from "./noise.ts";

test("moments of a standard normal distribution, and no trace of pairs", () => {
  const count = 1_000_000;
  const out = new Float32Array(count);
  fillNoise(createWords(3), out);
  const mean = (f: (x: number, i: number) => number): number => out.reduce((sum, x, i) => sum + f(x, i), 0) / count;
  // Four standard errors each.
  expect(Math.abs(mean((x) => x))).toBeLessThan(0.004);
  expect(Math.abs(mean((x) => x * x) - 1)).toBeLessThan(0.006);
  expect(Math.abs(mean((x) => x ** 3))).toBeLessThan(0.016);
  expect(Math.abs(mean((x) => x ** 4) - 3)).toBeLessThan(0.04);
  expect(Math.abs(mean((x, i) => (i % 2 === 0 ? x * out[i + 1] : 0)))).toBeLessThan(0.003);
  expect(out.every((x) => Math.abs(x) < 4.4)).toBe(true);
  // The share within one deviation, and beyond two.
  expect(mean((x) => Number(Math.abs(x) < 1))).toBeCloseTo(0.6827, 2);
  expect(mean((x) => Number(Math.abs(x) > 2))).toBeCloseTo(0.0455, 3);
});

test.each([0, 1, 2, 7])("%i numbers, also in the middle of a buffer, the same for the same seed", (length) => {
  const whole = new Float32Array(12).fill(9);
  const part = whole.subarray(3, 3 + length);
  fillNoise(createWords(5), part);
  const alone = new Float32Array(length);
  fillNoise(createWords(5), alone);
  expect(part).toEqual(alone);
  expect([...whole.subarray(0, 3), ...whole.subarray(3 + length)]).toEqual(Array(12 - length).fill(9));
  expect(alone.every((x) => x !== 0)).toBe(true);
});
