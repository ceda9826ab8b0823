import fc from "fast-check";
import { expect, test } from "vitest";
import {
  dot,
  euclideanNorm,
  indexOfLargest,
  isEqual,
  largestDifference,
  largestMagnitude,
  rangeOf,
  squaredDistance,
  squaredNorm,
  sumOfMagnitudes,
  zerosLike,
} from "./vector.ts";

test("products, norms and distances of vectors worked out by hand", () => {
  const [a, b] = [Float32Array.of(3, -4, 0.5), Float64Array.of(-1, 2, 4)];
  expect(dot(a, b)).toBe(-9);
  expect(squaredNorm(a)).toBe(25.25);
  expect(euclideanNorm(Float32Array.of(3, 0, -4))).toBe(5);
  expect(sumOfMagnitudes(a)).toBe(7.5);
  expect(largestMagnitude(a)).toBe(4);
  expect(squaredDistance(a, b)).toBe(16 + 36 + 12.25);
  expect(largestDifference(a, b)).toBe(6);
});

test("the range passes NaN over, and has no ends for no elements", () => {
  expect(rangeOf(Float32Array.of(0.5, -2, NaN, 3))).toEqual([-2, 3]);
  expect(rangeOf(new Float64Array(0))).toEqual([Infinity, -Infinity]);
});

test("vectors are equal in all elements; NaN equals nothing", () => {
  expect(isEqual(Float32Array.of(1, 0), Float64Array.of(1, -0))).toBe(true);
  expect(isEqual(Float32Array.of(1, 0), Float32Array.of(1, 2))).toBe(false);
  expect(isEqual(Float32Array.of(NaN), Float32Array.of(NaN))).toBe(false);
});

test("of no elements everything is 0", () => {
  const none = new Float32Array(0);
  expect([dot(none, none), euclideanNorm(none), sumOfMagnitudes(none), largestMagnitude(none)]).toEqual([0, 0, 0, 0]);
  expect([squaredDistance(none, none), largestDifference(none, none)]).toEqual([0, 0]);
});

test("sums are taken in float64: what float32 would lose is kept", () => {
  const a = Float32Array.of(2 ** 24, 1, -(2 ** 24));
  expect(dot(a, Float32Array.of(1, 1, 1))).toBe(1);
  expect(squaredNorm(Float32Array.of(2 ** 12, 2 ** -1))).toBe(2 ** 24 + 0.25);
});

test("the norm is that of the difference, and the triangle inequality holds", () => {
  const vector = fc.array(fc.float({ noNaN: true, min: -100, max: 100 }), { minLength: 5, maxLength: 5 });
  fc.assert(
    fc.property(vector, vector, (left, right) => {
      const [a, b] = [Float32Array.from(left), Float32Array.from(right)];
      const difference = Float64Array.from(a, (x, i) => x - b[i]);
      expect(squaredDistance(a, b)).toBe(squaredNorm(difference));
      expect(largestDifference(a, b)).toBe(largestMagnitude(difference));
      expect(euclideanNorm(difference)).toBeLessThanOrEqual(euclideanNorm(a) + euclideanNorm(b) + 1e-9);
    }),
    { seed: 1 },
  );
});

test("the largest element is the first of equal ones", () => {
  expect(indexOfLargest([1, 4, 4, 2])).toBe(1);
  expect(indexOfLargest(Float32Array.of(-3, -2, -5))).toBe(1);
});

test("zeros have the kind and the length of the vector", () => {
  expect(zerosLike(Float32Array.of(1, 2))).toEqual(new Float32Array(2));
  expect(zerosLike(Float64Array.of(1))).toEqual(new Float64Array(1));
});
