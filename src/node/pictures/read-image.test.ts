import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { chmod } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import sharp from "sharp";
import { afterAll, describe, expect, test } from "vitest";
import { BadInputError, UnsupportedError } from "../../errors.ts";
import { decodeImage, readImageFile } from "./read-image.ts";

const fixture: {
  pillow: string;
  cases: { name: string; width: number; height: number; encoded: string; pixels: string }[];
} = JSON.parse(readFileSync(join(import.meta.dirname, "fixtures/pictures.json"), "utf8"));

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(Buffer.from(base64, "base64"));
}

function encodedOf(name: string): Uint8Array {
  return bytesOf(fixture.cases.find((one) => one.name === name)?.encoded ?? "");
}

const folder = mkdtempSync(join(tmpdir(), "read-image-"));
afterAll(() => rmSync(folder, { recursive: true }));

function fileOf(name: string, contents: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, contents);
  return path;
}

describe(`decodes what Pillow ${fixture.pillow} decodes`, () => {
  for (const { name, width, height, encoded, pixels } of fixture.cases) {
    test(name, async () => {
      const picture = await readImageFile(fileOf("picture", bytesOf(encoded)));
      expect(picture).toEqual({ width, height, channels: 3, data: bytesOf(pixels) });
    });
  }
});

test("16-bit samples lose their lower byte", async () => {
  const samples = Uint16Array.of(0, 255, 256, 0x1234, 0xfeff, 0xffff);
  const gray = sharp(samples, { raw: { width: 6, height: 1, channels: 1 } }).toColourspace("grey16");
  const picture = await decodeImage(await gray.png().toBuffer(), "gray");
  const expected = [0, 0, 1, 0x12, 0xfe, 0xff];
  expect([...picture.data]).toEqual(expected.flatMap((v) => [v, v, v]));
  const color = sharp(samples, { raw: { width: 2, height: 1, channels: 3 } }).toColourspace("rgb16");
  const png = await color.png().toBuffer();
  expect(png[24]).toBe(16);
  expect([...(await decodeImage(png, "color")).data]).toEqual(expected);
});

test("of several frames the first is taken", async () => {
  const pixels = Uint8Array.of(255, 0, 0, 0, 0, 255);
  const gif = await sharp(pixels, { raw: { width: 1, height: 2, channels: 3, pageHeight: 1 } })
    .gif()
    .toBuffer();
  expect((await sharp(gif).metadata()).pages).toBe(2);
  expect(await decodeImage(gif, "animation")).toEqual({ width: 1, height: 1, channels: 3, data: pixels.slice(0, 3) });
});

test("the orientation tag can be ignored", async () => {
  const stored = await decodeImage(encodedOf("EXIF orientation 6"), "rotated", { orientation: "ignore" });
  expect(stored).toEqual(await decodeImage(encodedOf("EXIF orientation 1"), "upright"));
  expect(stored.width).toBeGreaterThan(stored.height);
});

test("AVIF is read", async () => {
  const avif = await sharp(encodedOf("PNG")).avif({ lossless: true, chromaSubsampling: "4:4:4" }).toBuffer();
  const [picture, original] = [await decodeImage(avif, "avif"), await decodeImage(encodedOf("PNG"), "png")];
  const differences = picture.data.map((v, i) => Math.abs(v - original.data[i]));
  expect(Math.max(...differences)).toBeLessThanOrEqual(3);
});

async function complaintOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => expect.unreachable(),
    (thrown) => thrown,
  );
  expect(error).toBeInstanceOf(BadInputError);
  expect(error.message).not.toContain("\n");
  return error.message;
}

test("what is not a file is refused", async () => {
  expect(await complaintOf(readImageFile(folder))).toMatch(/: is a folder, expected a picture \(JPEG, PNG/);
  const missing = join(folder, "missing.png");
  expect(await complaintOf(readImageFile(missing))).toBe(
    `${missing}: no such file, expected a picture (JPEG, PNG, WebP, GIF, TIFF, AVIF, BMP, PPM or PGM).`,
  );
  const inside = join(fileOf("file.png", "x"), "inside.png");
  expect(await complaintOf(readImageFile(inside))).toContain("no such file");
  if (existsSync("/dev/zero")) expect(await complaintOf(readImageFile("/dev/zero"))).toContain("is a device");
});

test.skipIf(process.getuid?.() === 0 || process.platform === "win32")("an unreadable file is refused", async () => {
  const path = fileOf("secret.png", encodedOf("PNG"));
  await chmod(path, 0o000);
  expect(await complaintOf(readImageFile(path))).toContain("no permission to read");
});

test("what is not a picture is refused", async () => {
  expect(await complaintOf(readImageFile(fileOf("empty.jpg", "")))).toMatch(/empty.jpg: is empty, expected a picture/);
  expect(await complaintOf(readImageFile(fileOf("text.jpg", "hello\n")))).toMatch(/text.jpg: is not a picture/);
  expect(await complaintOf(readImageFile(fileOf("code.py", "print('<svg/>')")))).toMatch(/code.py: is not a picture/);
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="5" height="5"/>';
  expect(await complaintOf(readImageFile(fileOf("drawing.svg", svg)))).toMatch(/unreadable format.*got SVG/);
});

test("a picture cut short anywhere is refused, never half-read", async () => {
  for (const name of ["JPEG", "progressive JPEG", "PNG", "WebP", "lossless WebP", "GIF", "TIFF"]) {
    const whole = encodedOf(name);
    for (const share of [0.1, 0.5, 0.9]) {
      const cut = whole.slice(0, Math.floor(whole.length * share));
      expect(await complaintOf(decodeImage(cut, "cut"))).toMatch(/^cut: (cannot be decoded|is not a picture)/);
    }
  }
});

test("damaged pictures give a picture or a plain error", async () => {
  const names = ["JPEG", "CMYK JPEG", "PNG", "palette PNG", "WebP", "GIF", "TIFF"];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...names),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 }),
      async (name, changes) => {
        const bytes = encodedOf(name);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        try {
          const { width, height, channels, data } = await decodeImage(bytes, "damaged");
          expect(data.length).toBe(width * height * channels);
        } catch (error) {
          const isPlain = error instanceof BadInputError || error instanceof UnsupportedError;
          expect(isPlain, String(error)).toBe(true);
          expect((error as Error).message).toMatch(/^damaged: [^\n]*$/);
        }
      },
    ),
    { numRuns: 200 },
  );
});

