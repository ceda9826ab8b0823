/**
 * @file How a model's pixels are prepared: what is given, what files and metadata state, what the graph shows, and what is left to guess.
 *
 * ONNX files seldom say how their input was normalized, and a wrong guess costs accuracy silently. So each part comes with its
 * reason, everything that shows it prints both, and every part can be given instead.
 */
import type { GeometryRule } from "../../image/geometry.ts";
import type { TypedGraph } from "../../onnx/infer-shapes.ts";
import { incidentalLast } from "../incidental.ts";
import { imagenetCounts, type ModelWarning, type PreparedModel } from "../network/prepare-model.ts";
import {
  affineOf,
  checkConsistent,
  fullScaleOf,
  type Normalization,
  type NormalizationName,
  normalizationForChannels,
  normalizations,
  type Preprocessing,
} from "./preprocessing.ts";
import { statedInMetadata } from "./read-metadata.ts";
import { type ShownRange, wasNormalized } from "./shown/first-response.ts";
import { isOfDigitsSize } from "./shown/natural-pictures.ts";
import { declaredType, shownByGraph } from "./shown/shown-by-graph.ts";
import { type Source, type StatedBeside, type StatedPreprocessing, statedBy } from "./source.ts";
import {
  byChannels,
  filledUp,
  orderWarnings,
  otherNumbers,
  rangeWarnings,
  sizeWarnings,
  twiceWarnings,
} from "./source-warnings.ts";

export interface PreprocessingGuess {
  readonly preprocessing: Preprocessing;
  /** The name of the usual way that it is, if it is one. */
  readonly name: NormalizationName | undefined;
  /** Why, in a phrase; "as given" if nothing was guessed. */
  readonly reason: string;
  /** Whether pictures could still change the normalization: neither the caller nor the model itself settled it. */
  readonly isUncertain: boolean;
  /** Which range of pixels the first layer was trained on, where its weights tell: pictures are asked about no other then. */
  readonly range?: ShownRange["range"];
  /** Whether the order of the channels is known: pictures could change it otherwise. */
  readonly hasKnownChannels: boolean;
  /** Why the pictures are resized and cropped as they are, a phrase. */
  readonly geometryReason: string;
  /** What a user must know of it before trusting a result. */
  readonly warnings?: readonly ModelWarning[];
}

/**
 * Whether pictures could tell something of a guess for a network of so many channels: its normalization, the order of the channels, or of one channel
 * that it was trained on the negatives of such pictures.
 */
export function isOpenToPictures(guess: PreprocessingGuess, channels: number): boolean {
  return guess.isUncertain || channels === 1 || (!guess.hasKnownChannels && channels === 3);
}

const isLast = ({ isIncidental = false }: StatedBeside): boolean => isIncidental;

/** The input size that files beside a model or its metadata state, for models that leave it open. */
export function statedInputSize(
  model: PreparedModel["model"],
  beside: readonly StatedBeside[],
): readonly [height: number, width: number] | undefined {
  const all: readonly StatedBeside[] = [...beside, ...statedInMetadata(model).stated];
  return incidentalLast(all)
    .map(({ stated }) => stated.inputSize)
    .find((size) => size !== undefined);
}

/**
 * The preprocessing of `prepared`: of each part the first of what is given, what files `beside` the model state, what its metadata states,
 * what its graph shows, and what is usual. Throws a MisuseError for numbers that cannot be meant together.
 */
