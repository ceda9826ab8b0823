import sharp from "sharp";
import { expect, test } from "vitest";
import type { Picture } from "../../image/picture.ts";
import { encodeGif } from "./encode-gif.ts";

const plain = (value: number, width = 20, height = 10): Picture => ({
  width,
  height,
  channels: 3,
  data: new Uint8Array(3 * width * height).fill(value),
});

test("frames in order, each as long as it is to be shown, without end", async () => {
  const bytes = await encodeGif([
    { picture: plain(0), milliseconds: 100 },
    { picture: plain(120), milliseconds: 200 },
    { picture: plain(255), milliseconds: 1500 },
  ]);
  const opened = sharp(bytes, { animated: true });
  expect(await opened.metadata()).toMatchObject({
    ...{ format: "gif", width: 20, pageHeight: 10, pages: 3, loop: 0 },
    delay: [100, 200, 1500],
  });
  const { data, info } = await opened.removeAlpha().raw().toBuffer({ resolveWithObject: true });
  expect([info.width, info.height]).toEqual([20, 30]);
  const first = [0, 1, 2].map((n) => data[n * 3 * 200]);
  for (const [n, value] of [0, 120, 255].entries()) expect(Math.abs(first[n] - value)).toBeLessThan(4);
});

test("frames of several sizes and none at all are refused", async () => {
  const frame = (picture: Picture) => ({ picture, milliseconds: 100 });
  await expect(encodeGif([frame(plain(0)), frame(plain(0, 10, 20))])).rejects.toThrow(/frames differ/);
  await expect(encodeGif([])).rejects.toThrow(/no frames/);
});
