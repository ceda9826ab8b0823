import { expect, test } from "vitest";
import { blur } from "../../image/gaussian-blur.ts";
import { localizeMap } from "../../localization/localize-map.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { differenceOf, heatOf, localized, overlayOf, smoothed, spotlightOf } from "./display.ts";

const map = Float32Array.from({ length: 48 }, (_, i) => (i % 8 === 5 ? 1 + i / 50 : (i % 5) / 20));
const gray = { width: 8, height: 6, data: new Uint8ClampedArray(4 * 48).fill(100) };

test("a map points at what localizeMap says, also when a slider moves back", () => {
  const whole = floatTensor(map, [6, 8]);
  for (const sigma of [2, 0, 2, 1]) {
    for (const alpha of [0.3, 0.6]) {
      const rule = { kind: "energy", alpha } as const;
      const expected = localizeMap(whole, { sigmaPixels: sigma, threshold: rule, connectivity: 8 });
      expect(localized(map, 8, 6, sigma, rule)).toEqual(expected);
    }
  }
});

test("a map that was blurred lately is not blurred again, however many are drawn between", () => {
  const maps = Array.from({ length: 40 }, (_, n) => map.map((x) => x + n));
  const first = maps.map((each) => smoothed(each, 8, 6, 1.5));
  expect(maps.map((each) => smoothed(each, 8, 6, 1.5))).toEqual(
    first.map((each) => expect.toSatisfy((x) => x === each)),
  );
  expect(smoothed(maps[0], 8, 6, 0.5)).toEqual(blur(floatTensor(maps[0], [6, 8]), { sigmaPixels: 0.5 }));
});

test("the overlay is the picture where the map is least, and the color map's end where it is greatest", () => {
  const heat = floatTensor(
    Float32Array.from({ length: 48 }, (_, i) => i),
    [6, 8],
  );
  const { data } = overlayOf(gray, heat, 1);
  expect([...data.subarray(0, 4)]).toEqual([100, 100, 100, 255]);
  const { data: colors } = heatOf(heat);
  expect([...data.subarray(4 * 47)]).toEqual([...colors.subarray(4 * 47)]);
  expect(overlayOf(gray, heat, 0).data.every((value, i) => value === (i % 4 === 3 ? 255 : 100))).toBe(true);
  // A constant map has nothing to show.
  expect(overlayOf(gray, floatTensor(new Float32Array(48).fill(3), [6, 8]), 1).data.slice(0, 3)).toEqual(
    gray.data.slice(0, 3),
  );
});

test("outside of the component the picture is dark, inside as it is", () => {
  const component = Uint8Array.from({ length: 48 }, (_, i) => Number(i < 8));
  const { data } = spotlightOf(gray, component);
  expect([...data.subarray(28, 31)]).toEqual([100, 100, 100]);
  expect([...data.subarray(32, 35)]).toEqual([38, 38, 38]);
});

test("a difference is around gray, as many times as large as asked for", () => {
  const after = { ...gray, data: gray.data.map((value, i) => (i === 1 ? value + 3 : value)) };
  const { data } = differenceOf(gray, after, 10);
  expect([...data.subarray(0, 4)]).toEqual([128, 158, 128, 255]);
});
