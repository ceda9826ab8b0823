/** @file The score of an image: how far noise moves it toward another class, compared with clean images. */
import { normalQuantile } from "../../random/normal-quantile.ts";
import { type AlignmentStatistics, isKnown } from "./alignment-statistics.ts";
import { type Alignments, unitsOf } from "./alignments.ts";
import type { OddsStatistics } from "./odds-statistics.ts";

/** What a score is made of. */
export type MeasuredAlignments = Pick<Alignments, "label" | "samples" | "mean" | "squares" | "antithetic">;

export interface OddsScore {
  /** The largest over other classes of the mean over kinds of the mean z-score, in standard deviations of clean images. */
  readonly score: number;
  /** Where the score of infinitely many noise samples lies with the asked confidence, given the statistics. */
  readonly interval: readonly [low: number, high: number];
  /** The class that noise moves the image toward: the first with the largest mean z-score. */
  readonly toward: number;
}

/**
 * The score of an image from its alignments, or undefined if there are no statistics for its predicted class y:
 *
 *     score = max over a ≠ y of the mean over kinds k of (mean over η of g_a − μ_{k,y,a}) / σ_{k,y,a}.
 *
 * The released code takes the mean of z-scores of the samples, which is the same since z is linear in g.
 *
 * The interval covers the noise of finitely many samples and not that of the statistics: the mean z-score of class a has the
 * standard error s_a, s_a² = Σ_k v_{k,a} / (n σ_{k,y,a}²) / kinds², v being the sample variance over the n samples (or pairs). With
 * c = Φ⁻¹(1 − α / (2(K − 1))), all K − 1 means are within c·s_a of what they estimate with a probability of at least 1 − α
 * (Bonferroni), and then so is the largest of them: [max_a (m_a − c·s_a), max_a (m_a + c·s_a)]. It is conservative, since the
 * classes share their noise. With one sample there is no variance, and the interval is the whole line.
 *
 * @param alpha the probability that the interval is wrong; 0.05 by default
 */
export function oddsScore(
  alignments: MeasuredAlignments,
  statistics: OddsStatistics,
  alpha = 0.05,
): OddsScore | undefined {
  const { label } = alignments;
  const known = statistics.classes[label];
  if (!isKnown(known)) return undefined;
  const { classCount } = statistics;
  const critical = normalQuantile(1 - alpha / (2 * (classCount - 1)));
  let [score, toward, low, high] = [-Infinity, -1, -Infinity, -Infinity];
  for (let a = 0; a < classCount; a++) {
    if (a === label) continue;
    const { mean, standardError } = meanScore(alignments, known, a, classCount);
    if (mean > score) [score, toward] = [mean, a];
    low = Math.max(low, mean - critical * standardError);
    high = Math.max(high, mean + critical * standardError);
  }
  return { score, toward, interval: unitsOf(alignments) < 2 ? [-Infinity, Infinity] : [low, high] };
}

function meanScore(
  { mean, squares, ...counts }: MeasuredAlignments,
  statistics: AlignmentStatistics,
  a: number,
  classCount: number,
): { readonly mean: number; readonly standardError: number } {
  const kinds = statistics.mean.length;
  const units = unitsOf(counts);
  let [sum, variance] = [0, 0];
  for (let k = 0; k < kinds; k++) {
    const sigma = statistics.std[k][a];
    sum += (mean[k * classCount + a] - statistics.mean[k][a]) / sigma;
    variance += squares[k * classCount + a] / (units - 1) / units / (sigma * sigma);
  }
  return { mean: sum / kinds, standardError: Math.sqrt(variance) / kinds };
}
