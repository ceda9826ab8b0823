import fc from "fast-check";
import { expect, test } from "vitest";
import { checkBox } from "./check-box.ts";

const size = { width: 10, height: 8 };

test.each([
  [[0, 0, 10, 8], { box: [0, 0, 10, 8] }],
  [[1.5, 2, 3, 4.25], { box: [1.5, 2, 3, 4.25] }],
  [[0, 0, 11, 8], { box: [0, 0, 10, 8] }],
  [[-1, 0, 5, 9], { box: [0, 0, 5, 8] }],
  [
    [0, 0, 11.5, 8],
    { box: [0, 0, 10, 8], problem: "box [0, 0, 11.5, 8) reaches out of the picture of 10 × 8; clipped" },
  ],
  [[-3, 0, 5, 8], { box: [0, 0, 5, 8], problem: "box [-3, 0, 5, 8) reaches out of the picture of 10 × 8; clipped" }],
  [[3, 3, 3, 5], { problem: "box [3, 3, 3, 5) has no area; dropped" }],
  [[5, 3, 3, 5], { problem: "box [5, 3, 3, 5) has no area; dropped" }],
  [[10, 0, 11, 8], { problem: "box [10, 0, 11, 8) lies outside the picture of 10 × 8; dropped" }],
  [[0, -5, 5, 0], { problem: "box [0, -5, 5, 0) lies outside the picture of 10 × 8; dropped" }],
  [[Number.NaN, 0, 5, 5], { problem: "box [NaN, 0, 5, 5) has a coordinate that is no number; dropped" }],
  [[0, 0, Infinity, 5], { problem: "box [0, 0, Infinity, 5) has a coordinate that is no number; dropped" }],
] as const)("%j", (box, finding) => {
  expect(checkBox(box, size)).toEqual(finding);
});

test("where the size is not known, only negative coordinates are clipped", () => {
  expect(checkBox([-5, 0, 1e6, 5], undefined)).toEqual({
    box: [0, 0, 1e6, 5],
    problem: "box [-5, 0, 1000000, 5) reaches out of the picture; clipped",
  });
});

test("what is kept is inside the picture, inside the box, and has an area; it is kept as it is when checked again", () => {
  const coordinate = fc.double({ min: -20, max: 20, noNaN: true });
  fc.assert(
    fc.property(fc.tuple(coordinate, coordinate, coordinate, coordinate), (given) => {
      const { box, problem } = checkBox(given, size);
      if (box === undefined) {
        expect(problem).toMatch(/dropped$/);
        return;
      }
      const [x0, y0, x1, y1] = box;
      expect(x0 >= Math.max(0, given[0]) && y0 >= Math.max(0, given[1])).toBe(true);
      expect(x1 <= Math.min(10, given[2]) && y1 <= Math.min(8, given[3])).toBe(true);
      expect(x1 > x0 && y1 > y0).toBe(true);
      expect(checkBox(box, size)).toEqual({ box });
    }),
  );
});
