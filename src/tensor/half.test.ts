import { expect, test } from "vitest";
import { fromBfloat16, fromFloat16 } from "./half.ts";

test("binary16: normal, subnormal, infinite and signed numbers", () => {
  const bits = [0x3c00, 0xc000, 0x7bff, 0x0400, 0x0001, 0x03ff, 0x0000, 0x7c00, 0xfc00, 0x3555];
  const values = [1, -2, 65504, 2 ** -14, 2 ** -24, 1023 * 2 ** -24, 0, Infinity, -Infinity, 0.333251953125];
  expect([...fromFloat16(Uint16Array.from(bits))]).toEqual(values);
  expect(Object.is(fromFloat16(Uint16Array.of(0x8000))[0], -0)).toBe(true);
  expect(fromFloat16(Uint16Array.of(0x7e00))[0]).toBeNaN();
});

test("bfloat16: the upper half of a float32", () => {
  const bits = [0x3f80, 0xc000, 0x7f7f, 0x0080, 0x0001, 0x7f80, 0x3eab];
  const values = [1, -2, 255 * 2 ** 120, 2 ** -126, 2 ** -133, Infinity, 0.333984375];
  expect([...fromBfloat16(Uint16Array.from(bits))]).toEqual(values);
  expect(fromBfloat16(Uint16Array.of(0x7fc0))[0]).toBeNaN();
});

test("every finite binary16 number is its own neighbor's neighbor: the patterns are in order", () => {
  const positive = fromFloat16(Uint16Array.from({ length: 0x7c01 }, (_, i) => i));
  for (let i = 1; i < positive.length; i++) expect(positive[i]).toBeGreaterThan(positive[i - 1]);
});
