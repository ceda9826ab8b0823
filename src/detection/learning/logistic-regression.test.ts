import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { MisuseError } from "../../errors.ts";
import { fitLogisticRegression, predictLabel } from "./logistic-regression.ts";

interface Golden {
  readonly C: number;
  readonly rows: number[][];
  readonly labels: number[];
  readonly weights: number[][];
  readonly intercepts: number[];
}

const { cases } = JSON.parse(readFileSync(new URL("./fixtures/logistic_regression.json", import.meta.url), "utf8")) as {
  cases: Golden[];
};

test("weights and intercepts are those that scipy finds for the same objective", () => {
  expect(cases.length).toBe(3);
  for (const { C, rows, labels, weights, intercepts } of cases) {
    const regression = fitLogisticRegression(rows, labels, { C });
    expect(regression.labels).toEqual([...new Set(labels)].sort((a, b) => a - b));
    for (const [c, row] of weights.entries()) {
      for (const [j, weight] of row.entries()) expect(Math.abs(regression.weights[c][j] - weight)).toBeLessThan(1e-6);
      expect(Math.abs(regression.intercepts[c] - intercepts[c])).toBeLessThan(1e-6);
    }
    // The prediction is the label of the largest score, computed here from scipy's numbers.
    for (const row of rows) {
      const scores = weights.map((w, c) => w.reduce((sum, x, j) => sum + x * row[j], intercepts[c]));
      expect(predictLabel(regression, row)).toBe(regression.labels[scores.indexOf(Math.max(...scores))]);
    }
  }
});

test("one label, or as many labels as there are not rows, is refused", () => {
  expect(() => fitLogisticRegression([[1], [2]], [4, 4])).toThrow(MisuseError);
  expect(() => fitLogisticRegression([[1], [2]], [4])).toThrow(MisuseError);
});
