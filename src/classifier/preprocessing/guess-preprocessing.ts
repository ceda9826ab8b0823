/**
 * @file Guessing a model's preprocessing from the model.
 *
 * ONNX files do not say how their input was normalized, and a wrong guess costs accuracy silently. So the guess comes with its
 * reason, everything that shows it prints both, and every part can be given instead.
 */
import type { GeometryRule } from "../../image/geometry.ts";
import type { TypedGraph } from "../../onnx/infer-shapes.ts";
import { type Initializer, type Node, tensorOfInitializer, usesOf } from "../../onnx/model.ts";
import { hasTrait } from "../../onnx/operators/table.ts";
import { numbersOf } from "../../tensor/tensor.ts";
import type { ModelWarning, PreparedModel } from "../network/prepare-model.ts";
import {
  affineOf,
  checkNormalization,
  type Normalization,
  type NormalizationName,
  normalizationForChannels,
  normalizations,
  type Preprocessing,
} from "./preprocessing.ts";

export interface PreprocessingGuess {
  readonly preprocessing: Preprocessing;
  /** The name of the usual way that it is, if it is one. */
  readonly name: NormalizationName | undefined;
  /** Why, in a phrase; "as given" if nothing was guessed. */
  readonly reason: string;
  /** Whether pictures could still change the normalization: neither the caller nor the model itself settled it. */
  readonly isUncertain: boolean;
  /** What a user must know of it before trusting a result. */
  readonly warnings?: readonly ModelWarning[];
}

/** The statistics of natural pictures in [0, 1], per channel. */
const naturalMean = [0.46, 0.44, 0.4];

/** The preprocessing of `prepared`, where `given` holds the parts that the caller knows. */
export function guessPreprocessing(
  prepared: PreparedModel,
  typed: TypedGraph,
  given: Partial<Preprocessing>,
): PreprocessingGuess {
  const { model, layout, height, width, channels } = prepared;
  const complete = (["scale", "channels", "mean", "std"] as const).every((key) => given[key] !== undefined);
  const embedded = embeddedPreprocessing(model.metadata.get("preprocessing"));
  const found = complete
    ? { normalization: given, reason: "as given", certain: true }
    : embedded !== undefined
      ? { normalization: embedded, reason: "the model's own metadata", certain: true }
      : guessNormalization(prepared, typed);
  const base = normalizationForChannels({ ...normalizations.unit, ...found.normalization }, channels);
  const preprocessing: Preprocessing = {
    ...base,
    ...definedParts(given),
    layout,
    geometry: given.geometry ?? embedded?.geometry ?? usualGeometry(height, width),
  };
  const isPartlyGiven = given.scale !== undefined || given.mean !== undefined || given.std !== undefined;
  return {
    preprocessing,
    name: nameOf(preprocessing),
    reason: found.reason,
    isUncertain: !found.certain && !isPartlyGiven,
  };
}

/** The resize and crop that networks of this input size are usually evaluated with. */
export function usualGeometry(height: number, width: number): GeometryRule {
  if (height !== width || height < 128) return { resize: { kind: "exact", width, height }, interpolation: "bicubic" };
  return {
    resize: { kind: "shorter", size: Math.round((height * 256) / 224) },
    crop: { width, height },
    interpolation: "bilinear",
  };
}

/** The name of the usual normalization that computes the same (whatever scale it is written in), or undefined. */
export function nameOf(normalization: Normalization): NormalizationName | undefined {
  const wanted = affineOf(normalization);
  const same = (a: readonly number[], b: readonly number[]): boolean =>
    a.every((value, i) => Math.abs(value - b[i]) <= 1e-6 * Math.max(1, Math.abs(b[i])));
  return (Object.keys(normalizations) as NormalizationName[]).find((name) => {
    const channels = normalization.mean.length;
    // What is particular to red, green and blue is no name for other channels.
    if (channels !== 1 && channels !== 3 && normalizations[name].mean.some((mean) => mean !== 0)) return false;
    const preset = normalizationForChannels(normalizations[name], channels);
    const { factor, offset } = affineOf({ ...preset, layout: normalization.layout });
    const isSameOrder = preset.channels === normalization.channels;
    return isSameOrder && same(wanted.factor, factor) && same(wanted.offset, offset);
  });
}

