import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MisuseError } from "../errors.ts";
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
