import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { pictureToTensor } from "../../image/picture.ts";
import type { PictureNoteCode } from "../../image/picture-note.ts";
import { encodeNpy } from "../../tensor/npy.ts";
import { tensorOf } from "../../tensor/tensor.ts";
import { decodeImage, decodeImageSize } from "./read-image.ts";
import { readingFor, readPictureFile } from "./read-picture-file.ts";

const folder = mkdtempSync(join(tmpdir(), "decode-tiff-"));
afterAll(() => rmSync(folder, { recursive: true }));

function fileOf(name: string, contents: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, contents);
  return path;
}

const [width, height] = [24, 20];

/** Sample (x, y) of band c, none like another one's. */
const sampleAt = (x: number, y: number, c: number): number => 100 * c + 7 * y + x;

/** What {@link sampleAt} says, band by band. */
const bandsOf = (channels: number): number[] =>
  Array.from({ length: channels * width * height }, (_, i) =>
    sampleAt(i % width, Math.floor(i / width) % height, Math.floor(i / (width * height))),
  );

interface TiffForm {
  readonly channels: number;
  /** 1: unsigned, 2: with a sign, 3: floating point (TIFF 6.0, section 19). */
  readonly format: 1 | 2 | 3;
  readonly bits: 8 | 16 | 32;
  /** Whether bands lie one after the other. */
  readonly isPlanar: boolean;
  /** 1: 0 is black, 2: red, green and blue, 5: inks. */
  readonly photometric?: 1 | 2 | 5;
  /** Default 1: upright. */
  readonly orientation?: number;
}

/** A TIFF of one strip, or of one strip per band, of {@link sampleAt} times `unit`. */
function tiff({ channels, format, bits, isPlanar, photometric = 1, orientation = 1 }: TiffForm, unit = 1): Buffer {
  const bytes = bits / 8;
  const plane = width * height * bytes;
  const pixels = Buffer.alloc(channels * plane);
  for (const [i, sample] of bandsOf(channels).entries()) {
    const [c, pixel] = [Math.floor(i / (width * height)), i % (width * height)];
    const at = bytes * (isPlanar ? i : pixel * channels + c);
    const value = sample * unit;
    if (format === 3) pixels.writeFloatLE(value, at);
    else if (bits === 8) pixels.writeUInt8(value % 256, at);
    else if (format === 2) pixels.writeInt16LE(value, at);
    else pixels.writeUInt16LE(value, at);
  }
  const strips = isPlanar ? channels : 1;
  // Lists lie behind the header and the pixels: bits and formats of each band, and where strips begin and how long they are.
  const lists = 8 + pixels.length;
  const shorts = (values: readonly number[]): Buffer => Buffer.from(Uint16Array.from(values).buffer);
  const longs = (values: readonly number[]): Buffer => Buffer.from(Uint32Array.from(values).buffer);
  const parts = [
    shorts(Array(channels).fill(bits)),
    shorts(Array(channels).fill(format)),
    longs(Array.from({ length: strips }, (_, c) => 8 + c * plane)),
    longs(Array(strips).fill(pixels.length / strips)),
  ];
  const offsets = parts.map((_, n) => lists + parts.slice(0, n).reduce((sum, { length }) => sum + length, 0));
  const inline = (list: Buffer, offset: number): number =>
    list.length <= 4 ? Buffer.concat([list, Buffer.alloc(4)]).readUInt32LE(0) : offset;
  const inField = (n: number): number => inline(parts[n] ?? Buffer.alloc(0), offsets[n] ?? 0);
  const entries: [tag: number, type: 3 | 4, count: number, value: number][] = [
    [256, 4, 1, width],
    [257, 4, 1, height],
    [258, 3, channels, inField(0)],
    [259, 3, 1, 1],
    [262, 3, 1, photometric],
    [273, 4, strips, inField(2)],
    [274, 3, 1, orientation],
    [277, 3, 1, channels],
    [278, 4, 1, height],
    [279, 4, strips, inField(3)],
    [284, 3, 1, isPlanar ? 2 : 1],
    [339, 3, channels, inField(1)],
  ];
  const directory = Buffer.alloc(2 + 12 * entries.length + 4);
  directory.writeUInt16LE(entries.length, 0);
  for (const [n, [tag, type, count, value]] of entries.entries()) {
    const at = 2 + 12 * n;
    directory.writeUInt16LE(tag, at);
    directory.writeUInt16LE(type, at + 2);
    directory.writeUInt32LE(count, at + 4);
    directory.writeUInt32LE(value, at + 8);
  }
  const header = Buffer.from("II*\0");
  return Buffer.concat([header, longs([lists + Buffer.concat(parts).length]), pixels, ...parts, directory]);
}