function definedParts(given: Partial<Preprocessing>): Partial<Preprocessing> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** What the metadata entry "preprocessing" of a model says: JSON with the parts of {@link Preprocessing} and "size". */
function embeddedPreprocessing(text: string | undefined): Partial<Preprocessing> | undefined {
  if (text === undefined) return undefined;
  try {
    const { size: _, ...parts } = JSON.parse(text) as Record<string, unknown>;
    return checkNormalization("metadata", parts as Partial<Preprocessing>);
  } catch {
    return undefined;
  }
}

function guessNormalization(
  prepared: PreparedModel,
  typed: TypedGraph,
): { normalization: Partial<Normalization>; reason: string; certain: boolean } {
  const { graph, input } = prepared;
  if (prepared.model.graph.inputs.some(({ name, dtype }) => name === input && dtype === "uint8")) {
    return { normalization: normalizations.bytes, reason: "the model takes bytes", certain: true };
  }
  const uses = usesOf(graph);
  let [first] = uses.get(input) ?? [];
  let pixels = input;
  while (first !== undefined && (first.opType === "Cast" || first.opType === "Transpose")) {
    [pixels] = first.outputs;
    [first] = uses.get(pixels) ?? [];
  }
  if (first !== undefined && hasTrait(first, "affine")) {
    const operand = first.inputs.find((name) => name !== pixels) ?? "";
    const values = typed.constants.get(operand)?.data;
    if (values !== undefined) {
      // A model that divides by 255, or subtracts a mean of some tens, wants bytes; one that subtracts 0.5 wants [0, 1].
      const largest = Math.max(...Array.from(values, Math.abs));
      const wantsBytes = first.opType === "Mul" ? largest < 0.1 : largest > 3;
      const what = `the model normalizes its input itself (it begins with ${first.opType})`;
      return {
        normalization: wantsBytes ? normalizations.bytes : normalizations.unit,
        reason: `${what} and takes pixels from 0 to ${wantsBytes ? 255 : 1}`,
        certain: true,
      };
    }
  }
  const statistics = firstLayerStatistics(typed, first);
  if (statistics !== undefined) return statistics;
  const { producerName } = prepared.model;
  if (prepared.channels !== 1 && prepared.channels !== 3) {
    const reason = `nothing in the model says how its ${prepared.channels} channels are prepared: they are taken as they are`;
    return { normalization: normalizations.unit, reason, certain: true };
  }
  const isTensorFlow = /tf2onnx|tfl|tensorflow|keras/i.test(producerName) || prepared.layout === "nhwc";
  const name: NormalizationName = isTensorFlow ? "symmetric" : "imagenet";
  const usual = isTensorFlow ? "TensorFlow's networks" : "PyTorch's networks";
  return {
    normalization: normalizations[name],
    reason: `usual for ${usual}; nothing in the model says so`,
    certain: false,
  };
}

/**
 * The normalization under which natural pictures give what the first BatchNormalization has seen: for a convolution's output the
 * mean is W·m + b and the variance wᵀΣw, where m and Σ are the mean and the covariance of a patch of the normalized picture. Each
 * candidate is judged by the Kullback–Leibler divergence between these and the running statistics, in the median over filters.
 */
