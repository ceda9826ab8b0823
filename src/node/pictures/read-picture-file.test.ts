import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, describe, expect, test } from "vitest";
import { casesIn } from "../../../test/cases.ts";
import { maskedBmp } from "../../../test/masked-bmp.ts";
import { fitPicture } from "../../classifier/preprocessing/fit-picture.ts";
import { BadInputError, MisuseError, UnsupportedError } from "../../errors.ts";
import type { GeometryRule } from "../../image/geometry.ts";
import { type Picture, pictureToTensor, tensorToPicture } from "../../image/picture.ts";
import { encodeNpy } from "../../tensor/npy.ts";
import { floatTensor, type Tensor, tensorOf } from "../../tensor/tensor.ts";
import { decodeImage, readImageFile } from "./read-image.ts";
import { type ReadPictureFileOptions, readPictureFile } from "./read-picture-file.ts";
import { encodePng, writePng } from "./write-image.ts";

const folder = mkdtempSync(join(tmpdir(), "read-picture-file-"));
afterAll(() => rmSync(folder, { recursive: true }));

function fileOf(name: string, contents: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, contents);
  return path;
}

/** A picture of 3 × 2 pixels. */
const colors: Picture = {
  width: 3,
  height: 2,
  channels: 3,
  data: Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30, 40, 50, 60, 0, 0, 0),
};

/** A BMP of {@link colors}: rows from below unless said otherwise, each a multiple of four bytes. */
function bmp(bits: 4 | 8 | 24 | 32, { topDown = false, compression = 0 } = {}): Uint8Array {
  const palette = bits <= 8 ? 2 ** bits : 0;
  const start = 54 + 4 * palette;
  const row = Math.ceil((3 * bits) / 32) * 4;
  const bytes = Buffer.alloc(start + 2 * row);
  bytes.write("BM");
  bytes.writeUInt32LE(bytes.length, 2);
  bytes.writeUInt32LE(start, 10);
  bytes.writeUInt32LE(40, 14);
  bytes.writeInt32LE(3, 18);
  bytes.writeInt32LE(topDown ? -2 : 2, 22);
  bytes.writeUInt16LE(1, 26);
  bytes.writeUInt16LE(bits, 28);
  bytes.writeUInt32LE(compression, 30);
  for (let i = 0; i < 6; i++) {
    const [x, y] = [i % 3, Math.floor(i / 3)];
    const [r, g, b] = colors.data.subarray(3 * i, 3 * i + 3);
    const at = start + row * (topDown ? y : 1 - y);
    if (palette > 0) bytes.set([b, g, r, 0], 54 + 4 * i);
    if (bits === 4) bytes[at + (x >> 1)] |= i << (x % 2 === 0 ? 4 : 0);
    else if (bits === 8) bytes[at + x] = i;
    else bytes.set([b, g, r, 99].slice(0, bits / 8), at + (x * bits) / 8);
  }
  return bytes;
}

describe("formats that are not read are refused by their right name", () => {
  const box = (...brands: readonly string[]): Buffer => {
    const header = Buffer.alloc(8 + 4 * brands.length + 4 + 40);
    header.writeUInt32BE(8 + 4 * brands.length + 4, 0);
    header.write("ftyp", 4);
    for (const [i, brand] of [brands[0] ?? "", "", ...brands.slice(1)].entries()) header.write(brand, 8 + 4 * i);
    return header;
  };
  test.each([
    ["HEIC", box("heic", "mif1")],
    ["HEIC", box("mif1", "heic")],
    ["HEIC", box("msf1", "hevc")],
    ["HEIF", box("mif1", "miaf")],
    ["HEIF", box("avci", "mif1")],
    ["DirectDraw Surface", Buffer.from("DDS |and more of it, padded".padEnd(64))],
    ["QOI", Buffer.from("qoif".padEnd(64))],
    ["PFM", Buffer.from("PF\n2 2\n-1.0\n".padEnd(80))],
    ["PostScript", Buffer.from("%!PS-Adobe-3.0 EPSF-3.0\n".padEnd(80))],
    ["a video", box("isom", "mp42")],
    ["a web page", Buffer.from("\n<!DOCTYPE html><html><title>404</title>".padEnd(80))],
    ["a pointer of Git LFS", Buffer.from("version https://git-lfs.github.com/spec/v1\noid sha256:0\n".padEnd(80))],
    ["an archive", Buffer.from([0x50, 0x4b, 3, 4, ...Array(80).fill(0)])],
    ["SGI", Buffer.from([1, 0xda, 1, 1, 0, 3, ...Array(64).fill(0)])],
  ])("%s", async (name, bytes) => {
    await expect(decodeImage(bytes, "x.bin")).rejects.toThrow(`x.bin: is ${name}, which is not read`);
  });

  test("AVIF that is not read is not called damaged alone", async () => {
    for (const bytes of [box("avif", "mif1"), box("avis", "msf1"), box("mif1", "avif")]) {
      await expect(decodeImage(bytes, "x.avif")).rejects.toThrow(
        /AVIF of a kind that is not read, .* Make a PNG of it: avifdec/,
      );
    }
  });
});

