import sharp from "sharp";
import { expect, test } from "vitest";
import { rasterize } from "./rasterize.ts";

test("a drawing on white, in pixels of its scale", async () => {
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" width="30" height="20"><rect x="10" y="0" width="20" height="20" fill="#f00"/></svg>';
  for (const [scale, options] of [
    [2, undefined],
    [1, { scale: 1 }],
    [3, { scale: 3 }],
  ] as const) {
    const { data, info } = await sharp(await rasterize(svg, options))
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect([info.width, info.height, info.channels]).toEqual([30 * scale, 20 * scale, 3]);
    const pixel = (x: number): number[] => [...data.subarray(3 * x, 3 * x + 3)];
    expect([pixel(0), pixel(10 * scale - 1), pixel(10 * scale)]).toEqual([
      [255, 255, 255],
      [255, 255, 255],
      [255, 0, 0],
    ]);
  }
});
