/** @file Shares and means over pictures with their intervals, also where pictures come more than once. */
import { checkKeys } from "../../errors.ts";
import { bootstrapMean, mcnemarTest, signFlipTest, wilsonInterval } from "../statistics/statistics.ts";

/** A share or a mean with its 95 % confidence interval. */
export interface IntervalEstimate {
  readonly value: number;
  readonly interval: readonly [low: number, high: number];
  /** How many pictures it is of. */
  readonly count: number;
}

/** How records hang together where several networks saw the same pictures: these are no independent trials. */
export interface Pooling {
  /** What stands for the picture itself, of the image's identifier in a record's key. Default: every record is a picture of its own. */
  readonly clusterOf?: (image: string) => string;
}

/** Throws a MisuseError in the name of `where` for a key that {@link Pooling} does not have. */
export function checkPooling(where: string, pooling: Pooling): void {
  checkKeys(`${where}: pooling`, pooling, ["clusterOf"]);
}

/** The picture of each image, in the same order; undefined where each is one of its own. */
export function clustersOf(images: readonly string[], { clusterOf }: Pooling): string[] | undefined {
  return clusterOf === undefined ? undefined : images.map(clusterOf);
}

/** The share of no pictures at all: anything is possible. */
export const unknownShare: IntervalEstimate = { value: 0, interval: [0, 1], count: 0 };

/** The share of hits: with Wilson's interval, or with a bootstrap over `clusters`. null for none. */
export function shareEstimate(hits: readonly boolean[], clusters?: readonly string[]): IntervalEstimate | null {
  if (clusters !== undefined) return meanEstimate(hits.map(Number), clusters);
  const estimate = wilsonInterval(hits.filter((hit) => hit).length, hits.length);
  return estimate === undefined
    ? null
    : { value: estimate.value, interval: [estimate.low, estimate.high], count: hits.length };
}

/** The mean with a bootstrap interval; values of one cluster are drawn together. null for none. */
export function meanEstimate(values: readonly number[], clusters?: readonly string[]): IntervalEstimate | null {
  const estimate = bootstrapMean(values, { clusters, resamples: 2000 });
  return estimate === undefined
    ? null
    : { value: estimate.value, interval: [estimate.low, estimate.high], count: values.length };
}

/**
 * The chance of a sum of `gains` (−1, 0 or 1: one method is wrong, both or none, the other) at least as far from 0 if the two were equally good:
 * McNemar's exact test, or, with clusters, random signs for whole clusters.
 */
export function pairedTest(gains: readonly number[], clusters?: readonly string[]): number {
  if (clusters !== undefined) return signFlipTest(gains, { clusters, resamples: 20_000 });
  return mcnemarTest(gains.filter((gain) => gain > 0).length, gains.filter((gain) => gain < 0).length);
}