describe("BMP", () => {
  test.each([4, 8, 24, 32] as const)("of %i bits", async (bits) => {
    for (const topDown of [false, true]) expect(await decodeImage(bmp(bits, { topDown }), "x.bmp")).toEqual(colors);
  });

  test.each([
    // One run, a run of each pixel, the end of a row; a literal run, filled to a word; the end.
    ["8 bits", 8, 1, [1, 3, 1, 4, 1, 5, 0, 0, 0, 3, 0, 1, 2, 0, 0, 1]],
    ["4 bits", 4, 2, [2, 0x34, 1, 0x50, 0, 0, 0, 3, 0x01, 0x20, 0, 1]],
    // A jump of two columns and one row leaves the first color.
    ["8 bits with a jump", 8, 1, [1, 3, 0, 2, 1, 1, 1, 2, 0, 1]],
  ] as const)("in run lengths of %s", async (name, bits, compression, runs) => {
    const plain = bmp(bits, { compression });
    const start = 54 + 4 * 2 ** bits;
    const { data, ...size } = await decodeImage(
      Buffer.concat([plain.subarray(0, start), Uint8Array.from(runs)]),
      "x.bmp",
    );
    expect(size).toEqual({ width: 3, height: 2, channels: 3 });
    const red = [255, 0, 0];
    const jumped = [...red, ...red, 0, 0, 255, 10, 20, 30, ...red, ...red];
    expect(Array.from(data)).toEqual(name.endsWith("jump") ? jumped : Array.from(colors.data));
  });

  test("alpha is read by its mask, unless it is zero everywhere or has no mask", async () => {
    const stored = (
      data: Uint8Array,
      ...how: readonly [size: 40 | 56 | 108 | 124, compression: 0 | 3 | 6, mask?: number]
    ) => decodeImage(maskedBmp({ ...row, data }, ...how), "x.bmp", { channels: "stored" });
    const rgba = Uint8Array.of(1, 2, 3, 0, 40, 50, 60, 128, 7, 8, 9, 255);
    const row = { width: 3, height: 1, data: rgba };
    const opaque = { width: 3, height: 1, channels: 3, data: Uint8Array.of(1, 2, 3, 40, 50, 60, 7, 8, 9) };
    const transparent = { width: 3, height: 1, channels: 4, data: rgba };
    expect(await stored(rgba, 124, 3)).toEqual(transparent);
    expect(await stored(rgba, 56, 3)).toEqual(transparent);
    expect(await stored(rgba, 40, 6)).toEqual(transparent);
    expect(await stored(rgba, 108, 0)).toEqual(transparent);
    expect(await stored(rgba, 40, 0)).toEqual(opaque);
    expect(await stored(rgba, 124, 3, 0)).toEqual(opaque);
    // A mask with a hole is no alpha's.
    expect(await stored(rgba, 124, 3, 0xf1000000)).toEqual(opaque);
    for (const alpha of [0, 255]) {
      const uniform = rgba.map((value, i) => (i % 4 === 3 ? alpha : value));
      expect(await stored(uniform, 124, 3)).toEqual(opaque);
    }
    const notes: string[] = [];
    expect(await decodeImage(maskedBmp(row, 124, 3), "x.bmp", { onNote: (_, code) => notes.push(code) })).toEqual(
      opaque,
    );
    expect(notes).toEqual(["transparency"]);
  });

  test("in run lengths that lead out of the picture, or end early", async () => {
    const start = 54 + 4 * 256;
    for (const runs of [[200, 3, 0, 0, 0, 2, 9, 9, 1, 4], [0, 200, 1], []]) {
      const bytes = Buffer.concat([bmp(8, { compression: 1 }).subarray(0, start), Uint8Array.from(runs)]);
      expect((await decodeImage(bytes, "x.bmp")).data).toHaveLength(18);
    }
    await expect(decodeImage(bmp(24, { compression: 1 }), "x.bmp")).rejects.toThrow("is cut short or damaged");
  });

  test("is refused when compressed, cut short, or larger than its bytes", async () => {
    await expect(decodeImage(bmp(8, { compression: 4 }), "x.bmp")).rejects.toThrow(
      "x.bmp: a BMP picture compressed by JPEG, expected one without compression, or with run lengths. Make a PNG of it: magick",
    );
    await expect(decodeImage(bmp(24).subarray(0, 60), "x.bmp")).rejects.toThrow("is cut short or damaged");
    const bomb = Buffer.from(bmp(24));
    bomb.writeInt32LE(60_000, 18);
    bomb.writeInt32LE(60_000, 22);
    await expect(decodeImage(bomb, "x.bmp")).rejects.toThrow("too many pixels");
    bomb.writeInt32LE(5000, 22);
    bomb.writeInt32LE(5000, 18);
    await expect(decodeImage(bomb, "x.bmp")).rejects.toThrow("is cut short or damaged");
  });
});

