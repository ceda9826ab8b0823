import { describe, expect, test } from "vitest";
import type { Classifier } from "../classifier/classifier.ts";
import { completeOptions } from "../options/schema.ts";
import { createRandom } from "../random/random.ts";
import { ballOf, bytesFartherOut, linfEpsilonOption, paperEpsilon, roundToBytes } from "./budget.ts";

const of = { input: { channelCount: 3, height: 4, width: 5 } } as Pick<Classifier, "input">;
const levels = (image: Float32Array): number[] => [...image].map((x) => Math.round(255 * x));
const pixels = (...inLevels: number[]): Float32Array => Float32Array.from(inLevels, (level) => level / 255);

describe("ballOf", () => {
  test("unless one is given the radius is 8/255, in ℓ2 times the root of the number of elements", () => {
    expect(ballOf("a", { norm: "linf", epsilon: undefined }, of)).toEqual({ norm: "linf", epsilon: 8 / 255 });
    const { epsilon } = ballOf("a", { norm: "l2", epsilon: undefined }, of);
    expect(epsilon).toBeCloseTo((8 / 255) * Math.sqrt(60), 12);
  });

  test("the whole space is a ball, more is not", () => {
    expect(ballOf("a", { norm: "linf", epsilon: 1 }, of).epsilon).toBe(1);
    expect(ballOf("a", { norm: "l2", epsilon: Math.sqrt(60) }, of).epsilon).toBe(Math.sqrt(60));
    expect(() => ballOf("a", { norm: "l2", epsilon: 7.75 }, of)).toThrow(
      "a: epsilon: value out of range, expected a number above 0 and up to 7.75, in pixels of [0, 1], got 7.75.",
    );
  });

  test("levels of 255 that were given as pixels are recognized, in ℓ∞ alone", () => {
    const message = (norm: "linf" | "l2", epsilon: number): string => {
      try {
        return String(ballOf("a", { norm, epsilon }, of).epsilon);
      } catch (error) {
        return String(error);
      }
    };
    expect(message("linf", 8)).toMatch(/Did you mean 8\/255\?$/);
    expect(message("linf", 255)).toMatch(/Did you mean 255\/255\?$/);
    expect(message("linf", 256)).not.toMatch(/Did you mean/);
    expect(message("l2", 8)).not.toMatch(/Did you mean/);
  });

  test("the option of attacks that have no norm gives the same advice", () => {
    const complete = (epsilon?: number) => completeOptions("fgsm", { epsilon: linfEpsilonOption }, { epsilon });
    expect(() => complete(8)).toThrow("Did you mean 8/255?");
    expect(() => complete(-1)).toThrow(/got -1\.$/);
    expect(() => complete(300)).toThrow(/got 300\.$/);
    expect(complete()).toEqual({ epsilon: paperEpsilon });
  });
});

