import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MisuseError } from "../errors.ts";
import { createRandom } from "../random/random.ts";
import { floatTensor } from "../tensor/tensor.ts";
import type { Picture } from "./picture.ts";
import { type Interpolation, interpolations, resizeBytes, resizeFloat } from "./resize.ts";

interface Case {
  readonly mode: "RGB" | "L" | "F";
  readonly interpolation: Interpolation;
  readonly width: number;
  readonly height: number;
  readonly newWidth: number;
  readonly newHeight: number;
  readonly box: readonly [number, number, number, number] | null;
  readonly input: string;
  readonly output: string;
}

const fixture: { pillow: string; cases: Case[] } = JSON.parse(
  readFileSync(join(import.meta.dirname, "fixtures/resize.json"), "utf8"),
);

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(Buffer.from(base64, "base64"));
}

function floatsOf(base64: string): Float32Array {
  return new Float32Array(bytesOf(base64).buffer);
}

function optionsOf({ newWidth, newHeight, interpolation, box }: Case) {
  return { width: newWidth, height: newHeight, interpolation, box: box ?? undefined };
}

describe(`as Pillow ${fixture.pillow}`, () => {
  for (const one of fixture.cases) {
    const { mode, width, height, newWidth, newHeight, box } = one;
    test(`${mode} ${one.interpolation} ${width}×${height} → ${newWidth}×${newHeight}${box ? ` from ${box}` : ""}`, () => {
      if (mode === "F") {
        const { shape, data } = resizeFloat(floatTensor(floatsOf(one.input), [height, width]), optionsOf(one));
        expect(shape).toEqual([newHeight, newWidth]);
        expect(data).toEqual(floatsOf(one.output));
      } else {
        const picture: Picture = { width, height, channels: mode === "RGB" ? 3 : 1, data: bytesOf(one.input) };
        const { data, ...sizes } = resizeBytes(picture, optionsOf(one));
        expect(sizes).toEqual({ width: newWidth, height: newHeight, channels: picture.channels });
        expect(data).toEqual(bytesOf(one.output));
      }
    });
  }
});

test("channels of an image tensor are resampled one by one", () => {
  const planes = fixture.cases.filter((one) => one.mode === "F" && one.width === 23 && one.newWidth === 8);
  expect(planes).toHaveLength(3);
  const plane = floatsOf(planes[2].input);
  const image = floatTensor(Float32Array.of(...plane, ...plane.map((v) => -v)), [2, 17, 23]);
  const expected = floatsOf(planes[2].output);
  const { shape, data } = resizeFloat(image, optionsOf(planes[2]));
  expect(shape).toEqual([2, 9, 8]);
  expect(data).toEqual(Float32Array.of(...expected, ...expected.map((v) => -v)));
});

test("a constant picture stays constant at any size", () => {
  fc.assert(
    fc.property(
      fc.record({ w: fc.integer({ min: 1, max: 40 }), h: fc.integer({ min: 1, max: 40 }), value: fc.nat(255) }),
      fc.record({ width: fc.integer({ min: 1, max: 40 }), height: fc.integer({ min: 1, max: 40 }) }),
      fc.constantFrom(...interpolations),
      ({ w, h, value }, size, interpolation) => {
        const picture: Picture = { width: w, height: h, channels: 1, data: new Uint8Array(w * h).fill(value) };
        expect(new Set(resizeBytes(picture, { ...size, interpolation }).data)).toEqual(new Set([value]));
      },
    ),
  );
});

test("a result is never a view of its input", () => {
  const data = Uint8Array.of(1, 2, 3);
  const same = resizeBytes({ width: 1, height: 1, channels: 3, data }, { width: 1, height: 1 });
  expect(same.data).toEqual(data);
  expect(same.data.buffer).not.toBe(data.buffer);
});

test("misuse is refused", () => {
  const picture: Picture = { width: 2, height: 2, channels: 1, data: new Uint8Array(4) };
  expect(() => resizeBytes(picture, { width: 0, height: 1 })).toThrow(/width.*at least 1, got 0/);
  expect(() => resizeBytes(picture, { width: 1, height: 1.5 })).toThrow(MisuseError);
  expect(() => resizeBytes(picture, { width: 1, height: 1, interpolation: "lanczos" as "nearest" })).toThrow(
    /one of nearest, bilinear, bicubic, got "lanczos"/,
  );
  expect(() => resizeBytes(picture, { width: 1, height: 1, box: [0, 0, 3, 1] })).toThrow(/box is empty or leaves/);
  expect(() => resizeBytes(picture, { width: 1, height: 1, box: [1, 0, 1, 1] })).toThrow(/box is empty or leaves/);
  expect(() => resizeBytes({ ...picture, width: 3 }, { width: 1, height: 1 })).toThrow(/4 bytes/);
  expect(() => resizeFloat(floatTensor([1], [1]), { width: 1, height: 1 })).toThrow(/\[C, H, W\]/);
});

/** Rows become columns. */
function transposed({ width, height, channels, data }: Picture): Picture {
  const out = new Uint8Array(data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) out[(x * height + y) * channels + c] = data[(y * width + x) * channels + c];
    }
  }
  return { width: height, height: width, channels, data: out };
}

function noisePicture(width: number, height: number): Picture {
  const random = createRandom(5);
  return { width, height, channels: 3, data: Uint8Array.from({ length: 3 * width * height }, () => random() * 256) };
}

test("a long strip is resampled along its length first, whichever way it lies; other pictures rows first, as in Pillow", () => {
  const resize = (picture: Picture): Picture =>
    resizeBytes(picture, { width: 24, height: 24, interpolation: "bilinear" });
  const strip = noisePicture(2, 9000);
  expect(resize(strip)).toEqual(transposed(resize(transposed(strip))));
  // For pictures as they come the order is rows first, which the rounding in between shows.
  const ordinary = noisePicture(40, 60);
  expect(resize(ordinary)).not.toEqual(transposed(resize(transposed(ordinary))));
});

test("of a strip only the rows are resampled that the window needs", () => {
  const strip = noisePicture(2, 400_000);
  const whole = { width: 100, height: 20_000_000 };
  const top = resizeBytes(
    { ...strip, height: 60, data: strip.data.slice(0, 360) },
    { width: 100, height: 3000, window: [0, 0, 100, 50] },
  );
  // 100 × 400,000 samples of the first pass would be too many to be made for 50 rows, let alone 20,000,000.
  expect(resizeBytes(strip, { ...whole, window: [0, 0, 100, 50] })).toEqual(top);
});
