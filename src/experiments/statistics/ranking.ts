/** @file How well scores separate positives from negatives: the ROC curve and its area, average precision, areas under curves. */
import { checkForm, checkKeys, MisuseError } from "../../errors.ts";
import { fallingOrder } from "../../tensor/falling-order.ts";
import { type ConfidenceOptions, deviationsOf, type Estimate, midranks } from "./statistics.ts";

/** A point of a ROC curve: the shares of negatives and of positives whose score is at least `threshold`. */
export interface RocPoint {
  /** `Infinity` at the first point, where nothing is detected. */
  readonly threshold: number;
  readonly falsePositiveRate: number;
  readonly truePositiveRate: number;
}

/**
 * The ROC curve from (0, 0) to (1, 1), one point per distinct score, highest first. Equal scores are one step: a slanted piece of the
 * curve where positives and negatives share a score. Throws a {@link MisuseError} if one of the sides is empty or a score is NaN.
 */
export function rocCurve(positives: ArrayLike<number>, negatives: ArrayLike<number>): RocPoint[] {
  checkForm("rocCurve: positives", positives, "numbers");
  checkForm("rocCurve: negatives", negatives, "numbers");
  checkScores("rocCurve", positives, negatives);
  const [above, below] = [Float64Array.from(positives).sort().reverse(), Float64Array.from(negatives).sort().reverse()];
  const points: RocPoint[] = [{ threshold: Number.POSITIVE_INFINITY, falsePositiveRate: 0, truePositiveRate: 0 }];
  let [hits, alarms] = [0, 0];
  while (hits < above.length || alarms < below.length) {
    const threshold = Math.max(above[hits] ?? Number.NEGATIVE_INFINITY, below[alarms] ?? Number.NEGATIVE_INFINITY);
    while (above[hits] === threshold) hits++;
    while (below[alarms] === threshold) alarms++;
    points.push({
      threshold,
      falsePositiveRate: alarms / below.length,
      truePositiveRate: hits / above.length,
    });
  }
  return points;
}

/**
 * The area under the ROC curve – the probability that a positive scores higher than a negative, a tie counting one half – with
 * the interval by DeLong, DeLong and Clarke-Pearson (1988), computed from ranks as Sun and Xu (2014) do, cut off at 0 and 1. With
 * fewer than two scores on a side there is no variance and the interval is [0, 1]; with full separation the variance is 0
 * and the interval a point, which says less than it seems. Throws as {@link rocCurve}.
 */
export function rocArea(
  positives: ArrayLike<number>,
  negatives: ArrayLike<number>,
  options: ConfidenceOptions = {},
): Estimate {
  checkKeys("rocArea", options, ["confidence"]);
  checkForm("rocArea: positives", positives, "numbers");
  checkForm("rocArea: negatives", negatives, "numbers");
  checkScores("rocArea", positives, negatives);
  const [m, n] = [positives.length, negatives.length];
  const all = midranks([...Array.from(positives), ...Array.from(negatives)]);
  const [among, between] = [midranks(positives), midranks(negatives)];
  // For each positive the share of negatives below it, and for each negative the share of positives above it.
  const v10 = among.map((rank, i) => (all[i] - rank) / n);
  const v01 = between.map((rank, j) => 1 - (all[m + j] - rank) / m);
  const value = mean(v10);
  const error = Math.sqrt(variance(v10) / m + variance(v01) / n);
  if (Number.isNaN(error)) return { value, low: 0, high: 1 };
  const reach = deviationsOf(options) * error;
  return { value, low: Math.max(0, value - reach), high: Math.min(1, value + reach) };
}

function checkScores(where: string, positives: ArrayLike<number>, negatives: ArrayLike<number>): void {
  const isBad = (scores: ArrayLike<number>): boolean => Array.from(scores).some(Number.isNaN);
  if (positives.length > 0 && negatives.length > 0 && !isBad(positives) && !isBad(negatives)) return;
  throw new MisuseError({
    where,
    what: "no curve",
    expected: "at least one positive and one negative score, none of them NaN",
    got: `${positives.length} and ${negatives.length}${isBad(positives) || isBad(negatives) ? ", some NaN" : ""}`,
  });
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The unbiased variance; NaN for one value. */
function variance(values: Float64Array): number {
  const center = mean(values);
  return values.reduce((sum, value) => sum + (value - center) ** 2, 0) / (values.length - 1);
}

/**
 * The average precision of scores for finding the items whose `isPositive` is not 0: Σ (Rᵢ − Rᵢ₋₁) Pᵢ over the distinct scores from the highest,
 * with precision P and recall R of all items that score at least that. Equal scores are one step, so that their order does not
 * matter; nothing is interpolated. Undefined if no item is positive.
 */
export function averagePrecision(
  scores: ArrayLike<number>,
  isPositive: ArrayLike<number | boolean>,
): number | undefined {
  checkForm("averagePrecision: scores", scores, "numbers");
  checkForm("averagePrecision: isPositive", isPositive, "numbers");
  const order =
    scores instanceof Float32Array
      ? fallingOrder(scores)
      : Uint32Array.from({ length: scores.length }, (_, index) => index).sort((a, b) => scores[b] - scores[a]);
  let [taken, found, sum] = [0, 0, 0];
  while (taken < order.length) {
    const score = scores[order[taken]];
    const before = found;
    do {
      if (isPositive[order[taken]]) found++;
      taken++;
    } while (taken < order.length && scores[order[taken]] === score);
    sum += (found - before) * (found / taken);
  }
  return found === 0 ? undefined : sum / found;
}

/** The area under the piecewise linear curve through the points (`xs`, `ys`), `xs` ascending: the trapezoidal rule. */
export function areaUnderCurve(xs: ArrayLike<number>, ys: ArrayLike<number>): number {
  checkForm("areaUnderCurve: xs", xs, "numbers");
  checkForm("areaUnderCurve: ys", ys, "numbers");
  let area = 0;
  for (let i = 1; i < xs.length; i++) area += ((xs[i] - xs[i - 1]) * (ys[i] + ys[i - 1])) / 2;
  return area;
}
