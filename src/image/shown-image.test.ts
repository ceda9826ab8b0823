import { expect, test } from "vitest";
import { floatTensor } from "../tensor/tensor.ts";
import { brightened, brightening, shownImage, storedImage } from "./shown-image.ts";

const image = (channels: number) =>
  floatTensor(
    Array.from({ length: 2 * channels }, (_, i) => i),
    [channels, 1, 2],
  );

test.each([
  [1, [1, 1, 2], [0, 1]],
  [2, [1, 1, 2], [0, 1]],
  [3, [3, 1, 2], [0, 1, 2, 3, 4, 5]],
  [4, [3, 1, 2], [0, 1, 2, 3, 4, 5]],
  [13, [3, 1, 2], [0, 1, 2, 3, 4, 5]],
])("%i channels are shown without alpha, or by their first three bands", (channels, shape, data) => {
  const shown = shownImage(image(channels));
  expect([shown.shape, [...shown.data]]).toEqual([shape, data]);
});

test("up to four channels are stored as they are", () => {
  for (const channels of [1, 2, 3, 4]) expect(storedImage(image(channels))).toEqual(image(channels));
  expect(storedImage(image(5)).shape).toEqual([3, 1, 2]);
});

test("a dark image is brightened until its brightest pixels are white, a bright or a black one not at all", () => {
  const ramp = floatTensor(
    Array.from({ length: 400 }, (_, i) => i / 4000),
    [1, 20, 20],
  );
  const factor = brightening(ramp);
  expect(factor).toBeCloseTo(4000 / 397, 4);
  const shown = brightened(ramp, factor);
  expect(shown.shape).toEqual([1, 20, 20]);
  expect([shown.data[0], shown.data[397], shown.data[399]]).toEqual([0, 1, 1]);
  expect(shown.data[100]).toBeCloseTo(100 / 397, 6);
  expect(brightening(floatTensor(new Float32Array(4), [1, 2, 2]))).toBe(1);
  expect(brightening(floatTensor(new Float32Array(4).fill(1), [1, 2, 2]))).toBe(1);
});
