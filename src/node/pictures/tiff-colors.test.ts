import sharp from "sharp";
import { expect, test } from "vitest";
import { decodeImage } from "./read-image.ts";

const colors = { create: { width: 4, height: 3, channels: 3, background: "#c04020" } } as const;

/** A TIFF as sharp writes it, with another number for what its samples mean. */
async function tiff(photometric: number, options: Parameters<ReturnType<typeof sharp>["tiff"]>[0]): Promise<Buffer> {
  const bytes = await sharp(colors).tiff(options).toBuffer();
  const isLittle = bytes[0] === 0x49;
  const read = (at: number): number => (isLittle ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at));
  const isBig = read(2) === 43;
  const start = isBig
    ? Number(isLittle ? bytes.readBigUInt64LE(8) : bytes.readBigUInt64BE(8))
    : isLittle
      ? bytes.readUInt32LE(4)
      : bytes.readUInt32BE(4);
  const [first, size, value] = isBig ? [start + 8, 20, 12] : [start + 2, 12, 8];
  for (let at = first; at + size < bytes.length; at += size) {
    if (read(at) !== 262) continue;
    if (isLittle) bytes.writeUInt16LE(photometric, at + value);
    else bytes.writeUInt16BE(photometric, at + value);
    return bytes;
  }
  throw new Error("there is no photometric interpretation");
}

test.each([[false], [true]])("colors of a TIFF that nothing converts are refused, BigTIFF %j", async (bigtiff) => {
  const plain = { compression: "none", bigtiff } as const;
  expect((await decodeImage(await tiff(2, plain), "a.tif")).data.slice(0, 3)).toEqual(Uint8Array.of(192, 64, 32));
  await expect(decodeImage(await tiff(6, plain), "a.tif")).rejects.toThrow(
    "a.tif: the samples of this TIFF are not red, green and blue, expected RGB, gray, a palette, CMYK, or JPEG in TIFF, got YCbCr.",
  );
  await expect(decodeImage(await tiff(8, plain), "a.tif")).rejects.toThrow("got CIE L*a*b*");
});

test("JPEG in TIFF, whose decoder converts, is read", async () => {
  const bytes = await sharp(colors).tiff({ compression: "jpeg", quality: 95 }).toBuffer();
  const [red, green, blue] = (await decodeImage(bytes, "a.tif")).data;
  expect(Math.abs(red - 192) + Math.abs(green - 64) + Math.abs(blue - 32)).toBeLessThan(9);
});
