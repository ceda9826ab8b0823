import { expect, test } from "vitest";
import { createRandom } from "../random/random.ts";
import { floatTensor } from "../tensor/tensor.ts";
import { structuralSimilarity } from "./structural-similarity.ts";

function noise(seed: number) {
  const random = createRandom(seed);
  return floatTensor(
    Float32Array.from({ length: 24 * 20 }, () => random()),
    [24, 20],
  );
}

test("equal maps are alike, whatever their scale and offset", () => {
  const map = noise(1);
  expect(structuralSimilarity(map, map)).toBeCloseTo(1, 9);
  expect(structuralSimilarity(map, { ...map, data: map.data.map((x) => 3 * x - 7) })).toBeCloseTo(1, 5);
});

test("a map and its negative are as unlike as their windows' means allow", () => {
  const map = noise(2);
  expect(structuralSimilarity(map, { ...map, data: map.data.map((x) => -x) })).toBeLessThan(-0.7);
  expect(Math.abs(structuralSimilarity(map, noise(3)))).toBeLessThan(0.15);
  expect(structuralSimilarity(map, noise(3))).toBe(structuralSimilarity(noise(3), map));
});

test("the formula, worked for maps smaller than the window", () => {
  // On a 1 × 2 map the mirrored window sees both pixels with weights p and 1 − p.
  const [a, b] = [floatTensor([0, 1], [1, 2]), floatTensor([1, 0], [1, 2])];
  const weights = Array.from({ length: 11 }, (_, i) => Math.exp(-((i - 5) ** 2) / 4.5));
  const total = weights.reduce((sum, weight) => sum + weight);
  // Mirrored about its edges, pixel 0 sees itself at offsets ≡ 0, 3 (mod 4).
  const own = weights.reduce((sum, weight, i) => sum + ([0, 3].includes((i - 5 + 8) % 4) ? weight : 0), 0) / total;
  const [mx, my] = [1 - own, own];
  const [variance, covariance] = [own * (1 - own), -own * (1 - own)];
  const expected =
    ((2 * mx * my + 1e-4) * (2 * covariance + 9e-4)) / ((mx * mx + my * my + 1e-4) * (2 * variance + 9e-4));
  expect(structuralSimilarity(a, b)).toBeCloseTo(expected, 6);
});

test("maps of different sizes are refused", () => {
  expect(() => structuralSimilarity(floatTensor([1], [1, 1]), floatTensor([1, 2], [1, 2]))).toThrow(/one size/);
});
