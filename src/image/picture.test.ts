import fc from "fast-check";
import { expect, test } from "vitest";
import { BadInputError } from "../errors.ts";
import { floatTensor } from "../tensor/tensor.ts";
import { exactPicture, type Picture, pictureToTensor, tensorToPicture } from "./picture.ts";

const pictures = fc
  .record({
    width: fc.integer({ min: 1, max: 5 }),
    height: fc.integer({ min: 1, max: 5 }),
    channels: fc.constantFrom(1, 3),
  })
  .chain((sizes) => {
    const length = sizes.width * sizes.height * sizes.channels;
    return fc
      .uint8Array({ minLength: length, maxLength: length })
      .map((data): Picture => ({ ...(sizes as Picture), data }));
  });

test("bytes survive the way to a tensor and back", () => {
  fc.assert(
    fc.property(pictures, (picture) => {
      expect(tensorToPicture(pictureToTensor(picture))).toEqual(picture);
      expect(exactPicture(pictureToTensor(picture))).toEqual(picture);
    }),
  );
});

test("interleaved bytes become planes", () => {
  const picture: Picture = { width: 2, height: 1, channels: 3, data: Uint8Array.of(255, 0, 51, 102, 153, 204) };
  const { shape, data } = pictureToTensor(picture);
  expect(shape).toEqual([3, 1, 2]);
  expect(data).toEqual(Float32Array.of(1, 0.4, 0, 0.6, 0.2, 0.8));
});

test("values are clipped and rounded, halves upwards", () => {
  const image = floatTensor([-1, 0.5 / 255, 1.4 / 255, 2.6 / 255, 7], [1, 1, 5]);
  expect(tensorToPicture(image).data).toEqual(Uint8Array.of(0, 1, 1, 3, 255));
  expect(tensorToPicture(floatTensor([0, 1], [2, 1]))).toEqual({
    width: 1,
    height: 2,
    channels: 1,
    data: Uint8Array.of(0, 255),
  });
});

test("a tensor is an exact picture only if every value is a byte over 255", () => {
  expect(exactPicture(floatTensor([0, 1, 77 / 255], [1, 1, 3]))?.data).toEqual(Uint8Array.of(0, 255, 77));
  for (const value of [0.3, -1 / 255, 256 / 255, Number.NaN, Math.fround(77 / 255) + 2 ** -25]) {
    expect(exactPicture(floatTensor([0, 1, value], [1, 1, 3]))).toBeUndefined();
  }
  expect(exactPicture(floatTensor([0, 1], [2, 1, 1]))).toMatchObject({ channels: 2, data: Uint8Array.of(0, 255) });
});

test("what is no picture is refused", () => {
  expect(() => tensorToPicture(floatTensor([0, Number.NaN], [1, 2]))).toThrow(BadInputError);
  expect(() => tensorToPicture(floatTensor([0, Number.NaN], [1, 2]))).toThrow(/pixel \(1, 0\) is not a number/);
  expect(() => tensorToPicture(floatTensor([0, 0], [2, 1, 1, 1]))).toThrow(/\[C, H, W\].*got \[2, 1, 1, 1\]/);
  expect(() => tensorToPicture(floatTensor([], [3, 0, 1]))).toThrow(/\[C, H, W\]/);
  expect(() => pictureToTensor({ width: 2, height: 1, channels: 3, data: new Uint8Array(5) })).toThrow(/5 bytes/);
});