test.each([2, 3, 5, 13])(
  "%i bands that lie one after the other are those that lie pixel by pixel",
  async (channels) => {
    const form = { channels, format: 1, bits: 16 } as const;
    const options = { channels: "stored", bitDepth: 16 } as const;
    const [planes, pixels] = [true, false].map((isPlanar) =>
      decodeImage(tiff({ ...form, isPlanar }, 16), "a.tif", options),
    );
    expect(await planes).toEqual(await pixels);
    const { data } = await planes;
    const at = (x: number, y: number, c: number): number | undefined => data[(y * width + x) * channels + c];
    expect([at(0, 0, 0), at(23, 0, 1), at(0, 1, 0), at(5, 19, 1)]).toEqual(
      [sampleAt(0, 0, 0), sampleAt(23, 0, 1), sampleAt(0, 1, 0), sampleAt(5, 19, 1)].map(
        (sample) => (16 * sample) >> 8,
      ),
    );
  },
);

test("red, green and blue one after the other are a picture like any other", async () => {
  const bytes = tiff({ channels: 3, format: 1, bits: 8, isPlanar: true, photometric: 2 });
  const { data } = await decodeImage(bytes, "a.tif");
  expect(Array.from(data.slice(0, 6))).toEqual([0, 100, 200, 1, 101, 201]);
});

test.each([1, 2, 3, 4, 5, 6, 7, 8])("orientation %i turns a TIFF, whichever decoder it needs", async (orientation) => {
  const form = { channels: 3, format: 1, bits: 16, photometric: 2, orientation } as const;
  const options = { channels: "stored", bitDepth: 16 } as const;
  // Pixels are decoded by sharp, bands one after the other by geotiff.
  const turned = await decodeImage(tiff({ ...form, isPlanar: false }, 16), "a.tif", options);
  const planes = tiff({ ...form, photometric: 1, isPlanar: true }, 16);
  expect(await decodeImage(planes, "a.tif", options)).toEqual(turned);
  expect([turned.width, turned.height]).toEqual(orientation < 5 ? [width, height] : [height, width]);
  const numbers = tiff({ channels: 1, format: 3, bits: 32, isPlanar: false, orientation }, 1 / 1000);
  expect(await decodeImageSize(numbers, "a.tif")).toEqual({ width, height });
  const notes: string[] = [];
  const stored = await decodeImage(numbers, "a.tif", {
    ...{ channels: "stored", orientation: "ignore", onNote: (_text, code) => notes.push(code) },
  });
  expect([stored.width, stored.height]).toEqual([width, height]);
  expect(notes).toEqual(orientation === 1 ? [] : ["not-turned"]);
});

