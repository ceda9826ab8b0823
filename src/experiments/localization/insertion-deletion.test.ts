import { expect, test } from "vitest";
import type { ForwardPass } from "../../classifier/passes/passes.ts";
import type { Normalization } from "../../classifier/preprocessing/preprocessing.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { areaUnderSteps, insertionDeletion } from "./insertion-deletion.ts";

const normalization: Normalization = { scale: 1, channels: "rgb", mean: [0.25], std: [0.5], layout: "nchw" };

/** Two logits, 0 and Σ w·x, for images of four pixels; `sizes` notes how many images each run was given. */
function linearPass(weights: readonly number[], batch: number, sizes: number[] = []): ForwardPass {
  return {
    batch,
    async run(images) {
      sizes.push(images.length);
      return images.map((image) =>
        Float32Array.of(
          0,
          image.reduce((sum, x, i) => sum + weights[i] * x, 0),
        ),
      );
    },
  };
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

test("pixels go to the mean color by falling value, equal ones in raster order", async () => {
  const image = floatTensor([1, 0.5, 0.75, 0], [1, 2, 2]);
  const weights = [1, 2, 4, 8];
  const map = floatTensor([1, 3, 1, 2], [2, 2]);
  const { deletion } = await insertionDeletion(linearPass(weights, 3), image, map, {
    label: 1,
    steps: 4,
    normalization,
  });
  const pictures = [
    [1, 0.5, 0.75, 0],
    [1, 0.25, 0.75, 0],
    [1, 0.25, 0.75, 0.25],
    [0.25, 0.25, 0.75, 0.25],
    [0.25, 0.25, 0.25, 0.25],
  ];
  const expected = pictures.map((picture) => sigmoid(picture.reduce((sum, x, i) => sum + weights[i] * x, 0)));
  expect(deletion).toHaveLength(5);
  for (const [i, value] of expected.entries()) expect(deletion[i]).toBeCloseTo(value, 6);
});

test("insertion begins with the blurred picture and ends with the picture", async () => {
  // A picture with one value per column, wider than the blur, whose mean stays what it is.
  const image = floatTensor([1, 0, 0, 0], [1, 2, 2]);
  const map = floatTensor([4, 3, 2, 1], [2, 2]);
  const { insertion } = await insertionDeletion(linearPass([1, 1, 1, 1], 8), image, map, {
    label: 1,
    steps: 2,
    normalization,
  });
  expect(insertion).toHaveLength(3);
  // The blur keeps the sum; after one step the first row is sharp, the second still blurred to nearly a quarter each.
  expect(insertion[0]).toBeCloseTo(sigmoid(1), 6);
  expect(insertion[1]).toBeGreaterThan(sigmoid(1.4));
  expect(insertion[1]).toBeLessThan(sigmoid(1.6));
  expect(insertion[2]).toBeCloseTo(sigmoid(1), 6);
});

test("all channels of a pixel go together, and batches do not change the curves", async () => {
  const image = floatTensor([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 0.15, 0.25], [3, 2, 2]);
  const map = floatTensor([0, 1, 2, 3], [2, 2]);
  const weights = Array.from({ length: 12 }, (_, i) => Math.sin(i));
  const color: Normalization = { ...normalization, mean: [0.1, 0.2, 0.3], std: [1, 1, 1] };
  const options = { label: 1, steps: 2, normalization: color };
  const sizes: number[] = [];
  const alone = await insertionDeletion(linearPass(weights, 1, sizes), image, map, options);
  expect(sizes).toEqual([1, 1, 1, 1, 1, 1]);
  const sizesOfTwo: number[] = [];
  expect(await insertionDeletion(linearPass(weights, 2, sizesOfTwo), image, map, options)).toEqual(alone);
  expect(sizesOfTwo).toEqual([2, 1, 2, 1]);
  const gray = [0.1, 0.1, 0.1, 0.1, 0.2, 0.2, 0.2, 0.2, 0.3, 0.3, 0.3, 0.3];
  const halfway = image.data.map((x, i) => (i % 4 >= 2 ? gray[i] : x));
  expect(alone.deletion[1]).toBeCloseTo(sigmoid(halfway.reduce((sum, x, i) => sum + weights[i] * x, 0)), 6);
});

test("steps default to the height; map and image must agree", async () => {
  const image = floatTensor(new Float32Array(12).fill(0.5), [1, 3, 4]);
  const map = floatTensor(new Float32Array(12), [3, 4]);
  const pass = linearPass(new Array(12).fill(1), 4);
  expect((await insertionDeletion(pass, image, map, { label: 0, normalization })).deletion).toHaveLength(4);
  await expect(
    insertionDeletion(pass, image, floatTensor([1, 2], [1, 2]), { label: 0, normalization }),
  ).rejects.toThrow(/differ in size, expected \[3, 4\], got \[1, 2\]/);
  await expect(insertionDeletion(pass, image, map, { label: 0, normalization, steps: 13 })).rejects.toThrow(/steps/);
});

test("the area under a curve is RISE's trapezoid", () => {
  expect(areaUnderSteps([0, 1])).toBe(0.5);
  expect(areaUnderSteps([1, 1, 1, 1])).toBe(1);
  expect(areaUnderSteps([0, 0.5, 1, 0.25])).toBeCloseTo((1.75 - 0.125) / 3, 15);
});
