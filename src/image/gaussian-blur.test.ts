import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { floatTensor } from "../tensor/tensor.ts";
import { blur } from "./gaussian-blur.ts";

interface Case {
  readonly height: number;
  readonly width: number;
  readonly sigma: number;
  readonly input: number[];
  readonly output: number[];
}

const fixture: { scipy: string; cases: Case[] } = JSON.parse(
  readFileSync(join(import.meta.dirname, "fixtures/gaussian-blur.json"), "utf8"),
);

describe(`as scipy ${fixture.scipy}`, () => {
  for (const { height, width, sigma, input, output } of fixture.cases) {
    test(`${width} × ${height}, sigma ${sigma}`, () => {
      const { shape, data } = blur(floatTensor(input, [height, width]), { sigmaPixels: sigma });
      expect(shape).toEqual([height, width]);
      // Half a unit in the last place of float32 at values up to 4.
      for (let i = 0; i < output.length; i++) expect(Math.abs(data[i] - output[i])).toBeLessThan(1.3e-7);
    });
  }
});

test("every channel of an image is blurred by itself", () => {
  const [first, second] = fixture.cases.filter(({ height, width }) => height === 9 || (height === 6 && width === 4));
  expect(first.input).toHaveLength(108);
  const other = first.input.map((v, i) => v * 2 + second.input[i % 24]);
  const image = floatTensor([...first.input, ...other], [2, 9, 12]);
  const { data } = blur(image, { sigmaPixels: 2 });
  expect(data.slice(0, 108)).toEqual(blur(floatTensor(first.input, [9, 12]), { sigmaPixels: 2 }).data);
  expect(data.slice(108)).toEqual(blur(floatTensor(other, [9, 12]), { sigmaPixels: 2 }).data);
});

test("the sum and constant maps are kept", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 9 }),
      fc.double({ min: 0.05, max: 5, noNaN: true }),
      fc.infiniteStream(fc.double({ min: -1, max: 1, noNaN: true })),
      (height, width, sigmaPixels, values) => {
        const data = Float32Array.from({ length: height * width }, () => values.next().value);
        const blurred = blur(floatTensor(data, [height, width]), { sigmaPixels }).data;
        const sum = (array: Float32Array) => array.reduce((a, b) => a + b, 0);
        expect(sum(blurred)).toBeCloseTo(sum(data), 4);
        const constant = blur(floatTensor(data.fill(0.7), [height, width]), { sigmaPixels }).data;
        for (const value of constant) expect(value).toBeCloseTo(0.7, 6);
      },
    ),
  );
});

test("sigma 0 copies", () => {
  const map = floatTensor([1, 2, 3, 4], [2, 2]);
  const copy = blur(map, { sigmaPixels: 0 });
  expect(copy).toEqual(map);
  expect(copy.data).not.toBe(map.data);
});

test("a given radius cuts the Gaussian off there", () => {
  const spike = floatTensor([0, 0, 0, 1, 0, 0, 0], [1, 7]);
  const edge = Math.exp(-1 / 50);
  const expected = [0, 0, edge, 1, edge, 0, 0].map((weight) => weight / (1 + 2 * edge));
  const { data } = blur(spike, { sigmaPixels: 5, radiusPixels: 1 });
  for (const [i, value] of expected.entries()) expect(data[i]).toBeCloseTo(value, 7);
  expect(() => blur(spike, { sigmaPixels: 5, radiusPixels: 1.5 })).toThrow(/radiusPixels/);
});

test("misuse is refused", () => {
  const map = floatTensor([1, 2], [1, 2]);
  expect(() => blur(map, { sigmaPixels: -1 })).toThrow(/sigmaPixels.*from 0 to 10000, got -1/);
  expect(() => blur(map, { sigmaPixels: Number.NaN })).toThrow(/got NaN/);
  expect(() => blur(map, { sigmaPixels: Infinity })).toThrow(/got Infinity/);
  // @ts-expect-error: what callers without types give
  expect(() => blur(map, { sigma: 1 })).toThrow(/unknown option "sigma"/);
  expect(() => blur(floatTensor([1], [1]), { sigmaPixels: 1 })).toThrow(/\[H, W\] or \[C, H, W\], got \[1\]/);
});