test("alpha of numbers, of bands one after the other and of inks is left out, which is said", async () => {
  const read = async (bytes: Buffer, channels: "rgb" | "stored" = "rgb") => {
    const notes: string[] = [];
    const picture = await decodeImage(bytes, "a.tif", { channels, onNote: (_, code) => notes.push(code) });
    return { channels: picture.channels, first: Array.from(picture.data.slice(0, picture.channels)), notes };
  };
  const numbers = tiff({ channels: 2, format: 3, bits: 32, isPlanar: false }, 1 / 1000);
  expect(await read(numbers)).toEqual({ channels: 3, first: [0, 0, 0], notes: ["transparency"] });
  const planes = tiff({ channels: 4, format: 1, bits: 8, isPlanar: true });
  expect(await read(planes)).toEqual({ channels: 3, first: [0, 100, 200], notes: ["transparency"] });
  const inks = tiff({ channels: 5, format: 1, bits: 8, isPlanar: false, photometric: 5 });
  // Cyan 0, magenta 100, yellow 200, black 300 mod 256, opacity 400 mod 256.
  const colors = [255, 155, 55].map((value) => Math.round((value * (255 - 44)) / 255));
  expect(await read(inks)).toEqual({ channels: 3, first: colors, notes: ["transparency"] });
  expect(await read(inks, "stored")).toEqual({ channels: 4, first: [...colors, 144], notes: [] });
});

test.each([false, true])(
  "three bands that are not said to be red, green and blue are these, one after the other %j",
  async (isPlanar) => {
    const bytes = tiff({ channels: 3, format: 1, bits: 8, isPlanar });
    const { channels, data } = await decodeImage(bytes, "a.tif");
    expect([channels, ...data.slice(0, 6)]).toEqual([3, 0, 100, 200, 1, 101, 201]);
  },
);

test("numbers with a point are pixels in [0, 1], as those of arrays are", async () => {
  const path = fileOf("float.tif", tiff({ channels: 5, format: 3, bits: 32, isPlanar: false }, 1 / 1000));
  const read = await readPictureFile(path, { channelCount: 5 });
  expect(read).toMatchObject({ shape: [5, height, width] });
  expect(Array.from(read.data)).toEqual(Array.from(Float32Array.from(bandsOf(5), (sample) => sample / 1000)));
  const large = fileOf("large.tif", tiff({ channels: 5, format: 3, bits: 32, isPlanar: false }));
  await expect(readPictureFile(large, { channelCount: 5 })).rejects.toThrow(
    /large\.tif: its numbers are no pixels, expected numbers in \[0, 1\], got numbers from 0 to 556.*--scale says how large they become/,
  );
});

test("a network that takes samples as they are is given shares of the largest, of all kinds of files alike", async () => {
  const reading = readingFor({ channelCount: 5, scale: 4095 });
  const files = [
    fileOf("words.tif", tiff({ channels: 5, format: 1, bits: 16, isPlanar: true })),
    fileOf("signed.tif", tiff({ channels: 5, format: 2, bits: 16, isPlanar: false })),
    fileOf("floats.tif", tiff({ channels: 5, format: 3, bits: 32, isPlanar: false })),
    ...(["uint16", "int16", "int32", "float32"] as const).map((dtype) =>
      fileOf(`${dtype}.npy`, encodeNpy(tensorOf(dtype, bandsOf(5), [5, height, width]))),
    ),
  ];
  for (const path of files) {
    const read = await readPictureFile(path, { ...reading, onNote: () => expect.unreachable() });
    expect([path, read.data]).toEqual([path, Float32Array.from(bandsOf(5), (sample) => sample / 4095)]);
  }
});

