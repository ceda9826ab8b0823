import { expect, test } from "vitest";
import { floatTensor } from "../tensor/tensor.ts";
import { blend, type ColorMap, colorAt, colorize } from "./color-map.ts";

/** Entries k of the 256 that Matplotlib 3.6.3 has, in units of 1/255. */
const published = {
  viridis: {
    0: [68.086, 1.243, 84.001],
    60: [60.547, 77.827, 138.19],
    128: [32.53, 144.572, 140.392],
    255: [253.278, 231.07, 36.704],
  },
  inferno: {
    0: [0.373, 0.119, 3.536],
    60: [80.652, 13.64, 108.405],
    128: [187.599, 55.056, 84.212],
    255: [252.032, 254.583, 164.456],
  },
} as const;

test("sequential maps are Matplotlib's to 2/255", () => {
  for (const [name, colors] of Object.entries(published)) {
    for (const [k, expected] of Object.entries(colors)) {
      const color = colorAt(Number(k) / 255, name as ColorMap);
      for (let c = 0; c < 3; c++) expect(Math.abs(255 * color[c] - expected[c])).toBeLessThan(2);
    }
  }
});

/** CIE lightness L* of an sRGB color. */
function lightness(color: readonly number[]): number {
  const linear = color.map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  const y = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  return y > 216 / 24389 ? 116 * Math.cbrt(y) - 16 : (24389 / 27) * y;
}

test("lightness grows along sequential maps and falls off alike on both sides of the diverging one", () => {
  for (const name of ["viridis", "inferno"] as const) {
    for (let i = 1; i <= 100; i++) {
      expect(lightness(colorAt(i / 100, name))).toBeGreaterThan(lightness(colorAt((i - 1) / 100, name)));
    }
  }
  for (let i = 1; i <= 50; i++) {
    const [left, right] = [0.5 - i / 100, 0.5 + i / 100].map((t) => lightness(colorAt(t, "diverging")));
    expect(Math.abs(left - right)).toBeLessThan(5);
    expect(left).toBeLessThan(lightness(colorAt(0.5 - (i - 1) / 100, "diverging")));
    expect(right).toBeLessThan(lightness(colorAt(0.5 + (i - 1) / 100, "diverging")));
  }
});

test("the diverging map is blue below, nearly white in the middle, red above", () => {
  const [blue, white, red] = [0, 0.5, 1].map((t) => colorAt(t, "diverging"));
  expect(blue[2]).toBeGreaterThan(blue[0] + 0.3);
  expect(red[0]).toBeGreaterThan(red[2] + 0.3);
  for (const channel of white) expect(Math.abs(channel - white[0])).toBeLessThan(0.002);
  expect(white[0]).toBeGreaterThan(0.94);
});

test("a map becomes an image of planes, clipped", () => {
  const image = colorize(floatTensor([-1, 0, 0.25, 1, 2, 0.5], [2, 3]), { colorMap: "viridis" });
  expect(image.shape).toEqual([3, 2, 3]);
  for (const [i, t] of [0, 0, 0.25, 1, 1, 0.5].entries()) {
    const expected = colorAt(t, "viridis");
    for (let c = 0; c < 3; c++) expect(image.data[6 * c + i]).toBeCloseTo(expected[c], 6);
  }
  expect(colorize(floatTensor([0.5], [1, 1]))).toEqual(colorize(floatTensor([0.5], [1, 1]), { colorMap: "inferno" }));
});

test("blending", () => {
  const under = floatTensor([0, 0.5, 1, 1, 0, 0.25], [3, 1, 2]);
  const over = floatTensor([1, 1, 0, 0, 0.5, 0.5], [3, 1, 2]);
  expect(blend(under, over, 0)).toEqual(under);
  expect(blend(under, over, 1)).toEqual(over);
  expect(blend(under, over, 0.25).data).toEqual(Float32Array.of(0.25, 0.625, 0.75, 0.75, 0.125, 0.3125));
  expect(blend(under, over, floatTensor([0, 1], [1, 2])).data).toEqual(Float32Array.of(0, 1, 1, 0, 0, 0.5));
  const gray = floatTensor([0, 1], [1, 1, 2]);
  expect(blend(gray, over, 0.5)).toEqual(floatTensor([0.5, 1, 0, 0.5, 0.25, 0.75], [3, 1, 2]));
  expect(blend(over, gray, 0.5)).toEqual(blend(gray, over, 0.5));
});

test("misuse is refused", () => {
  const image = floatTensor([0, 0], [1, 1, 2]);
  expect(() => colorize(image)).toThrow(/\[H, W\].*got shape \[1, 1, 2\]/);
  expect(() => colorize(floatTensor([Number.NaN], [1, 1]))).toThrow(/got NaN/);
  expect(() => colorize(floatTensor([0], [1, 1]), { colorMap: "jet" as "viridis" })).toThrow(
    /inferno, viridis, diverging/,
  );
  expect(() => blend(image, image, 1.5)).toThrow(/opacity.*from 0 to 1, got 1.5/);
  expect(() => blend(image, floatTensor([0, 0], [1, 2, 1]), 0.5)).toThrow(/sizes differ.*\[1, 2, 1\]/);
  expect(() => blend(image, image, floatTensor([0], [1, 1]))).toThrow(/sizes differ.*\[1, 1\]/);
  expect(() => blend(floatTensor([0, 0], [2, 1, 1]), floatTensor([0, 0, 0], [3, 1, 1]), 0.5)).toThrow(/sizes differ/);
});
