import sharp from "sharp";
import { expect, test } from "vitest";
import { type Box, fitGeometry, type GeometryRule } from "../../image/geometry.ts";
import type { Picture } from "../../image/picture.ts";
import { defaultLocalizationRule, localizeMap } from "../../localization/localize-map.ts";
import { decodeImage } from "../../node/pictures/read-image.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { boxColors } from "../style/box-colors.ts";
import { overlayOf } from "./overlay.ts";

const sharpRule = { ...defaultLocalizationRule, sigmaPixels: 0 };
const gray = (width: number, height: number): Picture => ({
  width,
  height,
  channels: 3,
  data: new Uint8Array(3 * width * height).fill(100),
});

/** A map that is 1 at one pixel and 0 elsewhere. */
function dot(size: number, x: number, y: number) {
  const data = new Float32Array(size * size);
  data[y * size + x] = 1;
  return localizeMap(floatTensor(data, [size, size]), sharpRule);
}

const at = ({ width, data }: Picture, x: number, y: number): number[] => [
  ...data.subarray(3 * (y * width + x), 3 * (y * width + x) + 3),
];

/** The pixels whose color differs most from their gray: where the map is. */
function warmest(picture: Picture): { x: number; y: number } {
  let [best, found] = [-1, 0];
  for (let i = 0; i < picture.width * picture.height; i++) {
    const [red, , blue] = picture.data.subarray(3 * i, 3 * i + 3);
    if (red - blue > best) [best, found] = [red - blue, i];
  }
  return { x: found % picture.width, y: Math.floor(found / picture.width) };
}

const cropped: GeometryRule = { resize: { kind: "shorter", size: 256 }, crop: { width: 224, height: 224 } };

test.each<{ name: string; width: number; height: number; rule: GeometryRule; size: number; map: [number, number] }>([
  { name: "a wide picture, cropped", width: 800, height: 600, rule: cropped, size: 224, map: [40, 180] },
  { name: "a tall picture, cropped", width: 500, height: 900, rule: cropped, size: 224, map: [200, 10] },
  {
    name: "a wide picture, squeezed",
    width: 640,
    height: 480,
    rule: { resize: { kind: "exact", width: 64, height: 64 } },
    size: 64,
    map: [10, 50],
  },
  {
    name: "a wide picture, padded",
    width: 600,
    height: 500,
    rule: { resize: { kind: "pad", width: 100, height: 100 } },
    size: 100,
    map: [70, 30],
  },
  { name: "a large picture", width: 4000, height: 3000, rule: cropped, size: 224, map: [120, 100] },
])("$name: a pixel of the map lands where the network saw it", ({ width, height, rule, size, map: [x, y] }) => {
  const geometry = fitGeometry(rule, width, height);
  const picture = overlayOf({ picture: gray(width, height), geometry, localized: dot(size, x, y) });
  expect(Math.max(picture.width, picture.height)).toBe(Math.min(1600, Math.max(width, height)));
  expect(picture.width / picture.height).toBeCloseTo(width / height, 2);
  const scale = picture.width / width;
  const [x0, y0, x1, y1] = geometry.toPicture([x, y, x + 1, y + 1]).map((edge) => edge * scale);
  const found = warmest(picture);
  // The brightest pixel is one under the center of the map's pixel; where that is several pixels large, some are equally bright.
  expect(Math.abs(found.x + 0.5 - (x0 + x1) / 2)).toBeLessThanOrEqual(Math.max(1, 0.2 * (x1 - x0)));
  expect(Math.abs(found.y + 0.5 - (y0 + y1) / 2)).toBeLessThanOrEqual(Math.max(1, 0.2 * (y1 - y0)));
  // Two pixels of the map away there is nothing of it: the picture as it was.
  const away = Math.round((x0 + x1) / 2 - 2 * (x1 - x0));
  expect(at(picture, away, found.y)).toEqual([100, 100, 100]);
});

test("what the network does not see is dark, and the crop is outlined; without a crop there is no line", () => {
  const geometry = fitGeometry(cropped, 800, 600);
  const picture = overlayOf({ picture: gray(800, 600), geometry, localized: dot(224, 112, 112) });
  const [x0, y0, x1, y1] = geometry.toPicture([0, 0, 224, 224]).map(Math.round);
  expect(at(picture, 5, 300)).toEqual([45, 45, 45]);
  expect(at(picture, 795, 300)).toEqual([45, 45, 45]);
  expect(at(picture, 300, y0 - 6)).toEqual([45, 45, 45]);
  for (const [x, y] of [
    [x0, 300],
    [x1 - 1, 300],
    [400, y0],
    [400, y1 - 1],
  ])
    expect(at(picture, x, y)).toEqual([255, 255, 255]);
  expect(at(picture, x0 + 20, 300)).toEqual([100, 100, 100]);
  const whole = fitGeometry({ resize: { kind: "exact", width: 64, height: 64 } }, 800, 600);
  const uncut = overlayOf({ picture: gray(800, 600), geometry: whole, localized: dot(64, 32, 32) });
  expect(at(uncut, 0, 300)).toEqual([100, 100, 100]);
  expect(at(uncut, 799, 599)).toEqual([100, 100, 100]);
});

