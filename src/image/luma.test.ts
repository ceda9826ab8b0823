import { expect, test } from "vitest";
import { floatTensor } from "../tensor/tensor.ts";
import { grayOf, grayPicture, luma } from "./luma.ts";

test("green is brighter than red, red brighter than blue, and white is 1", () => {
  expect([luma(1, 0, 0), luma(0, 1, 0), luma(0, 0, 1)]).toEqual([0.299, 0.587, 0.114]);
  expect(luma(1, 1, 1)).toBeCloseTo(1, 15);
});

test("an image of three channels becomes one, pixel by pixel; one channel stays", () => {
  const image = floatTensor(Float32Array.of(1, 0, 0.5, 0, 1, 0.5), [3, 1, 2]);
  const gray = grayOf(image);
  expect(gray.shape).toEqual([1, 1, 2]);
  expect([...gray.data]).toEqual([Math.fround(luma(1, 0.5, 1)), Math.fround(luma(0, 0, 0.5))]);
  expect(grayOf(gray)).toBe(gray);
});

test('a picture becomes gray as Pillow\'s convert("L") makes it', () => {
  const pixels = [
    ...[
      [0, 0, 0],
      [255, 255, 255],
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ],
    ...[
      [2, 3, 4],
      [10, 200, 33],
      [255, 0, 128],
      [77, 77, 77],
      [5, 4, 5],
    ],
  ];
  const picture = { width: 10, height: 1, channels: 3, data: Uint8Array.from(pixels.flat()), isNetworkInput: true };
  // Pillow 13.
  const levels = [0, 255, 0, 1, 0, 3, 124, 91, 77, 4];
  const gray = grayPicture(picture);
  expect(gray).toEqual({ width: 10, height: 1, channels: 1, data: Uint8Array.from(levels), isNetworkInput: true });
  expect(grayPicture(gray)).toBe(gray);
});
