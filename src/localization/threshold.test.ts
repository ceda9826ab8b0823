import fc from "fast-check";
import { expect, test } from "vitest";
import { BadInputError, MisuseError } from "../errors.ts";
import { createRandom } from "../random/random.ts";
import { type FloatTensor, floatTensor } from "../tensor/tensor.ts";
import { type ThresholdRule, threshold, thresholdLevels } from "./threshold.ts";
import { thresholdGrids, thresholdParameter } from "./threshold-grids.ts";

const map = floatTensor([0, 1, 2, 3, 4, 10], [2, 3]);

function kept(of: FloatTensor, rule: ThresholdRule): number[] {
  return [...threshold(of, rule).data];
}

test("value: a share of the range above the least value", () => {
  expect(kept(map, { kind: "value", alpha: 0 })).toEqual([1, 1, 1, 1, 1, 1]);
  expect(kept(map, { kind: "value", alpha: 0.3 })).toEqual([0, 0, 0, 1, 1, 1]);
  expect(kept(map, { kind: "value", alpha: 0.31 })).toEqual([0, 0, 0, 0, 1, 1]);
  expect(kept(map, { kind: "value", alpha: 1 })).toEqual([0, 0, 0, 0, 0, 1]);
  const shifted = floatTensor([-5, -4, -3, -2, -1, 5], [2, 3]);
  expect(kept(shifted, { kind: "value", alpha: 0.3 })).toEqual([0, 0, 0, 1, 1, 1]);
  expect(kept(floatTensor([7, 7], [1, 2]), { kind: "value", alpha: 1 })).toEqual([1, 1]);
});

test("value with a square root: √0.04 = 0.2 of the range is enough for α = 0.2", () => {
  const small = floatTensor([0, 3, 4, 100], [1, 4]);
  expect(kept(small, { kind: "value", alpha: 0.2 })).toEqual([0, 0, 0, 1]);
  expect(kept(small, { kind: "value", alpha: 0.2, squareRoot: true })).toEqual([0, 0, 1, 1]);
  const raised = floatTensor([50, 53, 54, 150], [1, 4]);
  expect(kept(raised, { kind: "value", alpha: 0.2, squareRoot: true })).toEqual([0, 0, 1, 1]);
});

test("mean: multiples of the mean, 10/3 here", () => {
  expect(kept(map, { kind: "mean", alpha: 0 })).toEqual([1, 1, 1, 1, 1, 1]);
  expect(kept(map, { kind: "mean", alpha: 0.9 })).toEqual([0, 0, 0, 1, 1, 1]);
  expect(kept(map, { kind: "mean", alpha: 1 })).toEqual([0, 0, 0, 0, 1, 1]);
  expect(kept(map, { kind: "mean", alpha: 3 })).toEqual([0, 0, 0, 0, 0, 1]);
  expect(kept(map, { kind: "mean", alpha: 3.01 })).toEqual([0, 0, 0, 0, 0, 0]);
});

test("percent: the greatest ⌈k·n/100⌉ and what equals the least of them", () => {
  expect(kept(map, { kind: "percent", k: 0 })).toEqual([0, 0, 0, 0, 0, 0]);
  expect(kept(map, { kind: "percent", k: 1 })).toEqual([0, 0, 0, 0, 0, 1]);
  expect(kept(map, { kind: "percent", k: 50 })).toEqual([0, 0, 0, 1, 1, 1]);
  expect(kept(map, { kind: "percent", k: 51 })).toEqual([0, 0, 1, 1, 1, 1]);
  expect(kept(map, { kind: "percent", k: 100 })).toEqual([1, 1, 1, 1, 1, 1]);
  const ties = floatTensor([5, 1, 5, 2, 5, 0], [2, 3]);
  expect(kept(ties, { kind: "percent", k: 10 })).toEqual([1, 0, 1, 0, 1, 0]);
  // Text order would put 9 above 10.
  expect(kept(floatTensor([9, 10, 1], [1, 3]), { kind: "percent", k: 33 })).toEqual([0, 1, 0]);
});

test("percent of 100 different pixels keeps exactly k of them", () => {
  const hundred = floatTensor(
    Float32Array.from({ length: 100 }, (_, i) => (i * 37) % 100),
    [10, 10],
  );
  for (let k = 0; k <= 100; k++) {
    expect(kept(hundred, { kind: "percent", k }).reduce((a, b) => a + b)).toBe(k);
  }
});

test("energy: the fewest pixels that hold a share of the sum, 20 here", () => {
  expect(kept(map, { kind: "energy", alpha: 0 })).toEqual([0, 0, 0, 0, 0, 0]);
  expect(kept(map, { kind: "energy", alpha: 0.5 })).toEqual([0, 0, 0, 0, 0, 1]);
  expect(kept(map, { kind: "energy", alpha: 0.51 })).toEqual([0, 0, 0, 0, 1, 1]);
  expect(kept(map, { kind: "energy", alpha: 0.7 })).toEqual([0, 0, 0, 0, 1, 1]);
  expect(kept(map, { kind: "energy", alpha: 1 })).toEqual([0, 1, 1, 1, 1, 1]);
  expect(kept(floatTensor([-9, 1, 3, 0], [2, 2]), { kind: "energy", alpha: 1 })).toEqual([0, 1, 1, 0]);
  expect(kept(floatTensor([2, 2, 1, 0], [2, 2]), { kind: "energy", alpha: 0.1 })).toEqual([1, 1, 0, 0]);
  expect(kept(floatTensor([0, -1], [1, 2]), { kind: "energy", alpha: 1 })).toEqual([0, 0]);
});

