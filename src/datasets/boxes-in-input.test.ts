import fc from "fast-check";
import { expect, test } from "vitest";
import type { GeometryRule } from "../image/geometry.ts";
import { boxesInInput, boxesInPicture } from "./boxes-in-input.ts";

const cropped: GeometryRule = { resize: { kind: "shorter", size: 256 }, crop: { width: 224, height: 224 } };

test("boxes follow resize and crop; those that the crop cuts off are named", () => {
  // 512 × 256 stays as it is; the crop takes columns 144 to 368 and rows 16 to 240.
  const picture = { width: 512, height: 256 };
  expect(
    boxesInInput(
      [
        [144, 16, 368, 240],
        [100, 0, 200, 128],
        [0, 0, 144, 256],
        [400, 20, 500, 30],
      ],
      picture,
      { geometry: cropped },
    ),
  ).toEqual({
    boxes: [
      [0, 0, 224, 224],
      [0, 0, 56, 112],
    ],
    vanished: [
      [0, 0, 144, 256],
      [400, 20, 500, 30],
    ],
  });
  expect(boxesInPicture([[0, 0, 56, 112]], picture, { geometry: cropped })).toEqual([[144, 16, 200, 128]]);
});

test("there and back is the box, where nothing is cut off", () => {
  const size = fc.integer({ min: 1, max: 700 });
  const part = fc.double({ min: 0, max: 1, noNaN: true });
  const rule = fc.constantFrom<GeometryRule["resize"]>(
    { kind: "exact", width: 224, height: 192 },
    { kind: "pad", width: 224, height: 192 },
    { kind: "none" },
  );
  fc.assert(
    fc.property(size, size, fc.tuple(part, part, part, part), rule, (width, height, [a, b, c, d], resize) => {
      const box = [
        Math.min(a, c) * width,
        Math.min(b, d) * height,
        Math.max(a, c) * width,
        Math.max(b, d) * height,
      ] as const;
      const { boxes, vanished } = boxesInInput([box], { width, height }, { geometry: { resize } });
      fc.pre(boxes.length === 1);
      expect(vanished).toEqual([]);
      const [back] = boxesInPicture(boxes, { width, height }, { geometry: { resize } });
      for (const [i, value] of back.entries()) expect(value).toBeCloseTo(box[i], 8);
    }),
  );
});
