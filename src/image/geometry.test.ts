import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { floatTensor } from "../tensor/tensor.ts";
import {
  applyGeometry,
  type Box,
  checkGeometryRule,
  describeGeometry,
  fitGeometry,
  type GeometryRule,
} from "./geometry.ts";
import { type Picture, pictureToTensor, tensorToPicture } from "./picture.ts";
import { resizeFloat } from "./resize.ts";

interface Case {
  readonly width: number;
  readonly height: number;
  readonly rule: GeometryRule;
  readonly newWidth: number;
  readonly newHeight: number;
  readonly input: string;
  readonly output: string;
}

const fixture: { torchvision: string; pillow: string; cases: Case[] } = JSON.parse(
  readFileSync(join(import.meta.dirname, "fixtures/geometry.json"), "utf8"),
);

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(Buffer.from(base64, "base64"));
}

describe(`as torchvision ${fixture.torchvision} and Pillow ${fixture.pillow}`, () => {
  for (const { width, height, rule, newWidth, newHeight, input, output } of fixture.cases) {
    test(`${width}×${height} by ${JSON.stringify(rule)}`, () => {
      const picture: Picture = { width, height, channels: 3, data: bytesOf(input) };
      const expected = pictureToTensor({ width: newWidth, height: newHeight, channels: 3, data: bytesOf(output) });
      expect(applyGeometry(picture, rule)).toEqual(expected);
      expect(applyGeometry(pictureToTensor(picture), rule)).toEqual(expected);
    });
  }
});

const imagenet: GeometryRule = {
  resize: { kind: "shorter", size: 256 },
  crop: { width: 224, height: 224 },
  interpolation: "bilinear",
};

test("a worked example: 500 × 375 by the usual ImageNet rule", () => {
  const geometry = fitGeometry(imagenet, 500, 375);
  // int(256 · 500 / 375) = int(341.33); (341 − 224)/2 = 58.5 rounds to the even 58.
  expect(geometry).toMatchObject({ resizedWidth: 341, resizedHeight: 256, isPadded: false });
  expect(geometry.crop).toEqual({ x: 58, y: 16, width: 224, height: 224 });
  const whole = geometry.toPicture([0, 0, 224, 224]);
  expect(whole[0]).toBeCloseTo((58 * 500) / 341, 10);
  expect(whole[1]).toBeCloseTo((16 * 375) / 256, 10);
  expect(whole[2]).toBeCloseTo((282 * 500) / 341, 10);
  expect(whole[3]).toBeCloseTo((240 * 375) / 256, 10);
  expect(geometry.toInput([0, 0, 500, 375])).toEqual([0, 0, 224, 224]);
  // A box to the left of the crop has no area in the input.
  expect(geometry.toInput([0, 100, 80, 200])[2]).toBe(0);
});

test("a worked example: padding puts a 200 × 100 picture in the middle of 100 × 100", () => {
  const geometry = fitGeometry({ resize: { kind: "pad", width: 100, height: 100 } }, 200, 100);
  expect(geometry).toMatchObject({ resizedWidth: 100, resizedHeight: 50, isPadded: true });
  expect(geometry.crop).toEqual({ x: 0, y: -25, width: 100, height: 100 });
  expect(geometry.toInput([20, 10, 60, 50])).toEqual([10, 30, 30, 50]);
  expect(geometry.toPicture([0, 0, 100, 100])).toEqual([0, 0, 200, 100]);
  expect(geometry.toPicture([10, 30, 30, 50])).toEqual([20, 10, 60, 50]);
});

const size = fc.integer({ min: 1, max: 60 });
const rules: fc.Arbitrary<GeometryRule> = fc.record(
  {
    resize: fc.oneof(
      fc.record({ kind: fc.constant("shorter" as const), size }),
      fc.record({ kind: fc.constant("exact" as const), width: size, height: size }),
      fc.record({ kind: fc.constant("pad" as const), width: size, height: size }),
      fc.record({ kind: fc.constant("none" as const) }),
    ),
    crop: fc.record({ width: size, height: size }),
  },
  { requiredKeys: ["resize"] },
);

test("what is visible of a box comes back from the round trip picture → input → picture", () => {
  fc.assert(
    fc.property(
      rules,
      size,
      size,
      fc.array(fc.nat(59), { minLength: 4, maxLength: 4 }),
      (rule, width, height, corners) => {
        const { toInput, toPicture, crop } = fitGeometry(rule, width, height);
        const [ax, ay, bx, by] = corners;
        const box: Box = [ax % width, ay % height, width - (bx % width), height - (by % height)];
        const visible = toPicture([0, 0, crop.width, crop.height]);
        const back = toPicture(toInput(box));
        const expected = box.map((v, i) => Math.min(visible[(i % 2) + 2], Math.max(visible[i % 2], v)));
        for (let i = 0; i < 4; i++) expect(back[i]).toBeCloseTo(expected[i], 9);
      },
    ),
  );
});