export function guessPreprocessing(
  prepared: PreparedModel,
  typed: TypedGraph,
  given: StatedPreprocessing,
  beside: readonly StatedBeside[] = [],
): PreprocessingGuess {
  const { model, layout, height, width, channels } = prepared;
  const metadata = statedInMetadata(model, prepared.input);
  const settled = (one: StatedBeside): Source => ({ ...one, isSettled: true });
  const { fitting, unfit } = byChannels([...beside, ...metadata.stated], channels);
  const files = fitting.filter((one) => !isLast(one)).map(settled);
  const graph = shownByGraph(prepared, typed);
  const sources: Source[] = [
    { stated: given, reason: "as given", isSettled: true },
    ...files,
    ...graph.taken,
    ...fitting.filter(isLast).map(settled),
    ...graph.seen,
  ];
  const stated = sources.find(({ stated: { normalization } }) => Object.keys(normalization).length > 0);
  const normalized = stated ?? usual(prepared, typed, graph.range);
  // What statistics fit is one of the usual normalizations, whose order nobody stated.
  const byMeans = graph.seen.includes(normalized) ? undefined : orderOfMeans(normalized);
  const ordered =
    sources.find(({ stated }) => stated.channels !== undefined) ??
    byMeans ??
    orderOfProducer(model.producerName) ??
    (normalized.stated.channels === undefined ? undefined : normalized);
  const placed = sources.find(({ stated }) => stated.geometry !== undefined);
  const filled = filledUp(normalized.stated.normalization);
  checkConsistent(normalized.reason === "as given" ? "preprocessing" : normalized.reason, filled);
  const order = ordered?.stated.channels ?? "rgb";
  // What is stated is in the network's order; what is usual is in its own.
  const isTurned = stated === undefined && order !== (normalized.stated.channels ?? "rgb");
  const turned = isTurned ? { ...filled, mean: filled.mean.toReversed(), std: filled.std.toReversed() } : filled;
  const base = normalizationForChannels({ ...turned, channels: order }, channels);
  const preprocessing: Preprocessing = {
    ...base,
    layout,
    geometry: placed?.stated.geometry?.(height, width) ?? usualGeometry(height, width, prepared.classCount),
  };
  const { reason } = normalized;
  const assumed = `${assumedBeside(normalized.stated.normalization)}${assumedDepth(normalized.stated.normalization, filled)}`;
  const isTold = order === "bgr" && ordered !== undefined && ordered !== normalized && channels === 3;
  return {
    preprocessing,
    name: nameOf(preprocessing),
    reason: isTold ? `${reason}${assumed}; channels bgr: ${ordered.reason}` : `${reason}${assumed}`,
    isUncertain: !normalized.isSettled,
    ...(graph.range === undefined ? {} : { range: graph.range.range }),
    hasKnownChannels: ordered?.isSettled ?? false,
    geometryReason: placed?.reason ?? usualGeometryReason(height, width, prepared.classCount),
    warnings: [
      ...metadata.warnings,
      ...unfit,
      ...otherNumbers(normalized, files, channels),
      ...sizeWarnings(sources, placed, height, width),
      ...orderWarnings(byMeans, ordered, channels),
      ...rangeWarnings(normalized, preprocessing, graph.range),
      ...twiceWarnings(normalized, preprocessing, graph.taken, declaredType(prepared)),
    ],
  };
}

/**
 * The order of the channels by means that are ImageNet's, of pixels in [0, 1] or 0 … 255, in the order red, green, blue or blue, green, red.
 * Other means, such as those of street numbers, may rise without meaning anything.
 */
function orderOfMeans({ stated, reason, isSettled }: Source): Source | undefined {
  const { mean } = stated.normalization;
  if (mean?.length !== 3 || !isSettled) return undefined;
  const isNear = (means: readonly number[]): boolean =>
    means.every((value, c) => Math.abs((mean[c] ?? 0) - value) <= 0.02 * value);
  const known = [normalizations.imagenet.mean, normalizations.imagenet.mean.map((value) => 255 * value)];
  const isBgr = known.some((means) => isNear(means.toReversed()));
  if (!isBgr && !known.some(isNear)) return undefined;
  const words = isBgr ? "blue, green, red" : "red, green, blue";
  const why = `the means (${reason}) are ImageNet's in the order ${words}`;
  return { stated: { normalization: {}, channels: isBgr ? "bgr" : "rgb" }, reason: why, isSettled: true };
}

/** The order in which a producer's own way to read pictures gives their channels. */
function orderOfProducer(name: string): Source | undefined {
  if (!/matlab/i.test(name)) return undefined;
  return {
    stated: { normalization: {}, channels: "rgb" },
    reason: "MATLAB reads pictures as red, green, blue",
    isSettled: true,
  };
}

/** Of means without deviations, or the other way round: what is taken for the others. */
function assumedBeside({ mean, std }: Partial<Normalization>): string {
  if (mean !== undefined && std === undefined) return "; std 1, since none is given";
  return mean === undefined && std !== undefined ? "; mean 0, since none is given" : "";
}

