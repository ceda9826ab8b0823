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

describe("a drawing in its transparency alone is laid on white if it is dark, and on black if it is light", () => {
  const size = { width: 4, height: 3 };
  const alpha = Uint8Array.from({ length: 12 }, (_, i) => (i < 2 ? 0 : 23 * i));
  /** Pixels of one color, but where alpha is 0, with these alphas behind it. */
  const drawing = (color: number, channels: 2 | 4): Uint8Array =>
    Uint8Array.from({ length: 12 * channels }, (_, i) => {
      const pixel = Math.floor(i / channels);
      return i % channels === channels - 1 ? alpha[pixel] : alpha[pixel] === 0 ? 80 + 50 * pixel : color;
    });
  const rgba = (color: number) => sharp(drawing(color, 4), { raw: { ...size, channels: 4 } });
  const grays = (color: number) => sharp(drawing(color, 2), { raw: { ...size, channels: 2 } }).toColourspace("b-w");
  const wide = (color: number) => Uint16Array.from(drawing(color, 4), (value) => 257 * value);
  const wideGray = (color: number) => Uint16Array.from(drawing(color, 2), (value) => 257 * value);
  const pam = (color: number, channels: 2 | 4): Buffer => {
    const header = `P7\nWIDTH 4\nHEIGHT 3\nDEPTH ${channels}\nMAXVAL 255\nENDHDR\n`;
    return Buffer.concat([Buffer.from(header), drawing(color, channels)]);
  };
  const files: Readonly<Record<string, (color: number) => Promise<Buffer> | Buffer>> = {
    PNG: (color) => rgba(color).png().toBuffer(),
    "PNG of gray and alpha": (color) => grays(color).png().toBuffer(),
    "PNG of a palette": (color) => rgba(color).png({ palette: true, dither: 0 }).toBuffer(),
    "PNG of 16 bits": (color) =>
      sharp(wide(color), { raw: { ...size, channels: 4 } })
        .toColourspace("rgb16")
        .png()
        .toBuffer(),
    "PNG of 16 bits of gray and alpha": (color) =>
      sharp(wideGray(color), { raw: { ...size, channels: 2 } })
        .toColourspace("grey16")
        .png()
        .toBuffer(),
    WebP: (color) => rgba(color).webp({ lossless: true, exact: true }).toBuffer(),
    TIFF: (color) => rgba(color).tiff({ compression: "lzw" }).toBuffer(),
    "TIFF of 16 bits": (color) =>
      sharp(wide(color), { raw: { ...size, channels: 4 } })
        .toColourspace("rgb16")
        .tiff({ compression: "none" })
        .toBuffer(),
    AVIF: (color) => rgba(color).avif({ lossless: true, chromaSubsampling: "4:4:4" }).toBuffer(),
    PAM: (color) => pam(color, 4),
    "PAM of gray and alpha": (color) => pam(color, 2),
  };
  const read = async (bytes: Uint8Array, options: object = {}) => {
    const notes: string[] = [];
    const picture = await decodeImage(bytes, "x", {
      ...options,
      onNote: (note, code) => notes.push(`${code} ${note}`),
    });
    return { picture, notes };
  };
  const advice = "For another ground, save it with that ground, without transparency.";

  test.each(Object.keys(files))("%s", async (name) => {
    const dark = await read(await files[name](0));
    const onWhite = Uint8Array.from({ length: 36 }, (_, i) => 255 - alpha[Math.floor(i / 3)]);
    expect(dark).toEqual({
      picture: { ...size, channels: 3, data: onWhite },
      notes: [
        `transparency x: all that shows of it has one dark color, so the drawing is in its transparency: it is laid on white. ${advice}`,
      ],
    });
    const light = await read(await files[name](255));
    const onBlack = Uint8Array.from({ length: 36 }, (_, i) => alpha[Math.floor(i / 3)]);
    expect(light).toEqual({
      picture: { ...size, channels: 3, data: onBlack },
      notes: [
        `transparency x: all that shows of it has one light color, so the drawing is in its transparency: it is laid on black. ${advice}`,
      ],
    });
  });

  test("GIF, whose alpha is all or nothing", async () => {
    const hard = drawing(0, 4).map((value, i) => (i % 4 === 3 && value > 0 ? 255 : value));
    const { picture, notes } = await read(
      await sharp(hard, { raw: { ...size, channels: 4 } })
        .gif()
        .toBuffer(),
    );
    expect([...picture.data]).toEqual(Array.from({ length: 36 }, (_, i) => (i < 6 ? 255 : 0)));
    expect(notes).toEqual([expect.stringContaining("laid on white")]);
  });

  test("samples of 12 bits of 16 are laid on the white of 12 bits", async () => {
    const twelve = Uint16Array.from(drawing(0, 4), (value, i) => (i % 4 === 3 ? 16 * value : 0));
    const png = await sharp(twelve, { raw: { ...size, channels: 4 } })
      .toColourspace("rgb16")
      .png()
      .toBuffer();
    for (const options of [{}, { bitDepth: 12 }]) {
      const { data } = (await read(png, options)).picture;
      expect([...data.filter((_, i) => i % 3 === 0)]).toEqual(Array.from(alpha, (value) => (4095 - 16 * value) >> 4));
    }
  });

  test("networks of gray or color and alpha are given what is stored", async () => {
    const { picture, notes } = await read(await files.PNG(0), { channels: "stored" });
    expect([picture.channels, picture.data, notes]).toEqual([4, drawing(0, 4), []]);
  });
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
