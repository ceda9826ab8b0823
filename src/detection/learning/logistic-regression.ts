/** @file Multinomial logistic regression: small, dense and exact. */
import { logSumExp, softmax } from "../../classifier/logits.ts";
import { MisuseError } from "../../errors.ts";
import { driveSync } from "../../optimize/drivers.ts";
import { lbfgs } from "../../optimize/lbfgs.ts";
import { indexOfLargest } from "../../tensor/vector.ts";

/** A fitted regression: the class of x is the one with the largest w·x + b, the first of equal ones. */
export interface LogisticRegression {
  /** The labels that occurred, ascending; the rows of the weights. */
  readonly labels: readonly number[];
  /** [labels][features] */
  readonly weights: readonly (readonly number[])[];
  /** [labels]; their sum is 0. */
  readonly intercepts: readonly number[];
}

/**
 * The weights that minimize ½‖W‖² + C·Σ −log softmax(W x + b)_label over the rows; intercepts are not penalized. With two labels
 * both have weights, as in the multinomial form with more: scikit-learn's `LogisticRegression(multi_class="multinomial")`, whose
 * default is C = 1. Solved by L-BFGS in float64 until no element of the gradient exceeds 1e-8 times the number of rows (or 1e-8), in at most
 * 1000 iterations.
 *
 * Errors: MisuseError unless there are at least two labels and as many labels as rows.
 */
export function fitLogisticRegression(
  rows: readonly ArrayLike<number>[],
  labels: readonly number[],
  { C = 1 }: { readonly C?: number } = {},
): LogisticRegression {
  const known = [...new Set(labels)].sort((a, b) => a - b);
  if (known.length < 2 || rows.length !== labels.length) {
    throw new MisuseError({
      where: "fitLogisticRegression",
      what: "nothing to tell apart",
      expected: "one label per row, and at least two different ones",
      got: `${rows.length} rows, ${labels.length} labels, ${known.length} different`,
    });
  }
  const features = rows[0].length;
  const targets = labels.map((label) => known.indexOf(label));
  const stride = features + 1;
  const evaluate = (point: Float64Array) => {
    const gradient = new Float64Array(point.length);
    let value = 0;
    for (let c = 0; c < known.length; c++) {
      for (let j = 0; j < features; j++) {
        const weight = point[c * stride + j];
        value += (weight * weight) / 2;
        gradient[c * stride + j] = weight;
      }
    }
    for (const [i, row] of rows.entries()) {
      const scores = known.map((_, c) => scoreOf(point, c * stride, row));
      const shares = softmax(scores);
      value += C * (logSumExp(scores) - scores[targets[i]]);
      for (let c = 0; c < known.length; c++) {
        const residual = C * (shares[c] - (c === targets[i] ? 1 : 0));
        for (let j = 0; j < features; j++) gradient[c * stride + j] += residual * row[j];
        gradient[c * stride + features] += residual;
      }
    }
    return { value, gradient };
  };
  const { point } = driveSync(
    lbfgs(new Float64Array(known.length * stride), {
      lineSearch: "armijo",
      maxIterations: 1000,
      history: 20,
      toleranceGradient: 1e-8 * Math.max(1, rows.length),
      toleranceChange: 0,
    }),
    evaluate,
  );
  return {
    labels: known,
    weights: known.map((_, c) => [...point.subarray(c * stride, c * stride + features)]),
    intercepts: known.map((_, c) => point[c * stride + features]),
  };
}

/** w·x + b, with w and after it b from `offset` on. */
function scoreOf(point: ArrayLike<number>, offset: number, row: ArrayLike<number>): number {
  let score = point[offset + row.length];
  for (let j = 0; j < row.length; j++) score += point[offset + j] * row[j];
  return score;
}

/** The label that the regression gives to the features `row`. */
export function predictLabel({ labels, weights, intercepts }: LogisticRegression, row: ArrayLike<number>): number {
  const scores = weights.map((weight, c) => scoreOf([...weight, intercepts[c]], 0, row));
  return labels[indexOfLargest(scores)];
}
