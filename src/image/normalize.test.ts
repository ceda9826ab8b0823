import fc from "fast-check";
import { expect, test } from "vitest";
import { BadInputError } from "../errors.ts";
import { floatTensor } from "../tensor/tensor.ts";
import { finiteRange, normalizeMap, normalizeSigned } from "./normalize.ts";

test("a worked example", () => {
  expect(normalizeMap(floatTensor([-2, 0, 6, 2], [2, 2]))).toEqual(floatTensor([0, 0.25, 1, 0.5], [2, 2]));
  expect(normalizeSigned(floatTensor([-2, 0, 4, 1], [2, 2]))).toEqual(floatTensor([0.25, 0.5, 1, 0.625], [2, 2]));
  expect(normalizeSigned(floatTensor([-8, 4], [1, 2]))).toEqual(floatTensor([0, 0.75], [1, 2]));
  expect(finiteRange("here", floatTensor([3, -1, 2], [3]))).toEqual({ min: -1, max: 3 });
});

test("constant maps become zeros, absent differences a half", () => {
  expect(normalizeMap(floatTensor([0.3, 0.3], [1, 2])).data).toEqual(Float32Array.of(0, 0));
  expect(normalizeSigned(floatTensor([0, 0], [1, 2])).data).toEqual(Float32Array.of(0.5, 0.5));
});

test("order is kept, and the extremes are 0 and 1", () => {
  fc.assert(
    fc.property(
      fc
        .array(fc.float({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 2, maxLength: 30 })
        .filter((v) => new Set(v).size > 1),
      (values) => {
        const { data } = normalizeMap(floatTensor(values, [values.length]));
        expect(Math.min(...data)).toBe(0);
        expect(Math.max(...data)).toBe(1);
        const order = values.map((_, i) => i).sort((a, b) => values[a] - values[b]);
        for (let i = 1; i < order.length; i++) expect(data[order[i]]).toBeGreaterThanOrEqual(data[order[i - 1]]);
      },
    ),
  );
});

test("NaN, infinities and empty tensors are refused", () => {
  for (const normalize of [normalizeMap, normalizeSigned]) {
    expect(() => normalize(floatTensor([1, Number.NaN], [1, 2]))).toThrow(BadInputError);
    expect(() => normalize(floatTensor([1, Number.NaN], [1, 2]))).toThrow(/element 1 .*\[1, 2\].*got NaN/);
    expect(() => normalize(floatTensor([-Infinity, 0], [1, 2]))).toThrow(/got -Infinity/);
    expect(() => normalize(floatTensor([], [0, 2]))).toThrow(/empty tensor/);
  }
});
