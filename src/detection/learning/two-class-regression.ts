/** @file Logistic regression of two classes on standardized features. */
import { driveSync } from "../../optimize/drivers.ts";
import { lbfgs } from "../../optimize/lbfgs.ts";
import { dot } from "../../tensor/vector.ts";
import type { FittedArrays, ScoringContext } from "../detector.ts";
import { columnsOf, standardized } from "./standardize.ts";

/** Weights and intercept on features as they come: the standardization is in them. */
export interface TwoClassRegression {
  readonly weights: Float64Array;
  readonly intercept: number;
}

/**
 * The regression that tells `positives` from `negatives`, on features standardized over both: w and b minimize ½‖w‖² + C Σ log(1 + e^(−y(w·x + b))),
 * scikit-learn's `LogisticRegression`, whose default is C = 1. Features that do not vary have the weight 0. Solved by L-BFGS in float64 until no element of the
 * gradient exceeds 1e-8 times the number of rows, in at most 1000 iterations.
 */
export function fitTwoClasses(
  negatives: readonly ArrayLike<number>[],
  positives: readonly ArrayLike<number>[],
  C = 1,
): TwoClassRegression {
  const all = [...negatives, ...positives];
  const columns = columnsOf(all);
  const width = columns.mean.length;
  // Rows of 0 fill the last four up; their share in the loss is 0.
  const rows = new Float64Array(4 * Math.ceil(all.length / 4) * width);
  for (const [n, row] of all.entries()) rows.set(standardized(row, columns), n * width);
  const { point } = driveSync(
    lbfgs(new Float64Array(width + 1), {
      lineSearch: "armijo",
      maxIterations: 1000,
      history: 20,
      toleranceGradient: 1e-8 * all.length,
      toleranceChange: 0,
    }),
    (at: Float64Array) => lossAt(at, rows, negatives.length, all.length, C),
  );
  const scaled = Float64Array.from(columns.deviation, (deviation, j) => point[j] / deviation);
  return { weights: scaled, intercept: point[width] - dot(scaled, columns.mean) };
}

/** The loss of (w, b) with its gradient; the first `negatives` of `count` rows are negative. Four rows at a time, since an addition waits for the one before it. */
function lossAt(
  point: Float64Array,
  rows: Float64Array,
  negatives: number,
  count: number,
  C: number,
): { readonly value: number; readonly gradient: Float64Array } {
  const width = point.length - 1;
  const gradient = new Float64Array(point.length);
  let value = 0;
  for (let j = 0; j < width; j++) {
    value += (point[j] * point[j]) / 2;
    gradient[j] = point[j];
  }
  const intercept = point[width];
  /** Adds the loss of row n, whose log-odds are given, and returns the loss's derivative by them. */
  const add = (n: number, logOdds: number): number => {
    if (n >= count) return 0;
    const isNegative = n < negatives;
    const wrong = isNegative ? logOdds : -logOdds;
    const small = Math.exp(-Math.abs(wrong));
    value += C * (Math.max(wrong, 0) + Math.log1p(small));
    const share = (C * (wrong > 0 ? 1 : small)) / (1 + small);
    return isNegative ? share : -share;
  };
  for (let n = 0; n < count; n += 4) {
    const a = n * width;
    const [b, c, d] = [a + width, a + 2 * width, a + 3 * width];
    let [ofA, ofB, ofC, ofD] = [intercept, intercept, intercept, intercept];
    for (let j = 0; j < width; j++) {
      const weight = point[j];
      ofA += weight * rows[a + j];
      ofB += weight * rows[b + j];
      ofC += weight * rows[c + j];
      ofD += weight * rows[d + j];
    }
    const [byA, byB, byC, byD] = [add(n, ofA), add(n + 1, ofB), add(n + 2, ofC), add(n + 3, ofD)];
    for (let j = 0; j < width; j++) {
      gradient[j] += byA * rows[a + j] + byB * rows[b + j] + (byC * rows[c + j] + byD * rows[d + j]);
    }
    gradient[width] += byA + byB + (byC + byD);
  }
  return { value, gradient };
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
export function regressionIn({ array }: Pick<ScoringContext, "array">, size: number): TwoClassRegression {
  return { weights: array("weights", [size]).data, intercept: array("intercept", [1]).data[0] };
}
