import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { MisuseError } from "../../errors.ts";
import { areaUnderCurve, averagePrecision, rocArea, rocCurve } from "./ranking.ts";

const { rankings } = JSON.parse(readFileSync(new URL("fixtures/statistics.json", import.meta.url), "utf8")) as {
  rankings: { positives: number[]; negatives: number[]; area: number; error: number; averagePrecision: number }[];
};

test("area and DeLong's interval agree with the components summed pair by pair", () => {
  for (const { positives, negatives, area, error } of rankings) {
    const { value, low, high } = rocArea(positives, negatives);
    expect(value).toBeCloseTo(area, 12);
    expect(low).toBeCloseTo(Math.max(0, area - 1.959963984540054 * error), 7);
    expect(high).toBeCloseTo(Math.min(1, area + 1.959963984540054 * error), 7);
  }
});

test("average precision agrees with its definition at every threshold, ties included", () => {
  for (const { positives, negatives, averagePrecision: expected } of rankings) {
    const labels = [...positives.map(() => 1), ...negatives.map(() => 0)];
    expect(averagePrecision([...positives, ...negatives], labels)).toBeCloseTo(expected, 12);
  }
  // Found at ranks 1 and 3: (1 + 2/3) / 2.
  expect(averagePrecision([0.9, 0.8, 0.7, 0.1], [true, false, true, false])).toBeCloseTo(5 / 6, 15);
  // All tied: the share of positives.
  expect(averagePrecision([2, 2, 2, 2], [0, 1, 0, 0])).toBe(0.25);
  expect(averagePrecision([1, 2], [0, 0])).toBeUndefined();
});

const scores = fc.array(fc.integer({ min: -4, max: 4 }), { minLength: 1, maxLength: 20 });

test("the trapezoidal area under the ROC curve is the area by ranks, and swapping the sides mirrors it", () => {
  fc.assert(
    fc.property(scores, scores, (positives, negatives) => {
      const curve = rocCurve(positives, negatives);
      const area = areaUnderCurve(
        curve.map((point) => point.falsePositiveRate),
        curve.map((point) => point.truePositiveRate),
      );
      const { value, low, high } = rocArea(positives, negatives);
      expect(value).toBeCloseTo(area, 12);
      expect(rocArea(negatives, positives).value).toBeCloseTo(1 - value, 12);
      expect(low <= value && value <= high).toBe(true);
    }),
  );
});

test("each point of the curve is what its threshold detects", () => {
  expect(rocCurve([3, 2], [2, 1])).toEqual([
    { threshold: Number.POSITIVE_INFINITY, falsePositiveRate: 0, truePositiveRate: 0 },
    { threshold: 3, falsePositiveRate: 0, truePositiveRate: 0.5 },
    { threshold: 2, falsePositiveRate: 0.5, truePositiveRate: 1 },
    { threshold: 1, falsePositiveRate: 1, truePositiveRate: 1 },
  ]);
  fc.assert(
    fc.property(scores, scores, (positives, negatives) => {
      for (const { threshold, falsePositiveRate, truePositiveRate } of rocCurve(positives, negatives)) {
        expect(falsePositiveRate).toBe(negatives.filter((score) => score >= threshold).length / negatives.length);
        expect(truePositiveRate).toBe(positives.filter((score) => score >= threshold).length / positives.length);
      }
    }),
  );
  // -Infinity is a score like any other.
  expect(rocCurve([1], [Number.NEGATIVE_INFINITY]).at(-1)).toEqual({
    threshold: Number.NEGATIVE_INFINITY,
    falsePositiveRate: 1,
    truePositiveRate: 1,
  });
});

test("one score on a side has no interval; full separation has a point; none or NaN is refused", () => {
  expect(rocArea([1], [0, 2])).toEqual({ value: 0.5, low: 0, high: 1 });
  expect(rocArea([3, 4], [1, 2])).toEqual({ value: 1, low: 1, high: 1 });
  expect(() => rocArea([], [1])).toThrow(MisuseError);
  expect(() => rocCurve([1], [Number.NaN])).toThrow(/rocCurve: no curve, expected .*, got 1 and 1, some NaN\./);
});
