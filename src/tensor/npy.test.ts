import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BadInputError, UnsupportedError } from "../errors.ts";
import { decodeNpy, encodeNpy } from "./npy.ts";
import { arrayTypeOf, type DataType, floatTensor, sizeOf, type Tensor } from "./tensor.ts";

interface Case {
  readonly dtype: DataType;
  readonly shape: number[];
  readonly values: number[];
  readonly bytes: string;
}

const fixture: {
  numpy: string;
  cases: Case[];
  fortran: string;
  bigEndian: string;
  structured: string;
  version2: string;
} = JSON.parse(readFileSync(join(import.meta.dirname, "fixtures/npy.json"), "utf8"));

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(Buffer.from(base64, "base64"));
}

function tensorFrom({ dtype, shape, values }: Case): Tensor {
  const isWide = dtype === "int64" || dtype === "uint64";
  const data = isWide ? BigInt64Array.from(values, BigInt) : (arrayTypeOf(dtype) as typeof Float64Array).from(values);
  return { dtype, shape, data: dtype === "uint64" ? new BigUint64Array(data.buffer) : data };
}

describe(`as numpy ${fixture.numpy} saves`, () => {
  for (const one of fixture.cases) {
    test(`${one.dtype} [${one.shape.join(", ")}]`, () => {
      const tensor = tensorFrom(one);
      expect(decodeNpy(bytesOf(one.bytes))).toEqual(tensor);
      // numpy may leave room for the header to grow; apart from that the bytes are the same.
      const [ours, theirs] = [encodeNpy(tensor), bytesOf(one.bytes)];
      const headerOf = (bytes: Uint8Array) =>
        Buffer.from(bytes.subarray(10)).toString("latin1").split("\n")[0].trimEnd();
      expect(headerOf(ours)).toBe(headerOf(theirs));
      expect(ours.subarray(0, 8)).toEqual(theirs.subarray(0, 8));
      const payload = (tensor.data as Uint8Array).byteLength;
      expect(ours.subarray(ours.length - payload)).toEqual(theirs.subarray(theirs.length - payload));
      expect((ours.length - payload) % 64).toBe(0);
      expect(new DataView(ours.buffer).getUint16(8, true)).toBe(ours.length - payload - 10);
      expect(ours[ours.length - payload - 1]).toBe(10);
    });
  }
});

test("what is encoded is decoded, also from the middle of a buffer", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(4), { maxLength: 4 }), fc.infiniteStream(fc.float()), (shape, values) => {
      const tensor = floatTensor(
        Float32Array.from({ length: sizeOf(shape) }, () => values.next().value),
        shape,
      );
      const encoded = encodeNpy(tensor);
      const shifted = new Uint8Array(encoded.length + 3);
      shifted.set(encoded, 3);
      expect(decodeNpy(shifted.subarray(3))).toEqual(tensor);
      expect(decodeNpy(Buffer.from(encoded))).toEqual(tensor);
    }),
  );
});

test("views are written without their surroundings", () => {
  const whole = Float32Array.of(1, 2, 3, 4);
  expect(encodeNpy(floatTensor(whole.subarray(1, 3), [2]))).toEqual(encodeNpy(floatTensor([2, 3], [2])));
});

test("version 2 is read", () => {
  expect(decodeNpy(bytesOf(fixture.version2))).toEqual(floatTensor([1, 2, 3], [3]));
});

test("what a tensor cannot hold is unsupported", () => {
  for (const bytes of [fixture.fortran, fixture.bigEndian, fixture.structured].map(bytesOf)) {
    expect(() => decodeNpy(bytes, "a.npy")).toThrow(/^a.npy: (unsupported layout|has a damaged header)/);
  }
  expect(() => decodeNpy(bytesOf(fixture.fortran))).toThrow(
    /got <f4 in column-major order\. Save numpy.ascontiguousarray/,
  );
  expect(() => decodeNpy(bytesOf(fixture.bigEndian))).toThrow(/got >f4/);
  expect(() => encodeNpy({ dtype: "string", shape: [1], data: ["a"] })).toThrow(UnsupportedError);
  expect(() => encodeNpy({ dtype: "bfloat16", shape: [1], data: Uint16Array.of(1) })).toThrow(/bfloat16/);
});

test("damaged bytes are refused", () => {
  const good = encodeNpy(floatTensor([1, 2, 3, 4], [2, 2]));
  expect(() => decodeNpy(good.subarray(0, good.length - 1), "m.npy")).toThrow(
    "m.npy: has the wrong length, expected 16 bytes for shape [2, 2], got 15.",
  );
  expect(() => decodeNpy(Uint8Array.of(...good, 0))).toThrow(/wrong length.*got 17/);
  for (let length = 0; length < good.length; length++) {
    expect(() => decodeNpy(good.subarray(0, length))).toThrow(BadInputError);
  }
  fc.assert(
    fc.property(fc.nat(127), fc.integer({ min: 0, max: 255 }), (at, value) => {
      const bytes = good.slice();
      bytes[at] = value;
      try {
        expect(sizeOf(decodeNpy(bytes).shape)).toBe(4);
      } catch (error) {
        expect(error instanceof BadInputError || error instanceof UnsupportedError, String(error)).toBe(true);
      }
    }),
    { numRuns: 1000 },
  );
});