const rules: fc.Arbitrary<ThresholdRule> = fc.oneof(
  fc.record({ kind: fc.constant("value" as const), alpha: fc.double({ min: 0, max: 1, noNaN: true }) }),
  fc.record({ kind: fc.constant("mean" as const), alpha: fc.double({ min: 0, max: 10, noNaN: true }) }),
  fc.record({ kind: fc.constant("percent" as const), k: fc.integer({ min: 0, max: 100 }) }),
  // Shares that no sum of small integers can meet exactly, so that the naive sum below may differ in its last bits.
  fc.record({
    kind: fc.constant("energy" as const),
    alpha: fc.integer({ min: 0, max: 99 }).map((k) => (k + 0.123456) / 100),
  }),
);

/** The definition, word by word: whether value h of `values` is kept. */
function isKept(h: number, values: readonly number[], rule: ThresholdRule): boolean {
  const sum = (list: readonly number[]) => list.reduce((a, b) => a + Math.max(0, b), 0);
  const greater = values.filter((v) => v > h);
  const [min, max] = [Math.min(...values), Math.max(...values)];
  switch (rule.kind) {
    case "value":
      return h - min >= rule.alpha * (max - min);
    case "mean":
      return h >= (rule.alpha * values.reduce((a, b) => a + b)) / values.length;
    case "percent":
      return 100 * greater.length < rule.k * values.length;
    case "energy":
      return h > 0 && sum(greater) < rule.alpha * sum(values);
  }
}

test("every rule keeps what its definition says, for maps full of ties", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -2, max: 6 }), { minLength: 1, maxLength: 24 }), rules, (values, rule) => {
      const { shape, data } = threshold(floatTensor(values, [1, values.length]), rule);
      expect(shape).toEqual([1, values.length]);
      expect([...data]).toEqual(values.map((h) => (isKept(h, values, rule) ? 1 : 0)));
    }),
    { numRuns: 500 },
  );
});

test("levels: the least value that is kept, infinite where none is; a map of one value is kept whole by its range", () => {
  const levels = (of: FloatTensor, ...rules: ThresholdRule[]): number[] => thresholdLevels(of, rules);
  expect(levels(map, { kind: "energy", alpha: 0 }, { kind: "percent", k: 0 })).toEqual([Infinity, Infinity]);
  expect(levels(map, { kind: "energy", alpha: 0.5 }, { kind: "percent", k: 50 })).toEqual([10, 3]);
  expect(levels(floatTensor([0, -1], [1, 2]), { kind: "energy", alpha: 0.5 })).toEqual([Infinity]);
  const flat = floatTensor([7, 7], [1, 2]);
  expect(levels(flat, { kind: "value", alpha: 0.5, squareRoot: true }, { kind: "value", alpha: 0.5 })).toEqual([7, 7]);
});

test("what is no rule or no map is refused", () => {
  expect(() => threshold(map, { kind: "values" as "value", alpha: 1 })).toThrow(/Did you mean "value"/);
  expect(() => threshold(map, { kind: "value", alpha: 1.1 })).toThrow(/alpha.*from 0 to 1, got 1.1/);
  expect(() => threshold(map, { kind: "value" } as ThresholdRule)).toThrow(/alpha.*got undefined/);
  expect(() => threshold(map, { kind: "mean", alpha: -1 })).toThrow(/alpha.*at least 0, got -1/);
  expect(() => threshold(map, { kind: "percent", k: 101 })).toThrow(/k.*from 0 to 100, got 101/);
  // @ts-expect-error: what callers without types give
  expect(() => threshold(map, { kind: "percent", alpha: 0.5 })).toThrow(/unknown option "alpha"/);
  expect(() => threshold(map, { kind: "mean", alpha: 1, squareRoot: true } as ThresholdRule)).toThrow(/squareRoot/);
  expect(() => threshold(floatTensor([1], [1, 1, 1]), { kind: "mean", alpha: 1 })).toThrow(MisuseError);
  const empty = floatTensor([], [0, 3]);
  expect(() => thresholdLevels(empty, [{ kind: "mean", alpha: 1 }])).toThrow(
    "threshold: not a map, expected [H, W] with at least one pixel, got [0, 3].",
  );
  const holed = floatTensor([0, 0, 0, Number.NaN], [2, 2]);
  expect(() => threshold(holed, { kind: "mean", alpha: 1 })).toThrow(BadInputError);
  expect(() => threshold(holed, { kind: "mean", alpha: 1 })).toThrow(/pixel \(1, 1\).*got NaN/);
});

test("value:α means the same everywhere: what the grid's rules are called is the share of the map's range that they take", () => {
  const random = createRandom(8);
  const map = floatTensor(
    Float32Array.from({ length: 400 }, () => random() ** 3),
    [20, 20],
  );
  for (const rule of thresholdGrids.value) {
    const named = { kind: "value", alpha: thresholdParameter(rule) } as const;
    expect(threshold(map, named).data).toEqual(threshold(map, rule).data);
  }
  expect(thresholdParameter({ kind: "value", alpha: 0.25 })).toBe(0.25);
  expect(thresholdParameter({ kind: "value", alpha: 0.5, squareRoot: true })).toBe(0.25);
  expect(thresholdParameter({ kind: "percent", k: 3 })).toBe(3);
});
