import { expect, test } from "vitest";
import { MisuseError } from "../../errors.ts";
import type { GeometryRule } from "../../image/geometry.ts";
import type { Picture } from "../../image/picture.ts";
import { regionMask } from "./region-mask.ts";

/** A picture of 8 × 4 pixels becomes 4 × 2 by the resize, of which the middle 2 × 2 are the input. */
const input = {
  geometry: { resize: { kind: "shorter", size: 2 }, crop: { width: 2, height: 2 } } satisfies GeometryRule,
  width: 2,
  height: 2,
};
const picture = { width: 8, height: 4 };

function maskPicture(width: number, height: number, isInside: (x: number, y: number) => boolean): Picture {
  const data = new Uint8Array(3 * width * height);
  for (let i = 0; i < width * height; i++)
    data.fill(isInside(i % width, Math.floor(i / width)) ? 255 : 0, 3 * i, 3 * i + 3);
  return { width, height, channels: 3, data };
}

test("a box goes through the resize and crop; a pixel is inside if its middle is", () => {
  // The input is x from 2 to 6 of the picture; pixels of it are two by two.
  expect(regionMask("m", { box: [2, 0, 4, 4] }, picture, input)).toEqual({
    dtype: "float32",
    shape: [2, 2],
    data: Float32Array.of(1, 0, 1, 0),
  });
  expect([...regionMask("m", { box: [0, 0, 8, 2] }, picture, input).data]).toEqual([1, 1, 0, 0]);
  expect([...regionMask("m", { box: [3.5, 1.5, 8, 4] }, picture, input).data]).toEqual([0, 0, 0, 1]);
  expect([...regionMask("m", { box: [0, 0, 8, 4] }, picture, input).data]).toEqual([1, 1, 1, 1]);
});

test("a mask of the picture's size goes the same way as a box", () => {
  const mask = maskPicture(8, 4, (x, y) => x >= 2 && x < 4 && y >= 2);
  expect([...regionMask("m", { mask }, picture, input).data]).toEqual([0, 0, 1, 0]);
});

test("a mask of the input's size is taken as it is", () => {
  const mask = maskPicture(2, 2, (x, y) => x === y);
  expect([...regionMask("m", { mask }, picture, input).data]).toEqual([1, 0, 0, 1]);
});

test("what the picture does not cover is outside, whatever it is filled with", () => {
  const padded = { geometry: { resize: { kind: "pad", width: 4, height: 4 }, fill: 1 } as const, width: 4, height: 4 };
  const mask = maskPicture(8, 4, () => true);
  expect([...regionMask("m", { mask }, picture, padded).data]).toEqual([
    0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0,
  ]);
  expect([...regionMask("m", { box: [0, 0, 8, 4] }, picture, padded).data]).toEqual([
    0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0,
  ]);
});

test("a picture that is a network's input already has its own coordinates", () => {
  const own = { width: 2, height: 2, isNetworkInput: true };
  expect([...regionMask("m", { box: [0, 0, 1, 1] }, own, input).data]).toEqual([1, 0, 0, 0]);
});

test("regions that cannot be meant are refused", () => {
  expect(() => regionMask("m", { box: [3, 0, 3, 4] }, picture, input)).toThrow(MisuseError);
  expect(() => regionMask("m", { box: [0, 0, 2, 4] }, picture, input)).toThrow(
    "m: no pixel of what the network sees is in the region",
  );
  expect(() => regionMask("m", { mask: maskPicture(3, 3, () => true) }, picture, input)).toThrow(
    "m: the mask has another size than the picture, expected 8 × 4 (the picture), or 2 × 2 (the network's input), got 3 × 3.",
  );
  expect(() => regionMask("m", { mask: maskPicture(8, 4, () => false) }, picture, input)).toThrow("no pixel");
});

test.each([
  [0, "got 0 at most."],
  [1, "got 1 at most. Where its levels are 0 and 1, multiply them by 255."],
  [127, "got 127 at most."],
])("a mask of which nothing is light, %j at most, is the cause, and not the picture's crop", (level, end) => {
  const { data, ...size } = maskPicture(8, 4, () => true);
  const mask = { ...size, data: data.map(() => level) };
  expect(() => regionMask("m", { mask }, picture, input)).toThrow(
    `m: no pixel of the mask is light, expected levels of at least 128 of 255 where pixels may change, ${end}`,
  );
});