test("what a network that takes samples as they are is given otherwise is said", async () => {
  const notes: [string, PictureNoteCode][] = [];
  const read = (path: string) =>
    readPictureFile(path, {
      ...readingFor({ channelCount: 5, scale: 300 }),
      onNote: (text, code) => notes.push([text.slice(folder.length + 1), code]),
    });
  const beyond = await read(fileOf("beyond.tif", tiff({ channels: 5, format: 1, bits: 16, isPlanar: false })));
  expect(Math.max(...beyond.data)).toBe(1);
  const bytes = await read(fileOf("bytes.tif", tiff({ channels: 5, format: 1, bits: 8, isPlanar: false })));
  expect("channels" in bytes && pictureToTensor(bytes).data[1]).toBeCloseTo(1 / 255, 7);
  const shares = await read(fileOf("shares.npy", encodeNpy(tensorOf("float32", Array(20).fill(0.5), [5, 2, 2]))));
  expect(shares.data[0]).toBe(0.5);
  const count = bandsOf(5).filter((sample) => sample > 300).length;
  expect(notes).toEqual([
    [
      `beyond.tif: ${count} of its 2400 samples are beyond 300, the largest that the model takes, and count as that; --scale, with --mean and --std, gives a larger one.`,
      "full-scale",
    ],
    [
      "bytes.tif: its samples have 8 bits, and the model takes samples from 0 to 300: white is taken as 300.",
      "full-scale",
    ],
    [
      "shares.npy: its numbers, none above 1, are taken as shares of 300, the largest sample that the model takes.",
      "full-scale",
    ],
  ]);
});

test("a TIFF of bands that is cut short is said to be damaged, and a huge one is not decoded", async () => {
  const bytes = tiff({ channels: 5, format: 1, bits: 16, isPlanar: true });
  const options = { channels: "stored" } as const;
  await expect(decodeImage(bytes.subarray(0, bytes.length - 40), "a.tif", options)).rejects.toThrow("a.tif");
  await expect(decodeImage(bytes, "a.tif", { ...options, maxPixels: 100 })).rejects.toThrow(
    "a.tif: too many pixels, expected at most 100",
  );
});

/**
 * Written by tifffile 2026.3.3: `y, x = mgrid[:6, :8]`, RGB of (30 x, 40 y, 255 - 10 x - 20 y), or gray of 100 x + 50 y in 12 bits.
 */