test("boxes lie where they are in the picture, also of pictures that are shown larger or smaller", () => {
  const box: Box = [20, 10, 50, 30];
  for (const [width, height, factor] of [
    [100, 60, 5],
    [3200, 1000, 0.5],
    [600, 500, 1],
  ]) {
    const geometry = fitGeometry({ resize: { kind: "exact", width: 32, height: 32 } }, width, height);
    const placed: Box = width === 100 ? box : [200, 100, 400, 300];
    const picture = overlayOf({ picture: gray(width, height), geometry, localized: dot(32, 31, 31), box: placed });
    expect(picture.width).toBe(width * factor);
    const [x0, y0, x1, y1] = placed.map((edge) => edge * factor);
    for (const [x, y] of [
      [x0, (y0 + y1) / 2],
      [x1 - 1, (y0 + y1) / 2],
      [(x0 + x1) / 2, y0],
      [(x0 + x1) / 2, y1 - 1],
    ])
      expect(at(picture, x, y)).toEqual([...boxColors.found]);
    expect(at(picture, (x0 + x1) / 2, (y0 + y1) / 2)).toEqual([100, 100, 100]);
  }
});

test("the true box is dashed: some of its line is the picture", () => {
  const geometry = fitGeometry({ resize: { kind: "exact", width: 32, height: 32 } }, 600, 500);
  const groundTruth: Box = [100, 100, 500, 400];
  const picture = overlayOf({ picture: gray(600, 500), geometry, localized: dot(32, 31, 31), groundTruth });
  const line = Array.from({ length: 380 }, (_, i) => at(picture, 110 + i, 100).join());
  expect(new Set(line)).toEqual(new Set([boxColors.groundTruth.join(), "100,100,100"]));
});

test("a photograph that is stored on its side: the map is put on the picture as people see it", async () => {
  // 60 × 40 on disk with a bright left edge, to be turned by 90°: 40 × 60, bright at the top.
  const bytes = new Uint8Array(3 * 60 * 40).fill(20);
  for (let row = 0; row < 40; row++) bytes.fill(220, row * 180, row * 180 + 3 * 10);
  const turned = await sharp(bytes, { raw: { width: 60, height: 40, channels: 3 } })
    .withMetadata({ orientation: 6 })
    .png()
    .toBuffer();
  const picture = await decodeImage(turned, "turned.png");
  expect([picture.width, picture.height]).toEqual([40, 60]);
  const geometry = fitGeometry({ resize: { kind: "exact", width: 20, height: 20 } }, 40, 60);
  const overlay = overlayOf({ picture, geometry, localized: dot(20, 10, 2) });
  const factor = overlay.width / 40;
  expect(overlay.height).toBe(60 * factor);
  expect(at(overlay, 2, 2 * factor)[0]).toBeGreaterThan(200);
  expect(at(overlay, 2, 50 * factor)[0]).toBeLessThan(40);
  const found = warmest(overlay);
  expect(found.x / factor).toBeCloseTo(21, 0);
  // Row 2 of 20 is at 7.5 of 60.
  expect(Math.abs(found.y / factor - 7.5)).toBeLessThan(1);
});

test("gray pictures and those of many bands become red, green and blue", () => {
  const geometry = fitGeometry({ resize: { kind: "exact", width: 8, height: 8 } }, 480, 480);
  const localized = localizeMap(floatTensor(new Float32Array(64), [8, 8]), sharpRule);
  const of = (channels: number, pixel: readonly number[]) => {
    const data = Uint8Array.from({ length: 480 * 480 * channels }, (_, i) => pixel[i % channels]);
    return at(overlayOf({ picture: { width: 480, height: 480, channels, data }, geometry, localized }), 7, 7);
  };
  expect(of(1, [9])).toEqual([9, 9, 9]);
  expect(of(2, [9, 255])).toEqual([9, 9, 9]);
  expect(of(5, [1, 2, 3, 4, 5])).toEqual([1, 2, 3]);
  const tensor = floatTensor(new Float32Array(480 * 480).fill(0.2), [1, 480, 480]);
  expect(at(overlayOf({ picture: tensor, geometry, localized }), 0, 0)).toEqual([51, 51, 51]);
});
