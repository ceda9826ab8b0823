/** @file Estimates with intervals, paired tests, and rank correlation. */
import { checkForm, checkKeys, MisuseError, numberIn } from "../../errors.ts";
import { chance, integer } from "../../random/distributions.ts";
import { normalQuantile } from "../../random/normal-quantile.ts";
import { createRandom, type Random } from "../../random/random.ts";

/** A number and the interval that covers the true one with the wanted confidence. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

export interface ConfidenceOptions {
  /** In (0, 1); default 0.95. */
  readonly confidence?: number;
}

export interface ResamplingOptions extends ConfidenceOptions {
  /** How often is drawn; default 10 000. */
  readonly resamples?: number;
  /** Default: a generator of fixed seed, so that equal data give equal numbers. */
  readonly random?: Random;
}

const defaultResamples = 10_000;

/** Half the width, in standard deviations, of the part of a normal distribution that holds `confidence` of it: 1.96 for 0.95. */
export function deviationsOf({ confidence = 0.95 }: ConfidenceOptions = {}): number {
  return normalQuantile((1 + numberIn("confidence", confidence, { min: 0, max: 1 - 1e-9 })) / 2);
}

/**
 * The share of successes with Wilson's score interval (Wilson 1927, without continuity correction), which stays within [0, 1] and is not
 * empty at 0 or at all successes. Undefined for no trials.
 */
export function wilsonInterval(
  successes: number,
  trials: number,
  options: ConfidenceOptions = {},
): Estimate | undefined {
  checkKeys("wilsonInterval", options, ["confidence"]);
  numberIn("wilsonInterval: trials", trials, { min: 0, integer: true });
  numberIn("wilsonInterval: successes", successes, { min: 0, max: trials, integer: true });
  if (trials === 0) return undefined;
  const z = deviationsOf(options);
  const value = successes / trials;
  const center = (value + (z * z) / (2 * trials)) / (1 + (z * z) / trials);
  const half =
    (z / (1 + (z * z) / trials)) * Math.sqrt((value * (1 - value)) / trials + (z * z) / (4 * trials * trials));
  // At the ends the interval ends exactly there; rounding must not say otherwise.
  return {
    value,
    low: successes === 0 ? 0 : Math.max(0, center - half),
    high: successes === trials ? 1 : Math.min(1, center + half),
  };
}

/**
 * The mean of the values with its percentile bootstrap interval (Efron and Tibshirani 1993, section 13.3). Values with the same
 * entry in `clusters` (such as their image) are drawn together. Undefined for no values.
 */
export function bootstrapMean(
  values: readonly number[],
  options: ResamplingOptions & { readonly clusters?: readonly string[] } = {},
): Estimate | undefined {
  checkKeys("bootstrapMean", options, ["confidence", "resamples", "random", "clusters"]);
  checkForm("bootstrapMean: values", values, "list");
  if (values.length === 0) return undefined;
  const { clusters, ...resampling } = options;
  const groups = clusterSums(values, clusters);
  const meanOf = (drawn: readonly { readonly sum: number; readonly count: number }[]): number => {
    let [sum, count] = [0, 0];
    for (const group of drawn) {
      sum += group.sum;
      count += group.count;
    }
    return sum / count;
  };
  return bootstrap(groups, meanOf, resampling);
}

/**
 * A statistic of the units with its percentile bootstrap interval: as many units are drawn with replacement as there are, and the
 * ends are the quantiles of the statistic over the draws (interpolated linearly). Draws for which it is NaN are left out.
 */
export function bootstrap<U>(
  units: readonly U[],
  statistic: (drawn: readonly U[]) => number,
  options: ResamplingOptions = {},
): Estimate {
  checkKeys("bootstrap", options, ["confidence", "resamples", "random"]);
  const { confidence = 0.95, resamples = defaultResamples, random = createRandom(0) } = options;
  checkForm("bootstrap: units", units, "list");
  checkForm("bootstrap: statistic", statistic, "function");
  numberIn("confidence", confidence, { min: 0, max: 1 });
  numberIn("resamples", resamples, { min: 1, integer: true });
  const drawn = [...units];
  const statistics: number[] = [];
  for (let resample = 0; resample < resamples; resample++) {
    for (let i = 0; i < units.length; i++) drawn[i] = units[integer(random, 0, units.length)];
    const value = statistic(drawn);
    if (!Number.isNaN(value)) statistics.push(value);
  }
  const sorted = Float64Array.from(statistics).sort();
  return {
    value: statistic(units),
    low: quantile(sorted, (1 - confidence) / 2),
    high: quantile(sorted, (1 + confidence) / 2),
  };
}

/** The quantile at `share` in [0, 1] of sorted numbers, between two of them by linear interpolation (NumPy's default). NaN for none. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const position = share * (sorted.length - 1);
  const below = Math.floor(position);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted.length === 0 ? Number.NaN : sorted[below] + (position - below) * (sorted[above] - sorted[below]);
}

/** Sum and number of the values of each cluster; each value is its own without `clusters`. */
function clusterSums(
  values: readonly number[],
  clusters: readonly string[] | undefined,
): { sum: number; count: number }[] {
  if (clusters === undefined) return values.map((sum) => ({ sum, count: 1 }));
  if (clusters.length !== values.length) {
    throw new MisuseError({
      where: "clusters",
      what: "wrong number of entries",
      expected: `one for each of ${values.length} values`,
      got: String(clusters.length),
    });
  }
  const sums = new Map<string, { sum: number; count: number }>();
  for (const [index, value] of values.entries()) {
    const group = sums.get(clusters[index]) ?? { sum: 0, count: 0 };
    sums.set(clusters[index], { sum: group.sum + value, count: group.count + 1 });
  }
  return [...sums.values()];
}

