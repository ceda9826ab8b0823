/**
 * @file Guessing a model's preprocessing from the model.
 *
 * ONNX files do not say how their input was normalized, and a wrong guess costs accuracy silently. So the guess comes with its
 * reason, everything that shows it prints both, and every part can be given instead.
 */
import type { GeometryRule } from "../image/geometry.ts";
import type { TypedGraph } from "../onnx/infer-shapes.ts";
import { type Initializer, type Node, tensorOfInitializer, usesOf } from "../onnx/model.ts";
import { numbersOf } from "../tensor/tensor.ts";
import type { PreparedModel } from "./prepare-model.ts";
import {
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
}

/** The statistics of natural pictures in [0, 1], per channel: what a network's first layer sees on average. */
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

/** The name of a usual normalization, or undefined. */
export function nameOf(normalization: Normalization): NormalizationName | undefined {
  const same = (a: readonly number[], b: readonly number[]): boolean =>
    a.every((value, i) => Math.abs(value - b[i]) < 1e-6);
  return (Object.keys(normalizations) as NormalizationName[]).find((name) => {
    const preset = normalizations[name];
    return (
      preset.scale === normalization.scale &&
      preset.channels === normalization.channels &&
      same(normalization.mean, preset.mean) &&
      same(normalization.std, preset.std)
    );
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
  const [first] = usesOf(graph).get(input) ?? [];
  if (first !== undefined && ["Sub", "Div", "Mul", "Add"].includes(first.opType)) {
    const operand = first.inputs.find((name) => name !== input) ?? "";
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
 * The normalization under which the first BatchNormalization's running mean is what natural pictures give: the mean of a
 * convolution's output is the sum of its weights times the mean of its input, so the three channel means can be solved for.
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
  if (weights === undefined || weights.shape[1] !== 3 || mean === undefined || variance === undefined) return undefined;
  const bias = first.inputs[2] ? constants.get(first.inputs[2])?.data : undefined;
  const input = solveInputMean(weights, mean, variance, bias);
  if (input === undefined) return undefined;
  const candidates = (["imagenet", "unit", "symmetric", "caffe", "bytes"] as const).map((name) => {
    const { scale, mean: m, std, channels } = normalizations[name];
    const [gain, shift] = scale === "symmetric" ? [2, -1] : [scale, 0];
    const natural = channels === "bgr" ? naturalMean.toReversed() : naturalMean;
    // Distance of the mean found from the one expected, in units of the spread of pixels (about 0.25) under this candidate.
    const distance = Math.hypot(
      ...natural.map((x, c) => ((gain * x + shift - m[c]) / std[c] - input[c]) / ((0.25 * gain) / std[c])),
    );
    return { name, distance };
  });
  candidates.sort((a, b) => a.distance - b.distance);
  const [best, second] = candidates;
  if (best.distance > 0.8) return undefined;
  return {
    normalization: normalizations[best.name],
    reason: `the first BatchNormalization expects inputs around (${input.map((x) => x.toFixed(2)).join(", ")})`,
    certain: second.distance > 2 * best.distance + 0.3,
  };
}

/** The least-squares solution of Σ_c w_oc m_c + b_o = μ_o, rows weighted by 1/σ_o, where w_oc is the sum of a filter's channel. */
function solveInputMean(
  weights: Initializer,
  mean: Float64Array,
  variance: Float64Array,
  bias: Float64Array | undefined,
): number[] | undefined {
  const values = numbersOf(tensorOfInitializer(weights));
  const [filters] = weights.shape;
  const area = values.length / (filters * 3);
  const normal = Array.from({ length: 3 }, () => [0, 0, 0, 0]);
  for (let o = 0; o < filters; o++) {
    const row = [0, 1, 2].map((c) => {
      let sum = 0;
      for (let i = 0; i < area; i++) sum += values[(o * 3 + c) * area + i];
      return sum;
    });
    const weight = 1 / (variance[o] + 1e-12);
    const right = mean[o] - (bias?.[o] ?? 0);
    for (let i = 0; i < 3; i++) {
      for (let j = 0; j < 3; j++) normal[i][j] += weight * row[i] * row[j];
      normal[i][3] += weight * row[i] * right;
    }
  }
  // A little ridge: filters often look at differences of channels only, which leaves their common level open.
  const trace = normal[0][0] + normal[1][1] + normal[2][2];
  for (let i = 0; i < 3; i++) normal[i][i] += 1e-4 * trace;
  for (let i = 0; i < 3; i++) {
    if (!(Math.abs(normal[i][i]) > 0)) return undefined;
    for (let k = 0; k < 3; k++) {
      if (k === i) continue;
      const factor = normal[k][i] / normal[i][i];
      for (let j = i; j < 4; j++) normal[k][j] -= factor * normal[i][j];
    }
  }
  const solution = normal.map((row, i) => row[3] / row[i]);
  return solution.every(Number.isFinite) ? solution : undefined;
}