describe("Netpbm", () => {
  const gray = { width: 3, height: 1, channels: 3, data: Uint8Array.of(0, 0, 0, 128, 128, 128, 255, 255, 255) };
  const bytes = Buffer.from(colors.data);
  test.each<[name: string, contents: Buffer | string, expected: Picture]>([
    ["P6", Buffer.concat([Buffer.from("P6\n# a comment\n3 2\n255\n"), bytes]), colors],
    ["P3", `P3 3 2 255\n${[...colors.data].join("\n")}`, colors],
    ["P5", Buffer.concat([Buffer.from("P5 3 1 255\n"), Buffer.of(0, 128, 255)]), gray],
    ["P2 with another greatest value", "P2\n3 1\n2\n0 1 2", gray],
    ["P5 of 16 bits", Buffer.concat([Buffer.from("P5 3 1 65535\n"), Buffer.of(0, 9, 128, 9, 255, 9)]), gray],
    [
      "P4",
      Buffer.concat([Buffer.from("P4 3 1\n"), Buffer.of(0b10100000)]),
      { ...gray, data: Uint8Array.of(0, 0, 0, 255, 255, 255, 0, 0, 0) },
    ],
    ["P1", "P1 3 1\n101", { ...gray, data: Uint8Array.of(0, 0, 0, 255, 255, 255, 0, 0, 0) }],
    [
      "P7",
      Buffer.concat([Buffer.from("P7\nWIDTH 3\nHEIGHT 2\nDEPTH 3\nMAXVAL 255\nTUPLTYPE RGB\nENDHDR\n"), bytes]),
      colors,
    ],
  ])("%s", async (name, contents, expected) => {
    expect(await decodeImage(Buffer.from(contents), name)).toEqual(expected);
  });

  test("is refused when it is cut short, its header is damaged or it says to be huge", async () => {
    await expect(decodeImage(Buffer.from("P6 3 2 255\nabc"), "x.ppm")).rejects.toThrow("x.ppm: is cut short");
    await expect(decodeImage(Buffer.from("P2 2 1 9\n3 10"), "x.pgm")).rejects.toThrow("exceeds the greatest value");
    await expect(decodeImage(Buffer.from("P6 3 x 255\nabc"), "x.ppm")).rejects.toThrow("damaged header");
    await expect(decodeImage(Buffer.from("P6 60000 60000 255\n"), "x.ppm")).rejects.toThrow("too many pixels");
  });
});