test("boxes follow the pixels: a bright block of the picture lies where toInput says", () => {
  const [width, height] = [300, 200];
  const box: Box = [120, 60, 200, 140];
  const data = new Uint8Array(width * height);
  for (let y = box[1]; y < box[3]; y++) data.fill(255, y * width + box[0], y * width + box[2]);
  const picture: Picture = { width, height, channels: 1, data };
  for (const rule of [
    { resize: { kind: "shorter", size: 64 }, crop: { width: 56, height: 48 } },
    { resize: { kind: "exact", width: 96, height: 48 } },
    { resize: { kind: "pad", width: 90, height: 90 } },
    { resize: { kind: "none" }, crop: { width: 320, height: 150 } },
  ] satisfies GeometryRule[]) {
    const { crop, toInput } = fitGeometry(rule, width, height);
    const input = applyGeometry(picture, rule);
    expect(input.shape).toEqual([1, crop.height, crop.width]);
    // The mass and the mean position of the block agree with the mapped box to a hundredth of a pixel.
    let [mass, sumX, sumY] = [0, 0, 0];
    input.data.forEach((value, i) => {
      mass += value;
      sumX += value * ((i % crop.width) + 0.5);
      sumY += value * (Math.floor(i / crop.width) + 0.5);
    });
    const [x0, y0, x1, y1] = toInput(box);
    expect(Math.abs(mass / ((x1 - x0) * (y1 - y0)) - 1)).toBeLessThan(0.01);
    expect(Math.abs(sumX / mass - (x0 + x1) / 2)).toBeLessThan(0.02);
    expect(Math.abs(sumY / mass - (y0 + y1) / 2)).toBeLessThan(0.02);
  }
});

test("a tensor that is not made of bytes is resampled unrounded", () => {
  const image = floatTensor([0.21, 0.3, 0.8, 0.8, 0.2, 0.7], [1, 2, 3]);
  const rule: GeometryRule = { resize: { kind: "exact", width: 7, height: 5 } };
  const { data } = applyGeometry(image, rule);
  expect(data).toEqual(resizeFloat(image, { width: 7, height: 5 }).data);
  const rounded = applyGeometry(tensorToPicture(image), rule);
  const differences = data.map((v, i) => Math.abs(v - rounded.data[i]));
  expect(Math.max(...differences)).toBeGreaterThan(0.5 / 255);
  expect(Math.max(...differences)).toBeLessThan(3 / 255);
});

test("what overshoots is clipped to [0, 1]", () => {
  const image = floatTensor([0, 0.3, 1, 1, 0, 0.7], [1, 2, 3]);
  const unclipped = resizeFloat(image, { width: 7, height: 5 }).data;
  expect(Math.max(...unclipped)).toBeGreaterThan(1.01);
  expect(Math.min(...unclipped)).toBeLessThan(-0.01);
  const { data } = applyGeometry(image, { resize: { kind: "exact", width: 7, height: 5 } });
  expect(data).toEqual(unclipped.map((v) => Math.min(1, Math.max(0, v))));
});

test("a picture of extreme aspect costs no more than its crop", () => {
  const picture: Picture = { width: 1, height: 5000, channels: 3, data: new Uint8Array(15000).fill(7) };
  expect(fitGeometry(imagenet, 1, 5000).resizedHeight).toBe(1_280_000);
  const { shape, data } = applyGeometry(picture, imagenet);
  expect(shape).toEqual([3, 224, 224]);
  expect(new Set(data)).toEqual(new Set([Math.fround(7 / 255)]));
});

test("a rule that is none is refused with the part that is wrong", () => {
  const check = (rule: unknown) => () => checkGeometryRule("rule", rule as GeometryRule);
  expect(check({ resize: { kind: "longer", size: 3 } })).toThrow(/resize.kind.*one of shorter, exact, pad, none/);
  expect(check({ resize: { kind: "shorter", size: 0 } })).toThrow(/resize.size.*at least 1, got 0/);
  expect(check({ resize: { kind: "shorter", width: 5 } })).toThrow(/unknown option "width"/);
  expect(check({ resize: { kind: "pad", width: 5 } })).toThrow(/resize.height/);
  expect(check({ resize: { kind: "none" }, corp: { width: 1, height: 1 } })).toThrow(/Did you mean "crop"/);
  expect(check({ resize: { kind: "none" }, crop: { width: 1 } })).toThrow(/crop.height/);
  expect(check({ resize: { kind: "none" }, fill: 114 })).toThrow(/fill.*from 0 to 1, got 114/);
  expect(check({ resize: { kind: "none" }, interpolation: "area" })).toThrow(/interpolation/);
  expect(check({})).toThrow(/no resize rule/);
  expect(() => fitGeometry(imagenet, 0, 4)).toThrow(/width/);
});

test("a rule is told in words", () => {
  const size = { width: 224, height: 192 };
  expect(describeGeometry({ resize: { kind: "shorter", size: 256 }, crop: size, interpolation: "bilinear" })).toBe(
    "shorter side 256, crop 192x224, bilinear",
  );
  expect(describeGeometry({ resize: { kind: "pad", ...size }, fill: 0.5 })).toBe(
    "pad 192x224, bicubic, filled with 0.5",
  );
  expect(describeGeometry({ resize: { kind: "none" } })).toBe("as it is");
});
