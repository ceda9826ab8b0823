/** @file Logistic regression of two classes on standardized features. */
import { dot } from "../../tensor/vector.ts";
import type { FittedArrays, ScoringContext } from "../detector.ts";
import { fitLogisticRegression } from "./logistic-regression.ts";
import { columnsOf, standardized } from "./standardize.ts";

/** Weights and intercept on features as they come: the standardization is in them. */
export interface TwoClassRegression {
  readonly weights: Float64Array;
  readonly intercept: number;
}

/**
 * The regression that tells `positives` from `negatives`, on features standardized over both: w and b minimize ½‖w‖² + C Σ log(1 + e^(−y(w·x + b))),
 * scikit-learn's `LogisticRegression`, whose default is C = 1. Features that do not vary have the weight 0.
 */
export function fitTwoClasses(
  negatives: readonly ArrayLike<number>[],
  positives: readonly ArrayLike<number>[],
  C = 1,
): TwoClassRegression {
  const all = [...negatives, ...positives];
  const columns = columnsOf(all);
  const rows = all.map((row) => standardized(row, columns));
  const labels = all.map((_, n) => (n < negatives.length ? 0 : 1));
  // With weights for both classes w₁ = −w₀ = w/2, whose penalty is half of that of w.
  const { weights, intercepts } = fitLogisticRegression(rows, labels, { C: C / 2 });
  const [zero, one] = weights;
  const scaled = Float64Array.from(one, (weight, j) => (weight - zero[j]) / columns.deviation[j]);
  return { weights: scaled, intercept: intercepts[1] - intercepts[0] - dot(scaled, columns.mean) };
}

/** w·x + b: the log-odds of being attacked. */
export function logOddsOf({ weights, intercept }: TwoClassRegression, row: ArrayLike<number>): number {
  let sum = intercept;
  for (let j = 0; j < weights.length; j++) sum += weights[j] * row[j];
  return sum;
}

/** The regression as arrays of statistics. */
export function regressionArrays({ weights, intercept }: TwoClassRegression): FittedArrays {
  return {
    weights: { shape: [weights.length], data: weights },
    intercept: { shape: [1], data: Float64Array.of(intercept) },
  };
}

/** The regression on `size` features that is in the statistics. */
export function regressionIn({ array }: ScoringContext, size: number): TwoClassRegression {
  return { weights: array("weights", [size]).data, intercept: array("intercept", [1]).data[0] };
}