test.each([
  ["x.heic", "\0\0\0\x18ftypheic\0\0\0\0mif1heic", "is HEIC, which is not read", "heif-convert"],
  ["x.jp2", "\0\0\0\x0cjP  \r\n\x87\n", "is JPEG 2000", "magick "],
  ["x.j2k", "\xff\x4f\xff\x51\0\x2f", "is JPEG 2000", "magick"],
  ["x.tga", `\0\0\x02${"\0".repeat(9)}\x40\0\x40\0\x18\0`, "is TGA", "magick "],
  ["x.psd", "8BPS\0\x01", "is Photoshop", "magick "],
  ["x.dcm", `${"\0".repeat(128)}DICM`, "is DICOM", "dcm2img"],
  ["x.pdf", "%PDF-1.7", "is PDF", "pdftoppm"],
])("%s is refused by its right name, with the command that converts it", async (name, text, what, command) => {
  const error = await readImageFile(fileOf(name, Buffer.from(text.padEnd(64, "\0"), "latin1"))).catch(
    (thrown) => thrown,
  );
  expect(error).toBeInstanceOf(UnsupportedError);
  expect(error.message).toContain(what);
  expect(error.message).toContain(`${command.trim()} `);
  expect(error.message).toContain(join(folder, name));
  expect(error.message).toMatch(/x(\.png)?$/);
});

describe("limits", () => {
  const png = async (width: number, height: number): Promise<Uint8Array> =>
    sharp({ create: { width, height, channels: 3, background: "#123456" } })
      .png()
      .toBuffer();

  test("on pixels, which can be moved, on sides and on strips", async () => {
    const square = await png(300, 300);
    await expect(decodeImage(square, "x", { maxPixels: 89_999 })).rejects.toThrow("at most 89999 (--max-pixels");
    expect((await decodeImage(square, "x", { maxPixels: 90_000 })).width).toBe(300);
    await expect(decodeImage(await png(1, 1001), "x")).rejects.toThrow(
      "too long a strip, expected one side at most 1000 times",
    );
    expect((await decodeImage(await png(1000, 1), "x")).width).toBe(1000);
    await expect(decodeImage(await png(70, 65_536), "x")).rejects.toThrow(
      "too wide or too high, expected at most 65535",
    );
  });

  test.skipIf(process.platform === "win32")(
    "a pipe and a socket are refused without waiting for anything",
    async () => {
      const pipe = join(folder, "pipe.png");
      execFileSync("mkfifo", [pipe]);
      await expect(readImageFile(pipe)).rejects.toThrow("pipe.png: is a pipe, expected a picture");
      const socket = join(folder, "socket.png");
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(socket, resolve));
      await expect(readImageFile(socket)).rejects.toThrow("socket.png: is a socket, expected a picture");
      await new Promise((resolve) => server.close(resolve));
    },
  );

  const hostile = casesIn("hostile/pictures");
  test.skipIf(!hostile.isThere)(
    `pictures of too many pixels or ten million rows are refused (${hostile.title})`,
    async () => {
      await expect(readImageFile(hostile.path("1x10000000.png"))).rejects.toThrow("too wide or too high");
      await expect(readImageFile(hostile.path("ok-16383.webp"))).rejects.toThrow("too many pixels");
    },
  );
});

