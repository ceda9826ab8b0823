import { describe, expect, test } from "vitest";
import { normal } from "../random/distributions.ts";
import { createRandom } from "../random/random.ts";
import { firstBeyondPixels, firstNoPixel, noPixels } from "./check-pixels.ts";

const side = 32;

/** A picture [3, 32, 32] of a dark and a light half with a slope over both, each pixel as `of` makes it of one from 0 to 1. */
function picture(of: (pixel: number, channel: number) => number): Float32Array {
  return Float32Array.from({ length: 3 * side * side }, (_, i) => {
    const x = i % side;
    return of((x < side / 2 ? 0.1 : 0.8) + (0.1 * x) / side, Math.floor(i / side ** 2));
  });
}

const noisy = (deviation: number, clean: number): Float32Array => {
  const random = createRandom(1);
  return picture(() => clean).map((pixel) => pixel + normal(random, 0, deviation));
};

describe("numbers that are no pixels", () => {
  test.each([
    ["pixels", picture((pixel) => pixel)],
    ["pixels that rounding put out", picture((pixel) => pixel * 1.0000001 - 1e-7)],
    ["a perturbation that nothing clips", picture((pixel) => pixel + (pixel > 0.5 ? 0.2 : -0.2))],
    ["noise on a picture", noisy(0.5, 0.5)],
    ["noise on black", noisy(0.5, 0)],
    ["much noise on white", noisy(2, 1)],
    ["a black picture", picture(() => 0)],
  ])("%s are taken", (_, data) => expect(firstNoPixel(data)).toBe(-1));

  test.each([
    ["from 0 to 255", picture((pixel) => 255 * pixel), /Divide pixels from 0 to 255 by 255\.$/],
    ["from −1 to 1", picture((pixel) => 2 * pixel - 1), /Of pixels from −1 to 1 give \(x \+ 1\) \/ 2; or undo/],
    [
      "normalized by ImageNet's numbers",
      picture((pixel, c) => (pixel - [0.485, 0.456, 0.406][c]) / [0.229, 0.224, 0.225][c]),
      /Give pixels as they were: undo a normalization by mean and deviation: x · std \+ mean/,
    ],
  ])("%s are refused, with what to do", (_, data, advice) => {
    const index = firstNoPixel(data);
    expect(index).toBeGreaterThanOrEqual(0);
    expect(noPixels("classify", "the image", data, index).message).toMatch(advice);
  });

  test("attacks take what rounding put out of [0, 1], and nothing else", () => {
    expect(firstBeyondPixels(Float32Array.of(0, 1.0000001, -1e-8))).toBe(-1);
    expect(firstBeyondPixels(Float32Array.of(0, 1.001))).toBe(1);
    expect(firstBeyondPixels(Float32Array.of(Number.NaN))).toBe(0);
  });
});