/** Of numbers beyond 255: which samples they are taken to be of. */
function assumedDepth({ scale }: Partial<Normalization>, filled: Pick<Normalization, "scale">): string {
  const fullScale = fullScaleOf(filled);
  return fullScale === undefined || scale === fullScale ? "" : `; beyond 255, so of samples from 0 to ${fullScale}`;
}

/** Of pictures so small Keras' networks are usually trained from nothing, on pixels divided by 255; published ones take larger. */
const mostOfSmall = 64;

/** Networks of smaller pictures that take them to 255 take them as they are; Caffe's own take 224 or more. */
const leastOfCaffe = 192;

/** Whether pixels less Caffe's means are likely enough to be tried. */
export function mayBeOfCaffe({ model, channels, height, width }: PreparedModel): boolean {
  return channels === 3 && (Math.min(height, width) >= leastOfCaffe || /caffe/i.test(model.producerName));
}

/** What is usual for networks of this kind, where nothing says so. */
function usual(prepared: PreparedModel, { graph }: TypedGraph, shown: ShownRange | undefined): Source {
  const { producerName } = prepared.model;
  if (prepared.channels !== 1 && prepared.channels !== 3) {
    const reason = `nothing in the model says how its ${prepared.channels} channels are prepared: they are taken as they are`;
    return { stated: statedBy("unit"), reason, isSettled: true };
  }
  const isTensorFlow = /tf2onnx|tfl|tensorflow|keras/i.test(producerName) || prepared.layout === "nhwc";
  const isSmall = Math.max(prepared.height, prepared.width) <= mostOfSmall;
  if (shown?.range === "bytes") {
    const isPlain = !mayBeOfCaffe(prepared);
    const name: NormalizationName = isPlain ? "bytes" : "caffe";
    const what = isPlain ? "pixels as they are" : "Caffe's means are usual for these";
    return {
      stated: { ...statedBy(name), channels: isPlain ? undefined : statedBy(name).channels },
      reason: `the weights of its first layer are made for pixels from 0 to 255; ${what}`,
      isSettled: false,
    };
  }
  if (isOfDigitsSize(prepared)) {
    const reason = "usual for small networks of one channel; nothing in the model says so";
    return { stated: statedBy("unit"), reason, isSettled: false };
  }
  // What people stack themselves divides by 255; what Keras publishes is residual or of single channels.
  const isOwn = isSmall || !wasNormalized(graph);
  const isGray = prepared.channels === 1 && prepared.classCount !== 1000;
  const name: NormalizationName = isGray ? "unit" : isTensorFlow ? (isOwn ? "unit" : "symmetric") : "imagenet";
  const kind = isSmall ? "small " : isOwn ? "plain " : "";
  const networks = isGray
    ? "networks of one channel"
    : isTensorFlow
      ? `TensorFlow's ${kind}networks`
      : "PyTorch's networks";
  return {
    stated: { ...statedBy(name), channels: undefined },
    reason: `usual for ${networks}; nothing in the model says so`,
    isSettled: false,
  };
}

/** ImageNet's own classes, and those of its larger sets. */
const isOfImagenet = (classCount: number): boolean => imagenetCounts.includes(classCount) || classCount > 10000;

/** Whether pictures are as large as those of ImageNet's networks. */
const isLarge = (height: number, width: number): boolean => height === width && height >= 128;

function usualGeometryReason(height: number, width: number, classCount: number): string {
  return `usual for ${isLarge(height, width) && !isOfImagenet(classCount) ? "classes of one's own" : "this size"}`;
}

/**
 * The resize and crop that networks of this input size are usually evaluated with: published ones of ImageNet's classes cut out the middle. People's own classes get the
 * whole picture: of 48 repositories with such a network about 37 only stretched it, and 5 cropped.
 */
export function usualGeometry(height: number, width: number, classCount: number): GeometryRule {
  if (!isLarge(height, width) || !isOfImagenet(classCount)) {
    const interpolation = isLarge(height, width) ? "bilinear" : "bicubic";
    return { resize: { kind: "exact", width, height }, interpolation };
  }
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