describe("fewer bits than a file has room for", () => {
  const wide = async (...samples: number[]): Promise<Uint8Array> =>
    sharp(Uint16Array.from(samples), { raw: { width: samples.length, height: 1, channels: 1 } })
      .toColourspace("grey16")
      .png()
      .toBuffer();
  const read = async (bytes: Uint8Array, bitDepth?: number): Promise<[data: number[], notes: string[]]> => {
    const notes: string[] = [];
    const { data } = await decodeImage(bytes, "x.png", { bitDepth, onNote: (note) => notes.push(note) });
    return [[...data].filter((_, i) => i % 3 === 0), notes];
  };

  test("are seen and said, or given", async () => {
    const twelve = await wide(0, 2247, 4095);
    expect(await read(twelve)).toEqual([
      [0, 140, 255],
      [
        "x.png: its 16-bit samples reach only 4095, so they are taken as 12 bits; --bit-depth 16 takes them as they are, which is dark.",
      ],
    ]);
    expect(await read(twelve, 12)).toEqual([[0, 140, 255], []]);
    expect(await read(twelve, 16)).toEqual([[0, 8, 15], []]);
    expect((await read(await wide(0, 255)))[0]).toEqual([0, 255]);
    expect((await read(await wide(0, 1023)))[0]).toEqual([0, 255]);
    expect(await read(await wide(0, 0))).toEqual([[0, 0], []]);
    expect(await read(await wide(0, 16_384))).toEqual([[0, 64], []]);
  });

  test("do not hold samples that are larger", async () => {
    await expect(read(await wide(5000), 12)).rejects.toThrow(
      "a sample is 5000, which 12 bits do not hold, expected at most 4095",
    );
  });

  const cases = casesIn("models-and-pictures/15-png-12-bit");
  test.skipIf(!cases.isThere)(`the 12-bit picture is the 8-bit one (${cases.title})`, async () => {
    const notes: string[] = [];
    const twelve = await readImageFile(cases.path("bright-12bit.png"), { onNote: (note) => notes.push(note) });
    const { data } = await readImageFile(cases.path("bright-8bit.png"));
    expect(Math.max(...twelve.data.map((value, i) => Math.abs(value - data[i])))).toBeLessThanOrEqual(1);
    expect(notes).toHaveLength(1);
  });
});

