import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { BadInputError, MisuseError } from "../../errors.ts";
import { type Picture, pictureToTensor } from "../../image/picture.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { decodeImage, readImageFile } from "./read-image.ts";
import { encodePng, writePng } from "./write-image.ts";

const folder = mkdtempSync(join(tmpdir(), "write-image-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Bits per channel and color type (0 gray, 2 RGB) in the header of a PNG file. */
function headerOf(png: Uint8Array): { bits: number; colorType: number } {
  return { bits: png[24], colorType: png[25] };
}

test("every byte survives, in color and in gray", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom<1 | 3>(1, 3),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 9 }),
      fc.infiniteStream(fc.nat(255)),
      async (channels, width, height, bytes) => {
        const data = Uint8Array.from({ length: channels * width * height }, () => bytes.next().value);
        const picture: Picture = { width, height, channels, data };
        const png = await encodePng(picture);
        expect(headerOf(png)).toEqual({ bits: 8, colorType: channels === 1 ? 0 : 2 });
        const expected =
          channels === 3 ? data : Uint8Array.from({ length: 3 * data.length }, (_, i) => data[Math.floor(i / 3)]);
        expect(await decodeImage(png, "png")).toEqual({ width, height, channels: 3, data: expected });
        expect(await encodePng(pictureToTensor(picture))).toEqual(png);
      },
    ),
    { numRuns: 50 },
  );
});

test("a gray ramp is not brightened", async () => {
  const ramp = Float32Array.from({ length: 256 }, (_, k) => k / 255);
  const { data } = await decodeImage(await encodePng(floatTensor(ramp, [16, 16])), "ramp");
  expect([...data.filter((_, i) => i % 3 === 0)]).toEqual(Array.from({ length: 256 }, (_, k) => k));
});

test("tensors are clipped and rounded", async () => {
  const png = await encodePng(floatTensor([-1, 0.5, 2, 0.25, 0, 1], [3, 1, 2]));
  expect([...(await decodeImage(png, "png")).data]).toEqual([0, 255, 0, 128, 64, 255]);
});

test("a file is written whole, over an old one too, and nothing lies beside it", async () => {
  const path = join(folder, "deep/er/map.png");
  for (const value of [0, 1]) {
    await writePng(path, floatTensor([value], [1, 1]));
    expect((await readImageFile(path)).data[0]).toBe(255 * value);
  }
  expect(readdirSync(join(folder, "deep/er"))).toEqual(["map.png"]);
  expect(new Uint8Array(readFileSync(path))).toEqual(new Uint8Array(await encodePng(floatTensor([1], [1, 1]))));
});

test("what is no picture is refused before anything is written", async () => {
  const path = join(folder, "never.png");
  await expect(writePng(path, floatTensor([Number.NaN], [1, 1]))).rejects.toThrow(BadInputError);
  await expect(writePng(path, floatTensor([1, 1, 1, 1, 1], [5, 1, 1]))).rejects.toThrow(MisuseError);
  await expect(writePng(path, { width: 2, height: 2, channels: 3, data: new Uint8Array(3) })).rejects.toThrow(
    /3 bytes/,
  );
  expect(readdirSync(folder)).not.toContain("never.png");
});