function firstLayerStatistics(
  typed: TypedGraph,
  first: Node | undefined,
): { normalization: Partial<Normalization>; reason: string; certain: boolean } | undefined {
  const { graph, constants } = typed;
  if (first?.opType !== "Conv") return undefined;
  const [next] = usesOf(graph).get(first.outputs[0]) ?? [];
  if (next?.opType !== "BatchNormalization") return undefined;
  const weights = graph.initializers.get(first.inputs[1]);
  const [mean, variance] = [constants.get(next.inputs[3])?.data, constants.get(next.inputs[4])?.data];
  if (weights === undefined || weights.shape.length !== 4 || weights.shape[1] !== 3) return undefined;
  if (mean === undefined || variance === undefined) return undefined;
  const bias = first.inputs[2] ? constants.get(first.inputs[2])?.data : undefined;
  const filters = { weights, bias, mean, variance };
  const candidates = (["imagenet", "unit", "symmetric", "caffe", "bytes"] as const)
    .map((name) => {
      const divergences = correlationLengths.map((length) => medianDivergence(filters, normalizations[name], length));
      return { name, divergence: Math.min(...divergences) };
    })
    .sort((a, b) => a.divergence - b.divergence);
  const [best, second] = candidates;
  if (!(best.divergence < 0.3)) return undefined;
  return {
    normalization: normalizations[best.name],
    reason: `the statistics of the first BatchNormalization fit (divergence ${best.divergence.toFixed(2)}; ${second.name} ${second.divergence.toFixed(2)})`,
    certain: second.divergence > 3 * best.divergence + 0.1,
  };
}

interface FirstLayer {
  readonly weights: Initializer;
  readonly bias: Float64Array | undefined;
  readonly mean: Float64Array;
  readonly variance: Float64Array;
}

/** Correlations of the channels red, green and blue at one pixel of natural pictures. */
const channelCorrelation = [
  [1, 0.93, 0.86],
  [0.93, 1, 0.95],
  [0.86, 0.95, 1],
];
/** Standard deviation of natural pixels in [0, 1]. */
const naturalDeviation = 0.25;
/** Distances in pixels at which the correlation of pixels has fallen to 1/e: of small, middling and large pictures. */
const correlationLengths = [3, 8, 20];

function medianDivergence(
  { weights, bias, mean, variance }: FirstLayer,
  preset: (typeof normalizations)[NormalizationName],
  correlationLength: number,
): number {
  const values = numbersOf(tensorOfInitializer(weights));
  const [filters, , height, width] = weights.shape;
  const area = height * width;
  const isReversed = preset.channels === "bgr";
  const { factor, offset } = affineOf({ ...preset, layout: "nchw" });
  const channelMean = factor.map((f, c) => f * naturalMean[isReversed ? 2 - c : c] + offset[c]);
  const channelDeviation = factor.map((f) => f * naturalDeviation);
  const near = Array.from({ length: area }, (_, i) =>
    Array.from({ length: area }, (_, j) => {
      const [dx, dy] = [(i % width) - (j % width), Math.floor(i / width) - Math.floor(j / width)];
      return Math.exp(-Math.hypot(dx, dy) / correlationLength);
    }),
  );
  const divergences = Array.from({ length: filters }, (_, o) => {
    let [expectedMean, expectedVariance] = [bias?.[o] ?? 0, 0];
    for (let c = 0; c < 3; c++) {
      for (let i = 0; i < area; i++) {
        const weight = values[(o * 3 + c) * area + i];
        expectedMean += weight * channelMean[c];
        for (let d = 0; d < 3; d++) {
          // The correlations are the same for blue, green and red but for the order, in which only two nearly equal ones change.
          const scale = weight * channelDeviation[c] * channelDeviation[d] * channelCorrelation[c][d];
          for (let j = 0; j < area; j++) expectedVariance += scale * near[i][j] * values[(o * 3 + d) * area + j];
        }
      }
    }
    const ratio = expectedVariance / variance[o];
    return 0.5 * (ratio - 1 - Math.log(ratio) + (expectedMean - mean[o]) ** 2 / variance[o]);
  });
  divergences.sort((a, b) => a - b);
  const median = divergences[Math.floor(filters / 2)];
  return Number.isFinite(median) ? median : Number.POSITIVE_INFINITY;
}