const written = {
  Zstandard:
    "SUkqAAgAAAAOAAABBAABAAAACAAAAAEBBAABAAAABgAAAAIBAwADAAAAtgAAAAMBAwABAAAAUMMAAAYBAwABAAAAAgAAABEBBAABAAAA0AAAABUBAwABAAAAAwAAABYBBAABAAAABgAAABcBBAABAAAAggAAABoBBQABAAAAvAAAABsBBQABAAAAxAAAABwBAwABAAAAAQAAACgBAwABAAAAAQAAADEBAgACAAAALQAAAAAAAAAIAAgACAABAAAAAQAAAAEAAAABAAAAAAAAACi1L/0gkM0DAAJJHSCgJc0Bgz0WLQbsg2vj8zsfPN7xDo+PD8dHjagTQHWfAgD7ApYJi4Y9sabYcpaktaBvUEYoKvRHTdKilCw18VecnaP0q5v10k7cffKlZCrRyrc0LouR5EgrfAtZQ+TwBpoDiwDJAN38nJlhdPgCm4GLgMmAHQA=",
  LERC: "SUkqAAgAAAAPAAABBAABAAAACAAAAAEBBAABAAAABgAAAAIBAwADAAAAwgAAAAMBAwABAAAAR4gAAAYBAwABAAAAAgAAABEBBAABAAAA4AAAABUBAwABAAAAAwAAABYBBAABAAAABgAAABcBBAABAAAApwAAABoBBQABAAAAyAAAABsBBQABAAAA0AAAABwBAwABAAAAAQAAACgBAwABAAAAAQAAADEBAgACAAAALQAAAPLFBAACAAAA2AAAAAAAAAAIAAgACAABAAAAAQAAAAEAAAABAAAABAAAAAAAAABMZXJjMiAEAAAAtP7yvAYAAAAIAAAAAwAAADAAAAAIAAAApwAAAAEAAAAAAAAAAADgPwAAAAAAAAAAAAAAAADgb0AAAAAAAABV0sj/AAEEAAAAAAEAAOwAAAApAQAAgz0DAACAAAAAKAAAAAAAAAAAAACAAAAAQAAAsDiqaqpqqmqqaqpqqmpVBVVVVVBVQQVVFVTz/0dV/P/5//9//v8AgP8/yVp/AA==",
  LZMA: "SUkqAAgAAAAOAAABBAABAAAACAAAAAEBBAABAAAABgAAAAIBAwADAAAAtgAAAAMBAwABAAAAbYgAAAYBAwABAAAAAgAAABEBBAABAAAA0AAAABUBAwABAAAAAwAAABYBBAABAAAABgAAABcBBAABAAAAzAAAABoBBQABAAAAvAAAABsBBQABAAAAxAAAABwBAwABAAAAAQAAACgBAwABAAAAAQAAADEBAgACAAAALQAAAAAAAAAIAAgACAABAAAAAQAAAAEAAAABAAAAAAAAAP03elhaAAAE5ta0RgIAIQEWAAAAdC/lowEAjwAA/x4A9TwA61oA4XgA15YAzbQAw9IAuQAo6x4o4Two11oozXgow5YoubQor9IopQBQ1x5QzTxQw1pQuXhQr5ZQpbRQm9JQkQB4wx54uTx4r1p4pXh4m5Z4kbR4h9J4fQCgrx6gpTygm1qgkXigh5agfbSgc9KgaQDImx7IkTzIh1rIfXjIc5bIabTIX9LIVQDX0oAx49LA+gABqAGQAQAAfeX4t7HEZ/sCAAAAAARZWg==",
  bits12:
    "SUkqAAgAAAANAAABBAABAAAACAAAAAEBBAABAAAABgAAAAIBAwABAAAADAAAAAMBAwABAAAAAQAAAAYBAwABAAAAAQAAABEBBAABAAAAwAAAABUBAwABAAAAAQAAABYBBAABAAAABgAAABcBBAABAAAASAAAABoBBQABAAAAqgAAABsBBQABAAAAsgAAACgBAwABAAAAAQAAADEBAgACAAAALQAAAAAAAAABAAAAAQAAAAEAAAABAAAAAAAAAAAAAABkDIEsGQH0JYK8AyCWD6FeHCImKKLuBkDIEsGQH0JYK8MgCWD6FeHCImKKLuNSDIEsGQH0JYK8MgOED6FeHCImKKLuNSO2",
} as const;
const bytesOf = (name: keyof typeof written): Uint8Array => Buffer.from(written[name], "base64");

test.each(["Zstandard", "LERC"] as const)("compressed by %s, which libvips does not read", async (name) => {
  const { data, ...size } = await decodeImage(bytesOf(name), `${name}.tif`);
  expect(size).toMatchObject({ width: 8, height: 6 });
  const expected = Array.from({ length: 48 }, (_, i) => {
    const [x, y] = [i % 8, Math.floor(i / 8)];
    return [30 * x, 40 * y, 255 - 10 * x - 20 * y];
  });
  expect([...data]).toEqual(expected.flat());
});

test("samples of 12 bits are numbers from 0 to 1: the file says how many levels there are", async () => {
  const notes: string[] = [];
  const { data } = await decodeImage(bytesOf("bits12"), "12.tif", { onNote: (note) => notes.push(note) });
  const levels = Array.from({ length: 48 }, (_, i) => 100 * (i % 8) + 50 * Math.floor(i / 8));
  expect([...data].filter((_, i) => i % 3 === 0)).toEqual(levels.map((level) => Math.round((255 * level) / 4095)));
  expect(await decodeImageSize(bytesOf("bits12"), "12.tif")).toEqual({ width: 8, height: 6 });
  expect(notes).toEqual([]);
});

test("a compression that is not read is called by its name", async () => {
  await expect(decodeImage(bytesOf("LZMA"), "a.tif")).rejects.toThrow(
    /compressed in a way that is not read, .* got LZMA/,
  );
});
