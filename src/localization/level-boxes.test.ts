import fc from "fast-check";
import { expect, test } from "vitest";
import { floatTensor } from "../tensor/tensor.ts";
import { boundingBox, largestBox } from "./box.ts";
import { boxConnectivities, levelBoxes } from "./level-boxes.ts";
import { threshold, thresholdLevels } from "./threshold.ts";
import { gridKinds, thresholdGrids, thresholdParameter } from "./threshold-grids.ts";

const everyRule = gridKinds.flatMap((kind) => thresholdGrids[kind]);

test("the boxes at all thresholds are those found one by one", () => {
  const maps = fc
    .tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }))
    .chain(([height, width]) =>
      fc
        .array(fc.integer({ min: 0, max: 7 }), { minLength: height * width, maxLength: height * width })
        .map((values) => floatTensor(values, [height, width])),
    );
  fc.assert(
    fc.property(maps, (map) => {
      const levels = thresholdLevels(map, everyRule);
      for (const connectivity of boxConnectivities) {
        const boxes = levelBoxes(map, levels, connectivity);
        for (const [i, rule] of everyRule.entries()) {
          const mask = threshold(map, rule);
          const single = connectivity === "none" ? boundingBox(mask) : largestBox(mask, { connectivity });
          expect(boxes[i], `${JSON.stringify(rule)} ${connectivity}`).toEqual(single);
        }
      }
    }),
    { numRuns: 60 },
  );
});

test("the first of equally large components, also after they have grown at different times", () => {
  // At 3 the right one is alone; at 2 both have two pixels; at 1 the left one wins; at 0 both are one.
  const map = floatTensor([2, 2, 1, 0, 3, 2], [1, 6]);
  expect(levelBoxes(map, [3, 2, 1, 0, 4])).toEqual([[4, 0, 5, 1], [0, 0, 2, 1], [0, 0, 3, 1], [0, 0, 6, 1], undefined]);
});

test("rows do not wrap around, and diagonals count for 8 neighbors only", () => {
  const map = floatTensor([0, 0, 1, 1, 0, 0, 0, 1, 0], [3, 3]);
  expect(levelBoxes(map, [1], 8)).toEqual([[0, 1, 2, 3]]);
  expect(levelBoxes(map, [1], 4)).toEqual([[2, 0, 3, 1]]);
  expect(levelBoxes(map, [1], "none")).toEqual([[0, 0, 3, 3]]);
});

test("what is no connectivity and no map is refused", () => {
  expect(() => levelBoxes(floatTensor([1], [1, 1]), [0], 6 as 8)).toThrow(/connectivity/);
  expect(() => levelBoxes(floatTensor([1], [1, 1, 1]), [0])).toThrow(/not a map/);
  expect(() => levelBoxes(floatTensor([1], [1, 1]), [Number.NaN])).toThrow(/NaN/);
});

test("the grids are those of the paper and of Fong and Vedaldi", () => {
  const parameters = (kind: (typeof gridKinds)[number]) => thresholdGrids[kind].map(thresholdParameter);
  expect(parameters("value")).toHaveLength(21);
  expect(parameters("value").slice(0, 4)).toEqual([0, 0.0025, 0.01, 0.0225]);
  expect(thresholdGrids.value.every((rule) => rule.kind === "value" && rule.squareRoot)).toBe(true);
  expect(parameters("mean")).toEqual([
    0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5, 6, 6.5, 7, 7.5, 8, 8.5, 9, 9.5, 10,
  ]);
  expect(parameters("energy").at(-1)).toBe(0.95);
  expect(parameters("energy")).toHaveLength(20);
  expect(parameters("percent").slice(0, 6)).toEqual([1, 2, 3, 4, 5, 10]);
  expect(parameters("percent").at(-1)).toBe(95);
});
