import fc from "fast-check";
import { expect, test } from "vitest";
import { classificationOf, logOddsAt, logSoftmaxAt, logSumExp, marginOf, softmax, softmaxAt } from "./logits.ts";

// exp: 1, 2, 5; in all 8.
const logits = Float64Array.of(0, Math.log(2), Math.log(5));

test("softmax, its logarithm and the log-odds of three logits", () => {
  expect([...softmax(logits)].map((p) => 8 * p)).toEqual([1, 2, 5].map((n) => expect.closeTo(n, 12)));
  expect(softmaxAt(logits, 1)).toBeCloseTo(1 / 4, 14);
  expect(logSoftmaxAt(logits, 2)).toBeCloseTo(Math.log(5 / 8), 14);
  expect(logSumExp(logits)).toBeCloseTo(Math.log(8), 14);
  expect(logOddsAt(logits, 2)).toBeCloseTo(Math.log(5 / 3), 14);
});

test("the margin is to the best other class, and turns its sign for a target", () => {
  const three = Float32Array.of(1, 4, 2.5);
  expect([0, 1, 2].map((j) => marginOf(three, j))).toEqual([-3, 1.5, -1.5]);
  expect(marginOf(three, 0, true)).toBe(3);
  expect(marginOf(Float32Array.of(2, 2), 0)).toBe(0);
});

test("the class is the first of the largest logits", () => {
  expect(classificationOf(Float32Array.of(1, 3, 3)).label).toBe(1);
  expect(classificationOf(Float32Array.of(-2, -3)).label).toBe(0);
  expect(classificationOf(Float32Array.of(0, 0)).confidence).toBe(0.5);
});

test("logits far from 0 neither overflow nor vanish", () => {
  const far = Float32Array.of(5000, 4990, -5000);
  expect(softmaxAt(far, 0)).toBeCloseTo(1 / (1 + Math.exp(-10)), 14);
  expect(softmaxAt(far, 2)).toBe(0);
  expect([...softmax(far)]).toEqual([softmaxAt(far, 0), expect.closeTo(softmaxAt(far, 1), 16), 0]);
  expect(logSoftmaxAt(far, 2)).toBeCloseTo(-10000, 3);
  expect(logOddsAt(far, 0)).toBeCloseTo(10, 10);
  expect(logSumExp(far)).toBeCloseTo(5000, 3);
});

test("the four forms of the softmax say the same", () => {
  const several = fc.array(fc.double({ min: -30, max: 30, noNaN: true }), { minLength: 2, maxLength: 6 });
  fc.assert(
    fc.property(several, (values) => {
      const all = softmax(values);
      expect(all.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 12);
      for (const [j, p] of all.entries()) {
        expect(softmaxAt(values, j)).toBeCloseTo(p, 12);
        expect(Math.exp(logSoftmaxAt(values, j))).toBeCloseTo(p, 12);
        expect(1 / (1 + Math.exp(-logOddsAt(values, j)))).toBeCloseTo(p, 12);
        expect(values[j] - logSumExp(values)).toBeCloseTo(logSoftmaxAt(values, j), 10);
      }
    }),
    { seed: 1 },
  );
});
