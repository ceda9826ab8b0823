import { expect, test } from "vitest";
import { MisuseError } from "../errors.ts";
import { bundledScenes, renderScene, type SceneOptions, scenes, scenesClasses, scenesSeeds } from "./scenes.ts";

const seed = 11;
const rendered = Array.from({ length: 100 }, (_, index) => renderScene({ seed, index }));

function areaOf(mask: Uint8Array): number {
  return mask.reduce((sum, value) => sum + value, 0);
}

test("there are ten classes, and each ten scenes have one of each, in an order that changes", () => {
  expect(scenesClasses).toHaveLength(10);
  const blocks = Array.from({ length: 10 }, (_, i) => rendered.slice(10 * i, 10 * i + 10).map(({ label }) => label));
  for (const block of blocks) expect([...block].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(new Set(blocks.map(String)).size).toBe(10);
  for (const { label, className } of rendered) expect(className).toBe(scenesClasses[label]);
});

test("pixels are finite, in [0, 1], colored, neither black nor burnt out", () => {
  for (const { image } of rendered) {
    expect(image.shape).toEqual([3, 96, 96]);
    const { data } = image;
    expect(data.every((value) => value >= 0 && value <= 1)).toBe(true);
    const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
    const spread = Math.sqrt(data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length);
    expect(mean).toBeGreaterThan(0.15);
    expect(mean).toBeLessThan(0.85);
    expect(spread).toBeGreaterThan(0.03);
  }
});

test("the object covers 7 to 46 % of every picture, and the box is the tightest around the mask, inside the picture", () => {
  const areas = rendered.map(({ mask }) => areaOf(mask) / mask.length);
  expect(Math.min(...areas)).toBeGreaterThan(0.07);
  expect(Math.max(...areas)).toBeLessThan(0.46);
  // Both small and large ones occur.
  expect(Math.min(...areas)).toBeLessThan(0.13);
  expect(Math.max(...areas)).toBeGreaterThan(0.3);
  for (const { mask, box } of rendered) {
    const [x0, y0, x1, y1] = box;
    expect(x0 >= 0 && y0 >= 0 && x1 <= 96 && y1 <= 96).toBe(true);
    const inside = (left: number, top: number, right: number, bottom: number) => {
      let count = 0;
      for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) count += mask[y * 96 + x];
      return count;
    };
    expect(inside(x0, y0, x1, y1)).toBe(areaOf(mask));
    expect(inside(x0, y0, x0 + 1, y1)).toBeGreaterThan(0);
    expect(inside(x1 - 1, y0, x1, y1)).toBeGreaterThan(0);
    expect(inside(x0, y0, x1, y0 + 1)).toBeGreaterThan(0);
    expect(inside(x0, y1 - 1, x1, y1)).toBeGreaterThan(0);
  }
});

test("objects lie in all parts of the picture", () => {
  const centers = rendered.map(({ box }) => [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2]);
  for (const axis of [0, 1]) {
    expect(Math.min(...centers.map((center) => center[axis]))).toBeLessThan(34);
    expect(Math.max(...centers.map((center) => center[axis]))).toBeGreaterThan(62);
  }
});

test("the same options give the same scene; seed, index, label and size change it", () => {
  const options = { seed, index: 17 };
  const again = renderScene(options);
  expect(again).toEqual(rendered[17]);
  const { label } = again;
  const others: SceneOptions[] = [
    { seed: seed + 1, index: 17 },
    { seed, index: 27, label },
    { ...options, label: (label + 1) % 10 },
  ];
  for (const other of others) expect(renderScene(other).image.data).not.toEqual(again.image.data);
});

test("the mask at another size is the same outline", () => {
  const size = 192;
  for (const index of [0, 1, 2, 3]) {
    const { mask: fine, box } = renderScene({ seed, index, size });
    const { mask: coarse, box: coarseBox } = rendered[index];
    let [both, either] = [0, 0];
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        const [a, b] = [fine[y * size + x], coarse[(y >> 1) * 96 + (x >> 1)]];
        both += a & b;
        either += a | b;
      }
    }
    expect(both / either).toBeGreaterThan(0.88);
    for (const [side, value] of box.entries()) expect(Math.abs(value - 2 * coarseBox[side])).toBeLessThanOrEqual(4);
  }
});

test("scenes are records for localization, from any start", () => {
  const records = [...scenes({ seed, count: 3, start: 4 })];
  expect(records.map(({ id }) => id)).toEqual(["scene-11-4", "scene-11-5", "scene-11-6"]);
  for (const [i, { image, label, boxes, mask }] of records.entries()) {
    const { image: pixels, ...answer } = rendered[4 + i];
    expect(image).toEqual(pixels);
    expect({ label, boxes, mask }).toEqual({ label: answer.label, boxes: [answer.box], mask: answer.mask });
  }
  expect([...scenes({ seed, count: 0 })]).toEqual([]);
});

test("the bundled pictures are six scenes of six classes, of a seed of their own", () => {
  const pictures = bundledScenes();
  expect(pictures).toHaveLength(6);
  expect(new Set(pictures.map(({ label }) => label)).size).toBe(6);
  expect(pictures[2]).toEqual(renderScene({ seed: scenesSeeds.bundled, index: 2 }));
  expect(new Set(Object.values(scenesSeeds)).size).toBe(3);
});

test("misuse is named", () => {
  expect(() => renderScene({ seed, index: 0, sise: 96 } as never)).toThrow(
    /unknown option "sise".*Did you mean "size"/,
  );
  for (const wrong of [{ seed: -1 }, { index: 0.5 }, { size: 8 }, { label: 10 }]) {
    expect(() => renderScene({ seed, index: 0, ...wrong })).toThrow(MisuseError);
  }
  expect(() => scenes({ seed, count: -1 })).toThrow(MisuseError);
  expect(() => scenes({ seed, count: 1, from: 3 } as never)).toThrow(MisuseError);
  expect(() => bundledScenes(-1)).toThrow(MisuseError);
});