describe("roundToBytes", () => {
  test("takes the nearest level, halves upwards, within [0, 1]", () => {
    const image = pixels(10.4, 10.5, 10.6, -3, 258);
    expect(levels(roundToBytes(image, image, undefined))).toEqual([10, 11, 11, 0, 255]);
  });

  test("outward it takes the next level away from the clean image, unless the pixel is on one already", () => {
    const clean = pixels(20, 20, 20, 20, 20);
    const image = pixels(23.1, 16.9, 20, 23, 17);
    expect(levels(roundToBytes(image, clean, undefined, "outward"))).toEqual([24, 16, 20, 23, 17]);
    expect(levels(roundToBytes(image, clean, undefined))).toEqual([23, 17, 20, 23, 17]);
  });

  test("what float32 misses a level by is no level more", () => {
    const clean = pixels(20, 20);
    const image = pixels(23 + 2e-5, 17 - 2e-5);
    expect(levels(roundToBytes(image, clean, undefined, "outward"))).toEqual([23, 17]);
  });

  test("a pixel that did not change is rounded to the nearest level in either direction", () => {
    const clean = pixels(20.6, 20.4);
    expect(levels(roundToBytes(clean, clean, undefined, "outward"))).toEqual([21, 20]);
  });

  test("an ℓ∞ ball that holds levels is not left; one that holds none does not matter", () => {
    const clean = pixels(20.6, 20.6);
    const image = pixels(22.6, 18.6);
    expect(levels(roundToBytes(image, clean, { norm: "linf", epsilon: 2 / 255 }))).toEqual([22, 19]);
    expect(levels(roundToBytes(clean, clean, { norm: "linf", epsilon: 0.2 / 255 }))).toEqual([21, 21]);
  });

  test("a ball in ℓ2 or ℓ1 is not left: the most rounded elements go a level towards the clean image until they are inside", () => {
    const clean = pixels(100, 100, 100, 100, 7);
    const image = pixels(100.6, 99.3, 100.8, 99.1, 7);
    expect(levels(roundToBytes(image, clean, undefined))).toEqual([101, 99, 101, 99, 7]);
    // Squares of 0.6, 0.7, 0.8 and 0.9 sum to 1.52²; four levels to 2², two to 1.42².
    expect(levels(roundToBytes(image, clean, { norm: "l2", epsilon: 1.52 / 255 }))).toEqual([100, 100, 101, 99, 7]);
    expect(levels(roundToBytes(image, clean, { norm: "l1", epsilon: 3 / 255 }))).toEqual([100, 99, 101, 99, 7]);
    expect(levels(roundToBytes(image, clean, { norm: "l2", epsilon: 2 / 255 }))).toEqual([101, 99, 101, 99, 7]);
    const budget = { norm: "l2", epsilon: 1.52 / 255 } as const;
    expect(levels(roundToBytes(image, clean, budget, "outward"))).toEqual([100, 100, 101, 99, 7]);
  });

  test.each(["l2", "l1"] as const)("what is inside a ball in %s stays inside, of a clean picture of levels", (norm) => {
    const draw = createRandom(5);
    const clean = Float32Array.from({ length: 3000 }, () => Math.floor(256 * draw()) / 255);
    // Changes between half a level and a whole one, which the nearest levels make longer, and some of many levels.
    const image = clean.map((x) => x + ((x < 0.5 ? 1 : -1) * (0.5 + draw() / 2 + (draw() < 0.01 ? 9 : 0))) / 255);
    const length = (values: Float32Array): number => {
      const distances = Array.from(values, (x, i) => Math.abs(x - clean[i]));
      return norm === "l2" ? Math.hypot(...distances) : distances.reduce((sum, distance) => sum + distance, 0);
    };
    const budget = { norm, epsilon: length(image) };
    expect(length(roundToBytes(image, clean, undefined))).toBeGreaterThan(1.01 * budget.epsilon);
    for (const bytes of [roundToBytes(image, clean, budget), ...bytesFartherOut(image, clean, budget)]) {
      expect(length(bytes)).toBeLessThanOrEqual(budget.epsilon * (1 + 1e-5));
      expect(length(bytes)).toBeGreaterThan(0.95 * budget.epsilon);
      expect(bytes.every((x) => Math.abs(255 * x - Math.round(255 * x)) < 1e-4)).toBe(true);
    }
  });

  test("a ball that holds a single level gives it", () => {
    const clean = pixels(20.6);
    expect(levels(roundToBytes(pixels(20.2), clean, { norm: "linf", epsilon: 0.5 / 255 }))).toEqual([21]);
  });

  test("on a level of its own, a radius of whole levels reaches the level at the edge", () => {
    const clean = pixels(100);
    const image = pixels(109);
    expect(levels(roundToBytes(image, clean, { norm: "linf", epsilon: 8 / 255 }))).toEqual([108]);
  });
});

describe("bytesFartherOut", () => {
  test("nearest to the clean image first, all different, none the nearest bytes, within the range of both images", () => {
    const clean = pixels(100, 100, 50);
    const image = pixels(104.4, 96, 50);
    const found = bytesFartherOut(image, clean, undefined).map(levels);
    // Outward; then 1.1, 1.25, 1.6 and 2.5 times as long: 4.4 and -4 levels become 4.84, 5.5, 7.04, 11 and -4.4, -5, -6.4, -10. None
    // may exceed 104.4, the largest value of the two images.
    expect(found).toEqual([
      [105, 96, 50],
      [104, 95, 50],
      [104, 94, 50],
      [104, 90, 50],
    ]);
  });

  test("values below and above those of the perturbed image are possible if the clean one has them", () => {
    const clean = pixels(100, 10, 200);
    const image = pixels(104, 14, 196);
    const farthest = bytesFartherOut(image, clean, undefined).at(-1);
    expect(farthest && levels(farthest)).toEqual([110, 20, 190]);
  });

  test("nothing goes below the least value of the two images, and what is no other image is left out", () => {
    // Every length ends at 10.4, whose bytes are those nearest to the image.
    expect(bytesFartherOut(pixels(10.4, 200), pixels(14, 200), undefined)).toEqual([]);
  });

  test("they stay in the ball", () => {
    const clean = pixels(100, 100);
    const image = pixels(104, 97);
    for (const bytes of bytesFartherOut(image, clean, { norm: "linf", epsilon: 4 / 255 })) {
      for (const level of levels(bytes)) expect(Math.abs(level - 100)).toBeLessThanOrEqual(4);
    }
  });
});
