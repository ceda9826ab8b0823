import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { given } from "../../../test/given.ts";
import { MisuseError } from "../../errors.ts";
import { normal } from "../../random/distributions.ts";
import { createRandom } from "../../random/random.ts";
import {
  bootstrap,
  bootstrapMean,
  holmAdjust,
  mcnemarTest,
  midranks,
  pearson,
  quantile,
  signFlipTest,
  spearman,
  wilsonInterval,
} from "./statistics.ts";

const fixture = JSON.parse(readFileSync(new URL("fixtures/statistics.json", import.meta.url), "utf8")) as {
  wilson: { successes: number; trials: number; confidence: number; low: number; high: number }[];
  mcnemar: { first: number; second: number; p: number }[];
  signFlip: { differences: number[]; p: number }[];
  correlations: { x: number[]; y: number[]; pearson: number; spearman: number; ranks: number[] }[];
};

test("Wilson's interval is SciPy's", () => {
  for (const { successes, trials, confidence, low, high } of fixture.wilson) {
    const estimate = given(wilsonInterval(successes, trials, { confidence }));
    expect(estimate.value).toBe(successes / trials);
    // The normal quantile is good to seven digits.
    expect(estimate.low).toBeCloseTo(low, 7);
    expect(estimate.high).toBeCloseTo(high, 7);
  }
});

test("Wilson's interval of the worked example 15 of 148 in Newcombe 1998", () => {
  // Statistics in Medicine 17, table I, method 3: 0.0624 to 0.1605.
  const { low, high } = given(wilsonInterval(15, 148));
  expect(low.toFixed(4)).toBe("0.0624");
  expect(high.toFixed(4)).toBe("0.1605");
});

test("Wilson's interval contains the share, stays in [0, 1] and mirrors", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5000 }), fc.double({ min: 0, max: 1, noNaN: true }), (trials, share) => {
      const successes = Math.round(share * trials);
      const { value, low, high } = given(wilsonInterval(successes, trials));
      const mirrored = given(wilsonInterval(trials - successes, trials));
      expect(0 <= low && low <= value && value <= high && high <= 1 && low < high).toBe(true);
      expect(mirrored.low).toBeCloseTo(1 - high, 12);
    }),
  );
  expect(wilsonInterval(0, 0)).toBeUndefined();
  expect(() => wilsonInterval(3, 2)).toThrow(MisuseError);
});

test("McNemar's exact test is SciPy's binomial test, also where 2^-n underflows", () => {
  for (const { first, second, p } of fixture.mcnemar) {
    expect(mcnemarTest(first, second) / p).toBeCloseTo(1, 9);
    expect(mcnemarTest(second, first)).toBe(mcnemarTest(first, second));
  }
  expect(mcnemarTest(0, 0)).toBe(1);
  // 6 + 16 discordant pairs: 2 (1 + 22 + 231 + 1540 + 7315 + 26334 + 74613) / 2^22.
  expect(mcnemarTest(6, 16)).toBeCloseTo((2 * 110056) / 2 ** 22, 12);
});

test("the sign-flip test is SciPy's exact permutation test for small samples", () => {
  for (const { differences, p } of fixture.signFlip) expect(signFlipTest(differences)).toBeCloseTo(p, 12);
  expect(signFlipTest([0, 0, 0])).toBe(1);
});

test("the sign-flip test of signs alone is McNemar's test, exactly and by drawing", () => {
  const signs = (positive: number, negative: number): number[] => [
    ...new Array<number>(positive).fill(1),
    ...new Array<number>(negative).fill(-1),
  ];
  expect(signFlipTest(signs(9, 3))).toBeCloseTo(mcnemarTest(9, 3), 12);
  const p = mcnemarTest(38, 22);
  const resamples = 20_000;
  // Four standard deviations of a share of that many draws.
  expect(Math.abs(signFlipTest(signs(38, 22), { resamples }) - p)).toBeLessThan(
    4 * Math.sqrt((p * (1 - p)) / resamples),
  );
});