test("a picture of too many pixels is refused before it is decoded", async () => {
  const bomb = encodedOf("PNG");
  const header = new DataView(bomb.buffer);
  header.setUint32(16, 60_000);
  header.setUint32(20, 60_000);
  expect(await complaintOf(decodeImage(bomb, "bomb"))).toMatch(
    /too many pixels, expected at most 67108864 \(--max-pixels, the option `maxPixels`\), got 60000 × 60000/,
  );
});

test("numbers with a point must be pixels", async () => {
  // A 4 × 4 TIFF of float32 zeros, written by Pillow 9.4.
  const tiff = bytesOf(
    "SUkqAAgAAAAKAAABBAABAAAABAAAAAEBBAABAAAABAAAAAIBAwABAAAAIAAAAAMBAwABAAAAAQAAAAYBAwABAAAAAQAAABEBBAABAAAAhgAAABYBBAABAAAABAAAABcBBAABAAAAQAAAABwBAwABAAAAAQAAAFMBAwABAAAAAwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
  );
  expect((await decodeImage(tiff, "float.tif")).data).toEqual(new Uint8Array(48));
  const half = tiff.slice();
  // The strip begins at byte 134.
  half.set(new Uint8Array(Float32Array.of(0.5, 2).buffer), 134);
  await expect(decodeImage(half, "float.tif")).rejects.toThrow(
    "float.tif: its numbers are no pixels, expected numbers in [0, 1], got numbers from 0 to 2",
  );
});

const photographs = join(process.env.PERCEPTUAL_BALL_DATA ?? "../shared/data", "imagenet/images");
test.skipIf(!existsSync(photographs))(`photographs decode as in Pillow (needs ${photographs})`, async () => {
  const expected: { sha256: Record<string, string> } = JSON.parse(
    readFileSync(join(import.meta.dirname, "fixtures/photographs.json"), "utf8"),
  );
  const hashes: Record<string, string> = {};
  for (const name of readdirSync(photographs)) {
    const { data } = await readImageFile(join(photographs, name));
    hashes[name] = createHash("sha256").update(data).digest("hex");
  }
  expect(hashes).toEqual(expected.sha256);
});

test("what of a picture is not looked at is said", async () => {
  const notesOf = async (bytes: Uint8Array, options: object = {}): Promise<string[]> => {
    const codes: string[] = [];
    const onNote = (note: string, code: string): void => {
      expect(note).toMatch(/^dir\/x: .*\.$/);
      codes.push(code);
    };
    await decodeImage(bytes, "dir/x", { ...options, onNote });
    return codes;
  };
  const raw = { width: 2, height: 2 };
  const colors = Uint8Array.from({ length: 16 }, (_, i) => (i % 4 === 3 ? 255 : 16 * i));
  const opaque = sharp(colors, { raw: { ...raw, channels: 4 } });
  expect(await notesOf(await opaque.png().toBuffer())).toEqual([]);
  const transparent = await sharp(colors.with(3, 0), { raw: { ...raw, channels: 4 } })
    .png()
    .toBuffer();
  expect(await notesOf(transparent)).toEqual(["transparency"]);
  expect(await notesOf(transparent, { channels: "stored" })).toEqual([]);
  const turned = await sharp(colors, { raw: { ...raw, channels: 4 } })
    .removeAlpha()
    .jpeg()
    .withMetadata({ orientation: 6 })
    .toBuffer();
  expect(await notesOf(turned)).toEqual([]);
  expect(await notesOf(turned, { orientation: "ignore" })).toEqual(["not-turned"]);
  const frames = await sharp(Buffer.from([0, 0, 0, 255, 255, 255]), {
    raw: { width: 1, height: 2, channels: 3, pageHeight: 1 },
  })
    .gif({ delay: [100, 100] })
    .toBuffer();
  expect(await notesOf(frames)).toEqual(["first-frame"]);
  // An animated PNG says its frames in a chunk behind the header, which decoders of still pictures pass over.
  const still = await sharp(Buffer.from([9, 9, 9]), { raw: { width: 1, height: 1, channels: 3 } })
    .png()
    .toBuffer();
  const chunk = Buffer.alloc(20);
  chunk.writeUInt32BE(8, 0);
  chunk.write("acTL", 4);
  chunk.writeUInt32BE(2, 8);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, 16)), 16);
  expect(await notesOf(Buffer.concat([still.subarray(0, 33), chunk, still.subarray(33)]))).toEqual(["first-frame"]);
  expect(await notesOf(still)).toEqual([]);
});