describe("channels", () => {
  const read = (path: string, channelCount: number, options: ReadPictureFileOptions = {}) =>
    readPictureFile(path, { channelCount, ...options });

  test("gray keeps its transparency, of 8 and of 16 bits", async () => {
    const data = Uint8Array.from({ length: 12 }, (_, i) => (i * 37) % 256);
    const picture = { width: 3, height: 2, channels: 2, data };
    const path = fileOf("gray-alpha.png", await encodePng(picture, { isNetworkInput: true }));
    expect(await read(path, 2)).toEqual({ ...picture, isNetworkInput: true });
    expect(await read(path, 1)).toMatchObject({ width: 3, height: 2 });
    const raw = { width: 3, height: 2, channels: 2 } as const;
    const wide = Uint16Array.from(data, (value) => 257 * value);
    const png = sharp(wide, { raw }).toColourspace("grey16").png();
    expect(await read(fileOf("gray-alpha-16.png", await png.toBuffer()), 2)).toMatchObject(picture);
  });

  test("2 and 4 are had from transparency, or full opacity is added", async () => {
    const rgba = Uint8Array.of(1, 2, 3, 4, 250, 251, 252, 0, 70, 80, 90, 255);
    const path = fileOf(
      "rgba.png",
      await sharp(rgba, { raw: { width: 3, height: 1, channels: 4 } })
        .png()
        .toBuffer(),
    );
    expect(await read(path, 4)).toEqual({ width: 3, height: 1, channels: 4, data: rgba });
    const colors3 = Uint8Array.of(1, 2, 3, 250, 251, 252, 70, 80, 90);
    expect(await read(path, 3)).toMatchObject({ channels: 3, data: colors3 });
    const opaque = fileOf("rgb.png", await encodePng(colors));
    expect((await read(opaque, 4)) as Picture).toMatchObject({ channels: 4, width: 3 });
    expect([...((await read(opaque, 4)) as Picture).data.subarray(0, 8)]).toEqual([255, 0, 0, 255, 0, 255, 0, 255]);
    const gray = fileOf("gray.png", await encodePng(floatTensor([0, 1], [1, 2])));
    expect(await read(gray, 2)).toMatchObject({ channels: 2, data: Uint8Array.of(0, 255, 255, 255) });
    await expect(read(opaque, 5)).rejects.toThrow(
      "rgb.png: the picture does not have the network's number of channels, expected 5 (a TIFF, or an NPY array of shape [5, height, width]), got 3.",
    );
  });

  test("any number from NPY, planes or interleaved, bytes, 16 bits or numbers", async () => {
    const npy = (name: string, array: Tensor): string => fileOf(`${name}.npy`, encodeNpy(array));
    const planar = Array.from({ length: 5 * 2 * 3 }, (_, i) => i);
    const interleaved = Array.from({ length: 30 }, (_, i) => planar[(i % 5) * 6 + Math.floor(i / 5)]);
    const expected = {
      dtype: "float32",
      shape: [5, 2, 3],
      data: Float32Array.from(planar, (v) => v / 255),
      isNetworkInput: true,
    };
    expect(await read(npy("planar", tensorOf("uint8", planar, [5, 2, 3])), 5)).toEqual(expected);
    expect(await read(npy("batch", tensorOf("uint8", planar, [1, 5, 2, 3])), 5)).toEqual(expected);
    expect(await read(npy("interleaved", tensorOf("uint8", interleaved, [2, 3, 5])), 5)).toEqual(expected);
    const sixteen = npy("sixteen", tensorOf("uint16", [0, 65_535], [1, 1, 2]));
    expect((await read(sixteen, 1)) as Tensor).toMatchObject({ shape: [1, 1, 2], data: Float32Array.of(0, 1) });
    const numbers = npy("numbers", floatTensor([0, 0.25, 1], [1, 3]));
    expect((await read(numbers, 1)) as Tensor).toMatchObject({ shape: [1, 1, 3], data: Float32Array.of(0, 0.25, 1) });
    expect((await read(numbers, 3)) as Tensor).toMatchObject({ shape: [1, 1, 3] });
    const normalized = npy("normalized", floatTensor([-1.5, 2], [1, 1, 2]));
    await expect(read(normalized, 1)).rejects.toThrow(
      "expected numbers in [0, 1], got numbers from -1.5 to 2. Save the pixels before",
    );
    await expect(read(npy("nan", floatTensor([Number.NaN], [1, 1])), 1)).rejects.toThrow("NaN");
    await expect(read(npy("labels", tensorOf("int64", [1], [1, 1])), 1)).rejects.toThrow("are no pixels");
    await expect(read(sixteen, 13)).rejects.toThrow(
      "expected [13, height, width] or [height, width, 13], got [1, 1, 2]",
    );
    await expect(readPictureFile(sixteen, { channelCount: 0 })).rejects.toThrow(MisuseError);
  });

  test("bands of a TIFF", async () => {
    const bands = 5;
    const path = fileOf("bands.tif", tiffOfBands(2, 2, bands));
    const picture = await read(path, bands);
    expect(picture).toEqual({
      width: 2,
      height: 2,
      channels: bands,
      data: Uint8Array.from({ length: 20 }, (_, i) => i),
    });
    await expect(read(path, 3)).rejects.toThrow(BadInputError);
  });
});

/** An uncompressed TIFF of bands that have no color, its samples counted up. */
function tiffOfBands(width: number, height: number, bands: number): Uint8Array {
  const entries: [tag: number, type: 3 | 4, values: number[]][] = [
    [256, 4, [width]],
    [257, 4, [height]],
    [258, 3, Array(bands).fill(8)],
    [259, 3, [1]],
    [262, 3, [1]],
    [273, 4, [8]],
    [277, 3, [bands]],
    [278, 4, [height]],
    [279, 4, [width * height * bands]],
    [284, 3, [1]],
    [338, 3, Array(bands - 1).fill(0)],
  ];
  const count = width * height * bands;
  const directory = 8 + count + (count % 2);
  let outside = directory + 2 + 12 * entries.length + 4;
  const bytes = Buffer.alloc(outside + 4 * bands * entries.length);
  bytes.write("II*\0", "latin1");
  bytes.writeUInt32LE(directory, 4);
  for (let i = 0; i < count; i++) bytes[8 + i] = i;
  bytes.writeUInt16LE(entries.length, directory);
  for (const [i, [tag, type, values]] of entries.entries()) {
    const at = directory + 2 + 12 * i;
    bytes.writeUInt16LE(tag, at);
    bytes.writeUInt16LE(type, at + 2);
    bytes.writeUInt32LE(values.length, at + 4);
    const size = type === 3 ? 2 : 4;
    const isInside = values.length * size <= 4;
    if (!isInside) bytes.writeUInt32LE(outside, at + 8);
    for (const [k, value] of values.entries()) {
      const to = (isInside ? at + 8 : outside) + k * size;
      if (size === 2) bytes.writeUInt16LE(value, to);
      else bytes.writeUInt32LE(value, to);
    }
    if (!isInside) outside += values.length * size;
  }
  return bytes;
}

