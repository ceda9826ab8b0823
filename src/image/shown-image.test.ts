import { expect, test } from "vitest";
import { floatTensor } from "../tensor/tensor.ts";
import { shownImage, storedImage } from "./shown-image.ts";

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