test("clusters share their sign: copies of every difference change nothing", () => {
  const differences = [0.3, -0.1, 0.4, 0.25];
  const clusters = ["a", "b", "c", "d"];
  const copied = signFlipTest([...differences, ...differences], { clusters: [...clusters, ...clusters] });
  expect(copied).toBe(signFlipTest(differences));
  expect(() => signFlipTest(differences, { clusters: ["a"] })).toThrow(
    /clusters: wrong number of entries, expected one for each of 4/,
  );
});

test("Holm's adjustment of a worked example, in any order", () => {
  // R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") = 0.03 0.06 0.06 0.02
  for (const [index, value] of holmAdjust([0.01, 0.04, 0.03, 0.005]).entries()) {
    expect(value).toBeCloseTo([0.03, 0.06, 0.06, 0.02][index], 14);
  }
  expect(holmAdjust([0.6, 0.9])).toEqual([1, 1]);
  expect(holmAdjust([])).toEqual([]);
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 12 }), (p) => {
      const adjusted = holmAdjust(p);
      for (const [i, value] of adjusted.entries()) {
        expect(value >= p[i] && value <= 1).toBe(true);
        for (const [j, other] of adjusted.entries()) if (p[i] < p[j]) expect(value <= other).toBe(true);
      }
    }),
  );
});

test("the bootstrap interval of a mean approaches the normal one", () => {
  const random = createRandom(1);
  const values = Array.from({ length: 400 }, () => normal(random, 3, 2));
  const { value, low, high } = given(bootstrapMean(values));
  const mean = values.reduce((sum, x) => sum + x, 0) / 400;
  const error = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 400 / 400);
  expect(value).toBeCloseTo(mean, 12);
  // The 2.5 % quantile of 10 000 draws is within 0.1 standard deviations with near certainty.
  expect(Math.abs(low - (mean - 1.959964 * error))).toBeLessThan(0.1 * error);
  expect(Math.abs(high - (mean + 1.959964 * error))).toBeLessThan(0.1 * error);
  expect(bootstrapMean(values)).toEqual({ value, low, high });
  expect(bootstrapMean([])).toBeUndefined();
});

test("clustered bootstrap: copies of every value in its cluster do not narrow the interval", () => {
  const values = [1, 5, 2, 8, 4, 4, 9, 0, 3, 7];
  const clusters = values.map((_, index) => `image ${index}`);
  const copies = given(
    bootstrapMean([...values, ...values, ...values], {
      clusters: [...clusters, ...clusters, ...clusters],
    }),
  );
  const single = given(bootstrapMean(values));
  expect(copies.low).toBeCloseTo(single.low, 12);
  expect(copies.high).toBeCloseTo(single.high, 12);
  const unclustered = given(bootstrapMean([...values, ...values, ...values]));
  expect(unclustered.high - unclustered.low).toBeLessThan(0.75 * (single.high - single.low));
});

test("the bootstrap takes quantiles of any statistic; draws without a value are left out", () => {
  // Of two units, a quarter of the draws is (1, 1), half has both, a quarter (3, 3).
  const smallest = bootstrap([1, 3], (drawn) => Math.min(...drawn), { confidence: 0.4 });
  expect(smallest).toEqual({ value: 1, low: 1, high: 1 });
  const positive = bootstrap([0, 1], (drawn) => 1 / (drawn[0] * drawn[1]) || Number.NaN, { resamples: 50 });
  expect(positive.low).toBe(1);
});

test("quantiles between two numbers are interpolated", () => {
  // numpy.quantile([1, 2, 4, 8], [0, .25, .5, .9, 1])
  const values = [0, 0.25, 0.5, 0.9, 1].map((share) => quantile([1, 2, 4, 8], share));
  for (const [i, value] of [1, 1.75, 3, 6.8, 8].entries()) expect(values[i]).toBeCloseTo(value, 12);
});

test("correlations and ranks are SciPy's", () => {
  for (const { x, y, pearson: r, spearman: rho, ranks } of fixture.correlations) {
    expect(pearson(x, y)).toBeCloseTo(r, 12);
    expect(spearman(x, y)).toBeCloseTo(rho, 12);
    expect([...midranks(x)]).toEqual(ranks);
  }
  expect(spearman([1, 1, 1], [1, 2, 3])).toBeUndefined();
  expect(() => pearson([1], [1, 2])).toThrow(MisuseError);
});
