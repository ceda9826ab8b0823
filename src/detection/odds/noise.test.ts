import { expect, test } from "vitest";
import { addNoise, detectionKinds, noiseKindName, noiseWords, parseNoiseKind } from "./noise.ts";

const size = 30_000;

test("noise has its distribution's magnitude, and its opposite is its mirror image", () => {
  const gray = new Float32Array(size).fill(0.5);
  const deviations = { n: 1, s: 1, u: 1 / Math.sqrt(3) };
  for (const kind of detectionKinds) {
    const [plus, minus] = [new Float32Array(size), new Float32Array(size)];
    addNoise(plus, gray, kind, noiseWords(7, "image", kind, 3));
    addNoise(minus, gray, kind, noiseWords(7, "image", kind, 3), -1);
    const squares = plus.reduce((sum, x) => sum + (x - 0.5) ** 2, 0);
    const expected = (deviations[kind.distribution] * kind.magnitude) ** 2 * size;
    // The relative deviation of a mean of squares is at most √(2 / n) here.
    expect(Math.abs(squares / expected - 1)).toBeLessThan(5 * Math.sqrt(2 / size));
    expect(plus.every((x, i) => Math.abs(x + minus[i] - 1) < 1e-6)).toBe(true);
    const largest = plus.reduce((most, x) => Math.max(most, Math.abs(x - 0.5)), 0);
    if (kind.distribution !== "n") expect(largest).toBeLessThan(kind.magnitude * (1 + 1e-4));
  }
});

test("noise is clipped to pixels, and is drawn for seed, image, kind and sample", () => {
  const [black, out] = [new Float32Array(100), new Float32Array(100)];
  const kind = parseNoiseKind("test", "n0.5");
  const of = (seed: number, id: string, name: string, sample: number): string => {
    addNoise(out, black, kind, noiseWords(seed, id, parseNoiseKind("test", name), sample));
    expect(out.every((x) => x >= 0 && x <= 1)).toBe(true);
    return out.join();
  };
  const first = of(1, "a", "n0.5", 0);
  expect(of(1, "a", "n0.5", 0)).toBe(first);
  const others = [of(2, "a", "n0.5", 0), of(1, "b", "n0.5", 0), of(1, "a", "u0.5", 0), of(1, "a", "n0.5", 1)];
  expect(new Set([first, ...others]).size).toBe(5);
  for (const known of detectionKinds) expect(parseNoiseKind("test", noiseKindName(known))).toEqual(known);
});