describe("what was written at a network's size", () => {
  const rule: GeometryRule = { resize: { kind: "shorter", size: 10 }, crop: { width: 8, height: 8 } };
  const image = tensorToPicture(
    floatTensor(
      Array.from({ length: 192 }, (_, i) => (i % 64) / 64),
      [3, 8, 8],
    ),
  );

  test("is read back as it was by a network of that size, and like any picture by others", async () => {
    const path = join(folder, "adversarial.png");
    await writePng(path, image, { isNetworkInput: true });
    const read = await readImageFile(path);
    expect(read).toEqual({ ...image, isNetworkInput: true });
    expect(fitPicture(read, { geometry: rule, channelCount: 3 })).toEqual(pictureToTensor(image));
    const other: GeometryRule = { resize: { kind: "shorter", size: 10 }, crop: { width: 6, height: 6 } };
    const unmarked = fitPicture(image, { geometry: other, channelCount: 3 });
    expect(fitPicture(read, { geometry: other, channelCount: 3 })).toEqual(unmarked);
    expect(fitPicture(image, { geometry: rule, channelCount: 3 })).not.toEqual(pictureToTensor(image));
  });

  test("is a PNG like any other to other software", async () => {
    const marked = await encodePng(image, { isNetworkInput: true });
    const { comments } = await sharp(marked, { failOn: "warning" }).metadata();
    expect(comments).toEqual([{ keyword: "perceptual-ball", text: "network-input" }]);
    expect((await decodeImage(marked, "marked")).data).toEqual(
      (await decodeImage(await encodePng(image), "plain")).data,
    );
  });

  test("as NPY is taken as it is", async () => {
    const tensor = floatTensor(
      Array.from({ length: 192 }, (_, i) => i / 200),
      [3, 8, 8],
    );
    const read = await readPictureFile(fileOf("adversarial.npy", encodeNpy(tensor)));
    expect(fitPicture(read, { geometry: rule, channelCount: 3 }).data).toEqual(tensor.data);
  });
});

const formats = casesIn("models-and-pictures/30-formats");
test.skipIf(!formats.isThere)(
  `BMP and PPM are decoded; HEIC, JPEG 2000 and TGA are refused by name (${formats.title})`,
  async () => {
    const red = await readImageFile(formats.path("red.ppm"));
    expect(await readImageFile(formats.path("red.bmp"))).toEqual(red);
    const means = [0, 1, 2].map((c) => red.data.filter((_, i) => i % 3 === c).reduce((a, b) => a + b) / (64 * 64));
    expect(means.map((mean) => Math.round(mean / 10))).toEqual([20, 7, 6]);
    expect((await readImageFile(formats.path("pal.bmp"))).width).toBe(64);
    for (const [name, what] of [
      ["x.heic", "HEIC"],
      ["red.jp2", "JPEG 2000"],
      ["red.tga", "TGA"],
    ]) {
      await expect(readImageFile(formats.path(name))).rejects.toThrow(`is ${what}, which is not read`);
    }
    expect(readFileSync(formats.path("x.svg"), "utf8")).toContain("<svg");
    await expect(readImageFile(formats.path("x.svg"))).rejects.toThrow("got SVG");
  },
);
