import fc from "fast-check";
import { expect, test } from "vitest";
import { blur } from "../image/gaussian-blur.ts";
import { floatTensor } from "../tensor/tensor.ts";
import { areaOf, type Box, boundingBox, centeredBox, iou, largestBox, roundedOutward, wholeBox } from "./box.ts";
import { type Mask, threshold } from "./threshold.ts";

/** A mask drawn in text: `#` is 1, `.` is 0. */
function maskFrom(...rows: readonly string[]): Mask {
  const data = Uint8Array.from(rows.join(""), (character) => (character === "#" ? 1 : 0));
  return { dtype: "bool", shape: [rows.length, rows[0].length], data };
}

test("boxes are half-open, columns first", () => {
  expect(boundingBox(maskFrom(".....", "..#..", "...#.", "....."))).toEqual([2, 1, 4, 3]);
  expect(boundingBox(maskFrom("###", "###"))).toEqual([0, 0, 3, 2]);
  expect(boundingBox(maskFrom("..", ".#"))).toEqual([1, 1, 2, 2]);
  expect(boundingBox(maskFrom("#..", "..#"))).toEqual([0, 0, 3, 2]);
});

test("the largest box is around the component with the most pixels", () => {
  const mask = maskFrom("#.....", ".#..##", "..##..", "......", "##....", "##....");
  expect(largestBox(mask)).toEqual([0, 0, 6, 3]);
  expect(largestBox(mask, { connectivity: 4 })).toEqual([0, 4, 2, 6]);
});

test("where nothing survives there is no box", () => {
  expect(boundingBox(maskFrom("...", "..."))).toBeUndefined();
  expect(largestBox(maskFrom("...", "..."))).toBeUndefined();
});

test("from a map to a box", () => {
  const map = floatTensor(new Float32Array(20 * 30), [20, 30]);
  for (let y = 5; y < 12; y++) map.data.fill(1, y * 30 + 8, y * 30 + 20);
  map.data[18 * 30 + 27] = 1;
  const rule = { kind: "value", alpha: 0.25 } as const;
  expect(largestBox(threshold(map, rule))).toEqual([8, 5, 20, 12]);
  // Half of the height of a blurred edge lies on the edge, a quarter outside: one pixel more at sigma 2 (Φ(−0.75) = 0.23).
  expect(largestBox(threshold(blur(map, { sigmaPixels: 2 }), rule))).toEqual([7, 4, 21, 13]);
});

test("intersection over union of worked examples", () => {
  expect(iou([0, 0, 2, 2], [0, 0, 2, 2])).toBe(1);
  expect(iou([0, 0, 2, 2], [1, 1, 3, 3])).toBe(1 / 7);
  expect(iou([0, 0, 4, 2], [1, 0, 3, 1])).toBe(2 / 8);
  expect(iou([0, 0, 2, 2], [2, 0, 4, 2])).toBe(0);
  expect(iou([0, 0, 1, 1], [5, 5, 6, 6])).toBe(0);
  expect(iou([1, 1, 1, 1], [1, 1, 1, 1])).toBe(0);
  // @ts-expect-error: what callers without types give
  expect(() => iou([0, 0, 2, 2], [0, 0, 2])).toThrow("iou: not a box, expected [x0, y0, x1, y1)");
  expect(areaOf([3, 3, 1, 1])).toBe(0);
});

const boxes = fc
  .record({ x: fc.nat(8), y: fc.nat(8), width: fc.nat(6), height: fc.nat(6) })
  .map(({ x, y, width, height }): Box => [x, y, x + width, y + height]);

test("intersection over union counts pixels", () => {
  fc.assert(
    fc.property(boxes, boxes, (a, b) => {
      let [both, any] = [0, 0];
      for (let y = 0; y < 14; y++) {
        for (let x = 0; x < 14; x++) {
          const [inA, inB] = [a, b].map(([x0, y0, x1, y1]) => x >= x0 && x < x1 && y >= y0 && y < y1);
          if (inA && inB) both++;
          if (inA || inB) any++;
        }
      }
      expect(iou(a, b)).toBe(any === 0 ? 0 : both / any);
      expect(iou(b, a)).toBe(iou(a, b));
    }),
    { numRuns: 300 },
  );
});

test("baseline boxes", () => {
  expect(wholeBox(30, 20)).toEqual([0, 0, 30, 20]);
  expect(centeredBox(40, 20, 0.25)).toEqual([10, 5, 30, 15]);
  expect(centeredBox(40, 20, 1)).toEqual([0, 0, 40, 20]);
  expect(areaOf(centeredBox(30, 20))).toBeCloseTo(300, 9);
  expect(() => centeredBox(30, 20, 0)).toThrow(/areaFraction/);
});

test("rounding outward keeps whole numbers", () => {
  expect(roundedOutward([1.2, 2, 3.01, 4])).toEqual([1, 2, 4, 4]);
});

test("a map is no mask, and what are no four numbers are no box", () => {
  const map = floatTensor(new Float32Array(12).fill(0.1), [3, 4]);
  const message = /not a mask, expected zeros and ones \[H, W\], as threshold\(\) gives, got a Float32Array \[3, 4\]/;
  for (const call of [largestBox, boundingBox]) expect(() => call(map as never)).toThrow(message);
  expect(() => iou([0, 0, 1, 1], [Number.NaN, 0, 1, 1])).toThrow(/not a box.*got \[NaN, 0, 1, 1\]/);
  expect(() => iou([0, 0, 1] as never, [0, 0, 1, 1])).toThrow(/not a box.*got an array of 3/);
});
