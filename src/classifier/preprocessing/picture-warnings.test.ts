import { expect, test } from "vitest";
import type { GeometryRule } from "../../image/geometry.ts";
import { pictureWarnings } from "./picture-warnings.ts";

const photograph: GeometryRule = {
  resize: { kind: "shorter", size: 256 },
  crop: { width: 224, height: 224 },
  interpolation: "bilinear",
};
const exact: GeometryRule = { resize: { kind: "exact", width: 224, height: 224 } };
const pad: GeometryRule = { resize: { kind: "pad", width: 224, height: 224 } };

function codes(width: number, height: number, rule: GeometryRule): string[] {
  return pictureWarnings({ width, height }, rule).map(({ code }) => code);
}

test.each([
  [500, 375, photograph],
  [375, 500, photograph],
  [1920, 1080, photograph],
  [32, 32, photograph],
  [640, 480, exact],
  [500, 200, exact],
  [500, 200, pad],
  [224, 224, { resize: { kind: "none" } }],
] as const)("nothing is said of %i x %i as usual networks see it", (width, height, rule) => {
  expect(codes(width, height, rule)).toEqual([]);
});

test("of a panorama the share that is seen is said, however it lies, and what shows all of it", () => {
  // 256 high, 2560 wide: 224 x 224 of 256 x 2560 pixels.
  const [warning, ...others] = pictureWarnings({ width: 5000, height: 500 }, photograph);
  expect(others).toEqual([]);
  expect(warning).toEqual({
    code: "mostly-cropped",
    message:
      "only its middle, 8 % of it, is seen (shorter side 256, crop 224x224, bilinear). --resize pad shows all of it in a frame, --resize exact distorted.",
  });
  expect(pictureWarnings({ width: 500, height: 5000 }, photograph)).toEqual([warning]);
  expect(pictureWarnings({ width: 100_000, height: 300 }, photograph)[0].message).toMatch(
    /^only its middle, less than 1 %/,
  );
});

test("a share of a third is the limit", () => {
  const square: GeometryRule = { resize: { kind: "shorter", size: 100 }, crop: { width: 100, height: 100 } };
  expect(codes(299, 100, square)).toEqual([]);
  expect(codes(301, 100, square)).toEqual(["mostly-cropped"]);
});

test("a panorama that is seen whole is squeezed, or a strip in a frame", () => {
  expect(pictureWarnings({ width: 5000, height: 500 }, exact)).toEqual([
    {
      code: "distorted",
      message:
        "it is seen 10 times narrower than it is (exact 224x224, bicubic). --resize pad keeps its shape, in a frame.",
    },
  ]);
  expect(pictureWarnings({ width: 500, height: 5000 }, exact)[0].message).toMatch(/10 times flatter than it is/);
  const [strip, ...others] = pictureWarnings({ width: 5000, height: 500 }, pad);
  expect(others).toEqual([]);
  expect(strip).toMatchObject({
    code: "mostly-frame",
    message: expect.stringMatching(/^it fills 10 % of what the network sees/),
  });
});

test("a picture of a few pixels is a blur", () => {
  expect(pictureWarnings({ width: 20, height: 15 }, photograph)).toEqual([
    {
      code: "enlarged",
      message:
        "its 20x15 pixels are enlarged 17 times (shorter side 256, crop 224x224, bilinear): the network sees a blur, and maps are finer than the picture.",
    },
  ]);
  expect(codes(1, 1, photograph)).toEqual(["enlarged"]);
  expect(codes(400, 1, photograph)).toEqual(["mostly-cropped", "enlarged"]);
});

test("a picture that is a network's input already is seen as it is", () => {
  expect(pictureWarnings({ width: 224, height: 224, isNetworkInput: true }, photograph)).toEqual([]);
});
