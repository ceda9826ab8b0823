import { expect, test } from "vitest";
import { withoutAlpha } from "./without-alpha.ts";

const rgba = (...pixels: readonly (readonly number[])[]) => withoutAlpha(Uint8Array.from(pixels.flat()), 4, 255);

test("a dark color of varying alpha is laid on white, a light one on black", () => {
  expect(rgba([0, 0, 0, 0], [0, 0, 0, 51], [0, 0, 0, 255])).toEqual({
    data: Uint8Array.of(255, 255, 255, 204, 204, 204, 0, 0, 0),
    beneath: "white",
  });
  expect(rgba([255, 255, 255, 0], [255, 255, 255, 51], [255, 255, 255, 255])).toEqual({
    data: Uint8Array.of(0, 0, 0, 51, 51, 51, 255, 255, 255),
    beneath: "black",
  });
  // 64 of 255 of the color, and the rest of white, channel by channel.
  expect([...rgba([200, 30, 10, 255], [200, 30, 10, 64]).data]).toEqual([200, 30, 10, 241, 199, 194]);
});

test("luma below one half is dark: green is light, red and blue are not", () => {
  const groundOf = (...color: readonly number[]) => rgba([...color, 255], [...color, 0]).beneath;
  expect([groundOf(127, 127, 127), groundOf(128, 128, 128)]).toEqual(["white", "black"]);
  expect([groundOf(0, 255, 0), groundOf(255, 0, 0), groundOf(0, 0, 255)]).toEqual(["black", "white", "white"]);
});

test("pixels that are wholly transparent may have any color, and show the ground", () => {
  expect(rgba([9, 9, 9, 200], [255, 0, 80, 0], [9, 9, 9, 255])).toEqual({
    data: Uint8Array.of(62, 62, 62, 255, 255, 255, 9, 9, 9),
    beneath: "white",
  });
  expect(rgba([1, 2, 3, 0], [250, 2, 3, 0])).toEqual({ data: Uint8Array.of(1, 2, 3, 250, 2, 3), beneath: "colors" });
});

test("one color of one alpha, and two colors, are left as they are stored", () => {
  expect(rgba([5, 6, 7, 255], [5, 6, 7, 255])).toEqual({ data: Uint8Array.of(5, 6, 7, 5, 6, 7), beneath: "nothing" });
  expect(rgba([5, 6, 7, 90], [5, 6, 7, 90])).toEqual({ data: Uint8Array.of(5, 6, 7, 5, 6, 7), beneath: "colors" });
  expect(rgba([5, 6, 7, 255], [5, 6, 9, 255], [0, 0, 0, 0])).toEqual({
    data: Uint8Array.of(5, 6, 7, 5, 6, 9, 0, 0, 0),
    beneath: "colors",
  });
  expect(rgba([5, 6, 7, 255], [5, 60, 7, 255])).toMatchObject({ beneath: "nothing" });
  // An opaque thing with a shadow has two.
  expect(rgba([250, 6, 7, 255], [0, 0, 0, 100], [0, 0, 0, 0])).toMatchObject({ beneath: "colors" });
});

test("a channel may be off by one level, and not by two, also where it hardly shows", () => {
  expect(rgba([50, 51, 50, 255], [51, 50, 51, 255], [50, 50, 50, 0]).beneath).toBe("white");
  expect(rgba([50, 51, 50, 255], [52, 51, 50, 1], [50, 50, 50, 0]).beneath).toBe("colors");
  expect(rgba([50, 51, 50, 255], [51, 51, 50, 9], [49, 51, 50, 9]).beneath).toBe("colors");
});

test("gray with alpha, 16 bits, and numbers", () => {
  expect(withoutAlpha(Uint8Array.of(20, 255, 20, 0, 20, 128), 2, 255)).toEqual({
    data: Uint8Array.of(20, 255, 137),
    beneath: "white",
  });
  const wide = Uint16Array.of(65535, 65535, 65535, 21845, 65535, 65535, 65535, 65535);
  expect(withoutAlpha(wide, 4, 65535)).toEqual({
    data: Uint16Array.of(21845, 21845, 21845, 65535, 65535, 65535),
    beneath: "black",
  });
  // A level of 8 bits is 257 of 16.
  expect(withoutAlpha(Uint16Array.of(257, 65535, 0, 65535, 0, 0), 2, 65535).beneath).toBe("white");
  expect(withoutAlpha(Uint16Array.of(514, 65535, 0, 65535, 0, 0), 2, 65535).beneath).toBe("colors");
  // Samples of twelve bits.
  expect(withoutAlpha(Uint16Array.of(0, 1365, 0, 4095), 2, 4095)).toEqual({
    data: Uint16Array.of(2730, 0),
    beneath: "white",
  });
  expect(withoutAlpha(Float32Array.of(0.25, 0.5, 0.25, 1), 2, 1)).toEqual({
    data: Float32Array.of(0.625, 0.25),
    beneath: "white",
  });
});

test("numbers that are no colors, or no alpha, are left as they are", () => {
  for (const samples of [
    [0.25, 0.5, 0.25, 2],
    [0.25, -1, 0.25, 1],
    [2, 0.5, 2, 1],
    [Number.NaN, 0.5, Number.NaN, 1],
    [0.25, Number.NaN, 0.25, 0.5, 0.25, 1],
  ]) {
    const { data, beneath } = withoutAlpha(Float32Array.from(samples), 2, 1);
    expect([[...data], beneath]).toEqual([samples.filter((_, i) => i % 2 === 0), "colors"]);
  }
});
