import { expect, test } from "vitest";
import { floatTensor } from "../tensor/tensor.ts";
import { energyInside } from "./energy-inside.ts";
import { distanceToBoxes, greatestPoint } from "./pointing-game.ts";

test("the greatest value's middle, the first of equal ones", () => {
  expect(greatestPoint(floatTensor([0, 1, 2, 0, 5, 1], [2, 3]))).toEqual([1.5, 1.5]);
  expect(greatestPoint(floatTensor([0, 3, 3, 3], [2, 2]))).toEqual([1.5, 0.5]);
  expect(greatestPoint(floatTensor([0, 0, 0, 0], [2, 2]))).toEqual([0.5, 0.5]);
  expect(() => greatestPoint(floatTensor([], [0, 2]))).toThrow(/not a map/);
});

test("distances to the nearest box", () => {
  expect(distanceToBoxes([5, 5], [[0, 0, 10, 10]])).toBe(0);
  expect(distanceToBoxes([10, 10], [[0, 0, 10, 10]])).toBe(0);
  expect(distanceToBoxes([13, 14], [[0, 0, 10, 10]])).toBe(5);
  expect(distanceToBoxes([-2, 5], [[0, 0, 10, 10]])).toBe(2);
  expect(
    distanceToBoxes(
      [4, -7],
      [
        [0, 0, 10, 10],
        [3, 0, 5, 1],
      ],
    ),
  ).toBe(7);
  expect(
    distanceToBoxes(
      [20, 5],
      [
        [0, 0, 10, 10],
        [21, 5, 30, 9],
      ],
    ),
  ).toBe(1);
  expect(distanceToBoxes([1, 1], [])).toBe(Infinity);
});

test("the share of a map inside of boxes", () => {
  const map = floatTensor([1, 2, 3, 4], [2, 2]);
  expect(energyInside(map, [[0, 0, 2, 2]])).toBe(1);
  expect(energyInside(map, [[0, 0, 1, 2]])).toBe(0.4);
  expect(
    energyInside(map, [
      [0, 0, 1, 1],
      [1, 1, 2, 2],
    ]),
  ).toBe(0.5);
  // Overlapping boxes count once; a cut pixel by the part of it that is inside.
  expect(
    energyInside(map, [
      [0, 0, 2, 1],
      [0, 0, 1, 2],
    ]),
  ).toBeCloseTo(0.6, 15);
  expect(energyInside(map, [[0.5, 1, 2, 2]])).toBeCloseTo((0.5 * 3 + 4) / 10, 15);
  expect(energyInside(map, [])).toBe(0);
  expect(energyInside(floatTensor([0, 0], [1, 2]), [[0, 0, 1, 1]])).toBeUndefined();
});