/**
 * The two-sided p-value of McNemar's exact test that two methods err equally often on the same images: of the images on which
 * just one of them errs, `firstOnly` and `secondOnly`, each is a fair coin's toss. 1 if there is no such image.
 */
export function mcnemarTest(firstOnly: number, secondOnly: number): number {
  const fewer = numberIn("mcnemarTest", Math.min(firstOnly, secondOnly), { min: 0, integer: true });
  const n = fewer + numberIn("mcnemarTest", Math.max(firstOnly, secondOnly), { min: 0, integer: true });
  // log of the probability of `fewer` heads in n tosses, in logarithms since 2⁻ⁿ underflows.
  let logarithm = -n * Math.LN2;
  for (let i = 0; i < fewer; i++) logarithm += Math.log((n - i) / (i + 1));
  let [sum, term] = [0, 1];
  for (let k = fewer; k >= 0; k--) {
    sum += term;
    term *= k / (n - k + 1);
  }
  return Math.min(1, 2 * Math.exp(logarithm) * sum);
}

/** So many differences or fewer: all 2ⁿ signs are tried. */
const exactSigns = 14;

/**
 * The two-sided p-value of the paired permutation test that differences are symmetric about 0: how often random signs give a sum
 * at least as far from 0 as the one observed. Exact for up to 14 differences that are not 0; otherwise (1 + hits) / (1 + resamples),
 * which is never 0. Differences with the same entry in `clusters` share their sign. 1 if all differences are 0.
 */
export function signFlipTest(
  differences: readonly number[],
  options: Omit<ResamplingOptions, "confidence"> & { readonly clusters?: readonly string[] } = {},
): number {
  checkKeys("signFlipTest", options, ["resamples", "random", "clusters"]);
  checkForm("signFlipTest: differences", differences, "list");
  checkForm("signFlipTest: options", options, []);
  const { clusters, resamples = defaultResamples, random = createRandom(0) } = options;
  const sums = clusterSums(differences, clusters)
    .map(({ sum }) => sum)
    .filter((sum) => sum !== 0);
  const observed = Math.abs(sums.reduce((total, sum) => total + sum, 0));
  // The same terms in another order may differ in the last bits.
  const reach = observed - 1e-12 * sums.reduce((total, sum) => total + Math.abs(sum), 0);
  const isHit = (isNegative: (index: number) => boolean): boolean => {
    let total = 0;
    for (let i = 0; i < sums.length; i++) total += isNegative(i) ? -sums[i] : sums[i];
    return Math.abs(total) >= reach;
  };
  let hits = 0;
  if (sums.length <= exactSigns) {
    const all = 2 ** sums.length;
    for (let signs = 0; signs < all; signs++) if (isHit((index) => ((signs >> index) & 1) === 1)) hits++;
    return hits / all;
  }
  for (let resample = 0; resample < resamples; resample++) if (isHit(() => chance(random, 0.5))) hits++;
  return (1 + hits) / (1 + resamples);
}

/** The p-values adjusted for their number by Holm's step-down method (Holm 1979), in the same order, each at most 1. */
export function holmAdjust(pValues: readonly number[]): number[] {
  checkForm("holmAdjust: pValues", pValues, "list");
  const adjusted = new Array<number>(pValues.length);
  let largest = 0;
  const order = pValues.map((_, index) => index).sort((a, b) => pValues[a] - pValues[b]);
  for (const [rank, index] of order.entries()) {
    largest = Math.max(largest, Math.min(1, (pValues.length - rank) * pValues[index]));
    adjusted[index] = largest;
  }
  return adjusted;
}

/** The rank of each value from 1, by size; equal values share the mean of their ranks. */
export function midranks(values: ArrayLike<number>): Float64Array {
  const sorted = Float64Array.from(values).sort();
  const rankOf = new Map<number, number>();
  for (let start = 0; start < sorted.length; ) {
    let end = start + 1;
    while (end < sorted.length && sorted[end] === sorted[start]) end++;
    rankOf.set(sorted[start], (start + 1 + end) / 2);
    start = end;
  }
  return Float64Array.from(values, (value) => rankOf.get(value) ?? Number.NaN);
}

/** Pearson's correlation coefficient, in [−1, 1]; undefined if either side is constant or has fewer than two values. */
export function pearson(left: ArrayLike<number>, right: ArrayLike<number>): number | undefined {
  checkForm("pearson: left", left, "numbers");
  checkForm("pearson: right", right, "numbers");
  const n = left.length;
  if (right.length !== n) {
    throw new MisuseError({
      where: "correlation",
      what: "unequal lengths",
      expected: String(n),
      got: String(right.length),
    });
  }
  let [meanLeft, meanRight] = [0, 0];
  for (let i = 0; i < n; i++) {
    meanLeft += left[i] / n;
    meanRight += right[i] / n;
  }
  let [product, squareLeft, squareRight] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    const [x, y] = [left[i] - meanLeft, right[i] - meanRight];
    product += x * y;
    squareLeft += x * x;
    squareRight += y * y;
  }
  if (!(squareLeft > 0 && squareRight > 0)) return undefined;
  return Math.max(-1, Math.min(1, product / Math.sqrt(squareLeft * squareRight)));
}

/** Spearman's rank correlation, in [−1, 1]: Pearson's of the ranks, equal values sharing theirs; undefined as `pearson`. */
export function spearman(left: ArrayLike<number>, right: ArrayLike<number>): number | undefined {
  checkForm("spearman: left", left, "numbers");
  checkForm("spearman: right", right, "numbers");
  return pearson(midranks(left), midranks(right));
}
