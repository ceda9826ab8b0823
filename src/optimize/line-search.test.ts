import fc from "fast-check";
import { expect, test } from "vitest";
import { backtrack } from "./line-search.ts";

test("one trial on a parabola gives its minimizer", () => {
  // φ(t) = 5 − 3t + 5t², minimum at 0.3.
  expect(backtrack({ value: 5, slope: -3, step: 1, stepValue: 7 })).toBeCloseTo(0.3, 14);
});

test("two trials on a cubic give its minimizer", () => {
  // φ(t) = t³ + 2t² − t, φ′ = 0 at (√7 − 2)/3.
  const phi = (t: number) => t ** 3 + 2 * t ** 2 - t;
  const before = { step: 1, value: phi(1) };
  const next = backtrack({ value: 0, slope: -1, step: 0.6, stepValue: phi(0.6), before });
  expect(next).toBeCloseTo((Math.sqrt(7) - 2) / 3, 14);
});

test("a value that is not finite shortens the step to a tenth", () => {
  expect(backtrack({ value: 1, slope: -1, step: 2, stepValue: Number.NaN })).toBe(0.2);
  expect(backtrack({ value: 1, slope: -1, step: 2, stepValue: Infinity, before: { step: 3, value: 4 } })).toBe(0.2);
});

test("the next step is between a tenth and a half of the refused one", () => {
  const number = fc.double({ min: -1e6, max: 1e6, noNaN: true });
  const positive = fc.double({ min: 1e-6, max: 1e6, noNaN: true });
  const before = fc.option(fc.record({ step: positive, value: number }), { nil: undefined });
  fc.assert(
    fc.property(number, positive, positive, number, before, (value, descent, step, stepValue, trial) => {
      const next = backtrack({ value, slope: -descent, step, stepValue, before: trial });
      return next >= step / 10 && next <= step / 2;
    }),
    { seed: 1, numRuns: 1000 },
  );
});
