/** @file The usual normalization under which natural pictures have the statistics that a BatchNormalization has seen. */
import type { TypedGraph } from "../../../onnx/infer-shapes.ts";
import { type Initializer, type Node, usesOf } from "../../../onnx/model.ts";
import {
  affineOf,
  type Normalization,
  type NormalizationName,
  normalizationForChannels,
  normalizations,
} from "../preprocessing.ts";
import { type Source, statedBy } from "../source.ts";
import { correlationLengths, momentsOfFilters, naturalDeviation, naturalMean } from "./natural-pictures.ts";
import type { InputChain } from "./read-input-chain.ts";

/** The normalization under which pictures have what a BatchNormalization on the pixels has seen. */
export function seenByNormalization({
  channels,
  mean,
  variance,
}: NonNullable<InputChain["statistics"]>): Source | undefined {
  if (channels.length !== 3) return undefined;
  return bestFitting("the BatchNormalization on the pixels", 0.5, statisticNames, (name) => {
    const preset = normalizations[name];
    const { factor, offset } = affineOf({ ...preset, layout: "nchw" });
    const divergences = channels.map((map, c) => {
      const color = preset.channels === "bgr" ? 2 - map.source : map.source;
      const slope = map.factor * factor[map.source];
      const expected = map.factor * (factor[map.source] * naturalMean[color] + offset[map.source]) + map.offset;
      return divergenceOf(expected, (slope * naturalDeviation) ** 2, mean[c], variance[c]);
    });
    return divergences.reduce((sum, value) => sum + value, 0) / 3;
  });
}

/** Means that only pixels from 0 to 255 have, of whatever pictures: light ones, or those of one kind. */
export function seenBytes({ channels, mean }: NonNullable<InputChain["statistics"]>): Source | undefined {
  const means = channels.map(({ factor, offset }, c) => ((mean[c] ?? 0) - offset) / factor);
  const overall = means.reduce((sum, value) => sum + value, 0) / means.length;
  if (!(overall > mostOfUnits && overall < 256)) return undefined;
  const reason = `the BatchNormalization on the pixels has seen a mean of ${overall.toPrecision(3)}, which only pixels from 0 to 255 have`;
  return { stated: { ...statedBy("bytes"), channels: undefined }, reason, isSettled: true };
}

/** No pixels that are divided by 255, or by their deviation, have a mean as large as this. */
export const mostOfUnits = 2.5;

const grayNames = ["imagenet", "unit", "symmetric", "bytes"] as const;
const statisticNames = [...grayNames, "caffe"] as const;

/** The usual normalization of the least divergence from the statistics of `what`; undefined where that is not below `most`. */
function bestFitting(
  what: string,
  most: number,
  names: readonly NormalizationName[],
  divergenceUnder: (name: NormalizationName) => number,
): Source | undefined {
  const [best, second] = names
    .map((name) => ({ name, divergence: divergenceUnder(name) }))
    .sort((a, b) => a.divergence - b.divergence);
  if (!(best.divergence < most)) return undefined;
  const { normalization, channels } = statedBy(best.name);
  return {
    stated: { normalization, channels: channels === "bgr" ? channels : undefined },
    reason: `the statistics of ${what} fit (divergence ${best.divergence.toFixed(2)}; ${second.name} ${second.divergence.toFixed(2)})`,
    isSettled: second.divergence > 3 * best.divergence + 0.1,
  };
}

/** The Kullback–Leibler divergence between the normal distributions of an expected mean and variance and of those that were seen. */
function divergenceOf(expectedMean: number, expectedVariance: number, mean: number, variance: number): number {
  const ratio = expectedVariance / variance;
  return 0.5 * (ratio - 1 - Math.log(ratio) + (expectedMean - mean) ** 2 / variance);
}

/**
 * The normalization under which natural pictures give what the first BatchNormalization has seen: for a convolution's output the
 * mean is W·m + b and the variance wᵀΣw, where m and Σ are the mean and the covariance of a patch of the normalized picture. Each
 * candidate is judged by the Kullback–Leibler divergence between these and the running statistics, in the median over filters.
 */
export function seenByFirstLayer(typed: TypedGraph, first: Node | undefined): Source | undefined {
  const { graph, constants } = typed;
  if (first?.opType !== "Conv") return undefined;
  const [next] = usesOf(graph).get(first.outputs[0]) ?? [];
  if (next?.opType !== "BatchNormalization") return undefined;
  const weights = graph.initializers.get(first.inputs[1]);
  const [mean, variance] = [constants.get(next.inputs[3])?.data, constants.get(next.inputs[4])?.data];
  if (weights === undefined || weights.shape.length !== 4) return undefined;
  const [, channels] = weights.shape;
  if (channels !== 1 && channels !== 3) return undefined;
  if (mean === undefined || variance === undefined) return undefined;
  const bias = first.inputs[2] ? constants.get(first.inputs[2])?.data : undefined;
  const filters = { weights, bias, mean, variance };
  const tried = channels === 1 ? grayNames : statisticNames;
  return bestFitting("the first BatchNormalization", 0.3, tried, (name) => {
    const normalization = normalizationForChannels(normalizations[name], channels);
    return Math.min(...correlationLengths.map((length) => medianDivergence(filters, normalization, length)));
  });
}

interface FirstLayer {
  readonly weights: Initializer;
  readonly bias: Float64Array | undefined;
  readonly mean: Float64Array;
  readonly variance: Float64Array;
}

function medianDivergence(
  { weights, bias, mean, variance }: FirstLayer,
  normalization: Omit<Normalization, "layout">,
  correlationLength: number,
): number {
  const expected = momentsOfFilters(weights, normalization, correlationLength);
  const divergences = expected.map((one, o) =>
    divergenceOf(one.mean + (bias?.[o] ?? 0), one.variance, mean[o], variance[o]),
  );
  divergences.sort((a, b) => a - b);
  const median = divergences[Math.floor(divergences.length / 2)];
  return Number.isFinite(median) ? median : Number.POSITIVE_INFINITY;
}
