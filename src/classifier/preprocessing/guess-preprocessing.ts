/**
 * @file How a model's pixels are prepared: what is given, what files and metadata state, what the graph shows, and what is left to guess.
 *
 * ONNX files seldom say how their input was normalized, and a wrong guess costs accuracy silently. So each part comes with its
 * reason, everything that shows it prints both, and every part can be given instead.
 */
import { describeGeometry, type GeometryRule } from "../../image/geometry.ts";
import type { TypedGraph } from "../../onnx/infer-shapes.ts";
import { type Initializer, type Node, tensorOfInitializer, usesOf } from "../../onnx/model.ts";
import { numbersOf } from "../../tensor/tensor.ts";
import type { ModelWarning, PreparedModel } from "../network/prepare-model.ts";
import type { ChannelMap } from "./channel-maps.ts";
import {
  affineOf,
  areOfBytes,
  checkConsistent,
  type Normalization,
  type NormalizationName,
  normalizationForChannels,
  normalizations,
  type Preprocessing,
} from "./preprocessing.ts";
import type { StatedPreprocessing } from "./read-config.ts";
import { type InputChain, readInputChain } from "./read-input-chain.ts";
import { statedInMetadata } from "./read-metadata.ts";

export interface PreprocessingGuess {
  readonly preprocessing: Preprocessing;
  /** The name of the usual way that it is, if it is one. */
  readonly name: NormalizationName | undefined;
  /** Why, in a phrase; "as given" if nothing was guessed. */
  readonly reason: string;
  /** Whether pictures could still change the normalization: neither the caller nor the model itself settled it. */
  readonly isUncertain: boolean;
  /** Whether the order of the channels is known: pictures could change it otherwise. */
  readonly hasKnownChannels: boolean;
  /** Why the pictures are resized and cropped as they are, a phrase. */
  readonly geometryReason: string;
  /** What a user must know of it before trusting a result. */
  readonly warnings?: readonly ModelWarning[];
}

/** Whether pictures could change a guess for a network of so many channels: its normalization, or the order of the channels. */
export function isOpenToPictures(guess: PreprocessingGuess, channels: number): boolean {
  return guess.isUncertain || (!guess.hasKnownChannels && channels === 3);
}

/** The statistics of natural pictures in [0, 1], per channel. */
const naturalMean = [0.46, 0.44, 0.4];

/** Preprocessing that a file beside the model states, with the phrase that says so. */
export interface StatedBeside {
  readonly stated: StatedPreprocessing;
  readonly reason: string;
}

/** A statement on preprocessing, in the order of trust. */
interface Source extends StatedBeside {
  /** Whether pictures can no longer change the normalization. */
  readonly isSettled: boolean;
}

/** The input size that files beside a model or its metadata state, for models that leave it open. */
export function statedInputSize(
  model: PreparedModel["model"],
  beside: readonly StatedBeside[],
): readonly [height: number, width: number] | undefined {
  const all = [...beside, ...statedInMetadata(model).stated];
  return all.map(({ stated }) => stated.inputSize).find((size) => size !== undefined);
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
  const files = fitting.map(settled);
  const graph = shownByGraph(prepared, typed);
  const sources: Source[] = [
    { stated: given, reason: "as given", isSettled: true },
    ...files,
    ...graph.taken,
    ...graph.seen,
  ];
  const stated = sources.find(({ stated: { normalization } }) => Object.keys(normalization).length > 0);
  const normalized = stated ?? usual(prepared);
  // What statistics fit is one of the usual normalizations, whose order nobody stated.
  const byMeans = graph.seen.includes(normalized) ? undefined : orderOfMeans(normalized);
  const ordered =
    sources.find(({ stated }) => stated.channels !== undefined) ??
    byMeans ??
    (normalized.stated.channels === undefined ? undefined : normalized);
  const placed = sources.find(({ stated }) => stated.geometry !== undefined);
  const filled = filledUp(normalized.stated.normalization);
  checkConsistent(normalized.reason === "as given" ? "preprocessing" : normalized.reason, filled);
  const order = ordered?.stated.channels ?? "rgb";
  // What is stated is in the network's order; what is usual is of red, green and blue.
  const isTurned = stated === undefined && order === "bgr";
  const turned = isTurned ? { ...filled, mean: filled.mean.toReversed(), std: filled.std.toReversed() } : filled;
  const base = normalizationForChannels({ ...turned, channels: order }, channels);
  const preprocessing: Preprocessing = {
    ...base,
    layout,
    geometry: placed?.stated.geometry?.(height, width) ?? usualGeometry(height, width),
  };
  const { reason } = normalized;
  const assumed = assumedBeside(normalized.stated.normalization);
  const isTold = order === "bgr" && ordered !== undefined && ordered !== normalized && channels === 3;
  return {
    preprocessing,
    name: nameOf(preprocessing),
    reason: isTold ? `${reason}${assumed}; channels bgr: ${ordered.reason}` : `${reason}${assumed}`,
    isUncertain: !normalized.isSettled,
    hasKnownChannels: ordered?.isSettled ?? false,
    geometryReason: placed?.reason ?? "usual for this size",
    warnings: [
      ...metadata.warnings,
      ...unfit,
      ...otherNumbers(normalized, files, channels),
      ...sizeWarnings(sources, placed, height, width),
      ...orderWarnings(byMeans, ordered, channels),
      ...twiceWarnings(normalized, preprocessing, graph.taken, declaredType(prepared)),
    ],
  };
}

/** Statements whose numbers fit a network of so many channels, and warnings of the others. */
function byChannels(
  all: readonly StatedBeside[],
  channels: number,
): { readonly fitting: readonly StatedBeside[]; readonly unfit: readonly ModelWarning[] } {
  const fitsCount = (values: readonly number[] | undefined): boolean =>
    values === undefined || values.length === 1 || values.length === 3 || values.length === channels;
  // Which of its lists does not fit, in words; undefined if all do.
  const misfit = ({ stated: { normalization } }: StatedBeside): string | undefined => {
    const { mean, std } = normalization;
    const counted = (name: string, values: readonly number[]): string =>
      `${values.length} number${values.length === 1 ? "" : "s"} as its ${name}`;
    const unfit = Object.entries({ mean, std }).filter(([, values]) => !fitsCount(values));
    if (unfit.length > 0) {
      const words = unfit.map(([name, values]) => counted(name, values ?? [])).join(" and ");
      return `it has ${words}, and the model takes ${channels} channels`;
    }
    if (mean === undefined || std === undefined || [mean.length, std.length].includes(1)) return undefined;
    return mean.length === std.length
      ? undefined
      : `it has ${counted("mean", mean)} and ${counted("std", std)}, which do not go together`;
  };
  return {
    fitting: all.filter((one) => misfit(one) === undefined),
    unfit: all.flatMap((one) => {
      const why = misfit(one);
      if (why === undefined) return [];
      const message = `${one.reason} says how pixels are prepared, and it cannot be used: ${why}. Give the preprocessing yourself`;
      return [{ code: "unusable-metadata" as const, message }];
    }),
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

function orderWarnings(byMeans: Source | undefined, ordered: Source | undefined, channels: number): ModelWarning[] {
  const [mine, theirs] = [byMeans?.stated.channels, ordered?.stated.channels];
  if (channels !== 3 || byMeans === undefined || theirs === undefined || mine === theirs) return [];
  const message = `${byMeans.reason}, and the channels are taken as ${theirs} (${ordered?.reason}): means are taken away from the channels in the network's order, so one of the two is probably wrong`;
  return [{ code: "means-and-channels-disagree", message }];
}

/** What is said of statements of means and deviations that differ from the one that is taken. A range alone contradicts none: it may be what they are of. */
function otherNumbers(taken: Source, all: readonly Source[], channels: number): ModelWarning[] {
  const whole = ({ stated: { normalization } }: StatedBeside): boolean =>
    normalization.mean?.some((value) => value !== 0) === true && normalization.std !== undefined;
  // The order of the channels is a matter of its own.
  const endsOfEach = ({ stated: { normalization } }: StatedBeside): readonly number[] => {
    const preset = normalizationForChannels({ ...filledUp(normalization), channels: "rgb" }, channels);
    const { factor, offset } = affineOf({ ...preset, layout: "nchw" });
    return [...offset, ...offset.map((value, c) => value + (factor[c] ?? 0))].toSorted((a, b) => a - b);
  };
  if (!all.includes(taken) || !whole(taken)) return [];
  const mine = endsOfEach(taken);
  const span = (mine.at(-1) ?? 0) - (mine[0] ?? 0);
  const other = all.find(
    (one) => whole(one) && endsOfEach(one).some((value, i) => Math.abs(value - (mine[i] ?? 0)) > 0.02 * span),
  );
  if (other === undefined) return [];
  const message = `${taken.reason} states another normalization than ${other.reason}: the former is used. --preprocessing, or --mean and --std, give the right one`;
  return [{ code: "normalizations-disagree", message }];
}

/** A normalization whose missing parts are those that change nothing. */
function filledUp({
  scale,
  std: deviation,
  mean = deviation?.map(() => 0) ?? [0, 0, 0],
}: Partial<Normalization>): Pick<Normalization, "scale" | "mean" | "std"> {
  const std = deviation ?? mean.map(() => 1);
  return {
    scale: scale ?? (areOfBytes(mean, std) ? 255 : 1),
    mean,
    std: std.length === 1 ? mean.map(() => std[0]) : std,
  };
}

/** Of means without deviations, or the other way round: what is taken for the others. */
function assumedBeside({ mean, std }: Partial<Normalization>): string {
  if (mean !== undefined && std === undefined) return "; std 1, since none is given";
  return mean === undefined && std !== undefined ? "; mean 0, since none is given" : "";
}

/**
 * What is said where something states other numbers than the graph is made for: then the pixels are normalized before the model and once
 * more within it. The graph tells no more than a range, so ranges are compared.
 */
function twiceWarnings(
  normalized: Source,
  preprocessing: Preprocessing,
  taken: readonly Source[],
  type: string,
): ModelWarning[] {
  const own = taken.find(({ stated }) => Object.keys(stated.normalization).length > 0);
  if (own === undefined || taken.includes(normalized)) return [];
  const { scale = 1, mean = [0, 0, 0], std = mean.map(() => 1) } = own.stated.normalization;
  const wanted = normalizationForChannels(
    { scale, mean, std, channels: preprocessing.channels },
    preprocessing.mean.length,
  );
  const [black, white] = endsOf(preprocessing);
  const [least, most] = endsOf({ ...wanted, layout: preprocessing.layout });
  const isNear = (a: number, b: number): boolean => Math.abs(a - b) <= 0.25 * (most - least);
  if (isNear(black, least) && isNear(white, most)) return [];
  const rounded = [black, white].map((value) => Number(value.toPrecision(3)));
  const unheld = type.startsWith("uint")
    ? `, of which ${type} holds ${black < -0.5 ? "neither negative ones nor fractions" : "no fractions"}`
    : "";
  const message = `${own.reason}, and the preprocessing (${normalized.reason}) makes numbers from ${rounded.join(" to ")} of them${unheld}: pixels are probably normalized twice. Without that preprocessing the model's own is found`;
  return [{ code: "normalized-twice", message }];
}

/** What black and white become, in the mean over the channels. */
function endsOf(normalization: Normalization): readonly [black: number, white: number] {
  const { factor, offset } = affineOf(normalization);
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  return [mean(offset), mean(offset) + mean(factor)];
}

/** What is said of statements for another input size: their crop, and what is resized before it, are taken in proportion. */
function sizeWarnings(
  sources: readonly Source[],
  placed: Source | undefined,
  height: number,
  width: number,
): ModelWarning[] {
  return sources.flatMap((source): ModelWarning[] => {
    const { stated, reason } = source;
    const { inputSize, testSize, geometry } = stated;
    const fits = [inputSize, testSize].some((size) => size?.[0] === height && size[1] === width);
    if (inputSize === undefined || fits) return [];
    const rule = source === placed ? geometry?.(height, width) : undefined;
    const scaled = rule?.crop === undefined ? "" : `: its resize is taken in proportion (${describeGeometry(rule)})`;
    const message = `${reason} is for pictures of ${inputSize.join("x")}, and the model takes ${height}x${width}${scaled}`;
    return [{ code: "other-input-size", message }];
  });
}

/** What is usual for networks of this kind, where nothing says so. */
function usual(prepared: PreparedModel): Source {
  const { producerName } = prepared.model;
  if (prepared.channels !== 1 && prepared.channels !== 3) {
    const reason = `nothing in the model says how its ${prepared.channels} channels are prepared: they are taken as they are`;
    return { stated: statedBy("unit"), reason, isSettled: true };
  }
  const isTensorFlow = /tf2onnx|tfl|tensorflow|keras/i.test(producerName) || prepared.layout === "nhwc";
  const name: NormalizationName = isTensorFlow ? "symmetric" : "imagenet";
  const networks = isTensorFlow ? "TensorFlow's networks" : "PyTorch's networks";
  return {
    stated: { ...statedBy(name), channels: undefined },
    reason: `usual for ${networks}; nothing in the model says so`,
    isSettled: false,
  };
}

function statedBy(name: NormalizationName): StatedPreprocessing {
  const { scale, mean, std, channels } = normalizations[name];
  return { normalization: { scale, mean, std }, channels };
}

/** The type of numbers that the model's file says it takes. */
function declaredType({ model, input }: PreparedModel): string {
  return model.graph.inputs.find(({ name }) => name === input)?.dtype ?? "float32";
}

/** What the graph shows: what it takes, by the type of its input and what it does to the pixels first, and what its first normalization has seen. */
function shownByGraph(
  prepared: PreparedModel,
  typed: TypedGraph,
): { readonly taken: readonly Source[]; readonly seen: readonly Source[] } {
  const { input, layout, channels } = prepared;
  const chain = readInputChain(typed, input, layout === "nchw" ? 1 : 3);
  const declared = declaredType(prepared);
  const shown: Source[] = [];
  const exact = exactlyMade(chain);
  const order = channels === 3 ? (exact?.order ?? orderOf(chain)) : undefined;
  const what = `the model normalizes its input itself (it begins with ${[...new Set(chain.operators)].join(", ")})`;
  if (order !== undefined) {
    const reason = `the graph (${chain.operators.join(", ")}) ${order.why}`;
    shown.push({ stated: { normalization: {}, channels: order.channels }, reason, isSettled: !order.isBare });
  }
  if (prepared.isSizeAssumed && chain.resizes) {
    // What is cut off before would be missing from what it resizes.
    const geometry = (height: number, width: number): GeometryRule => ({
      resize: { kind: "exact", width, height },
      interpolation: "bilinear",
    });
    const reason = "the model takes pictures of any size and resizes them itself";
    shown.push({ stated: { normalization: {}, geometry }, reason, isSettled: true });
  }
  const bytes: StatedPreprocessing = { ...statedBy("bytes"), channels: undefined };
  if (/^u?int/.test(declared)) {
    const kind = declared === "uint8" ? "bytes" : `whole numbers (${declared})`;
    // 8 bits with a sign hold a pixel less 128.
    const isSigned = declared === "int8";
    const signed: StatedPreprocessing = { normalization: { scale: 255, mean: [128, 128, 128], std: [1, 1, 1] } };
    const reason = `the model takes ${kind}${isSigned ? ", pixels less 128" : ""}`;
    shown.push({ stated: isSigned ? signed : bytes, reason, isSettled: true });
  }
  const range = exact?.range ?? rangeOf(chain);
  if (isOfWords(chain)) {
    const words = { scale: 255, mean: [0, 0, 0], std: Array(3).fill(255 / 65535) } as const;
    shown.unshift({
      stated: { normalization: words },
      reason: `${what} and takes pixels from 0 to 65535`,
      isSettled: true,
    });
  } else if (range !== undefined) {
    const words = {
      bytes: "from 0 to 255",
      unit: "from 0 to 1",
      symmetric: "from -1 to 1",
      imagenet: "in ImageNet's normalization",
    };
    const taken = `pixels ${words[range]}`;
    shown.push({
      stated: { ...statedBy(range), channels: undefined },
      reason: `${what} and takes ${taken}`,
      isSettled: true,
    });
  }
  const kept = range === undefined ? keptWithin(chain) : undefined;
  if (kept !== undefined && chain.limits !== undefined) {
    shown.push({
      stated: { ...statedBy(kept), channels: undefined },
      reason: `the model keeps its pixels from ${chain.limits.join(" to ")}`,
      isSettled: true,
    });
  }
  if (channels !== 3) return { taken: shown, seen: [] };
  const isPlain = chain.channels.every(({ factor, offset }) => factor === 1 && offset === 0);
  const seen = [
    chain.statistics === undefined ? undefined : seenByNormalization(chain.statistics),
    isPlain ? seenByFirstLayer(typed, chain.next) : undefined,
  ];
  return { taken: shown, seen: seen.filter((source) => source !== undefined) };
}

/** The pixel at which each channel is 0 when the first layer reads it: the mean that was taken away, in the input's units. */
function zerosOf(channels: readonly ChannelMap[]): readonly number[] {
  return channels.map(({ factor, offset }) => -offset / factor);
}

/** Which order the channels of the input have, and why. */
interface ShownOrder {
  readonly channels: "rgb" | "bgr";
  readonly why: string;
  /** Whether the channels are reversed and nothing says for whom: blue first for a layer that reads red first, or the other way round. */
  readonly isBare?: boolean;
}

/** Pixels p in [0, 1] as models take them: a p + b. */
const ranges = [
  { range: "unit", a: 1, b: 0 },
  { range: "bytes", a: 255, b: 0 },
  { range: "symmetric", a: 2, b: -1 },
] as const;

/**
 * Whether the arithmetic before the first layer makes, anywhere on its way, ImageNet's or Caffe's normalization of pixels in one of the usual ranges, to a hundredth of
 * the whole range: these have other numbers for each color, so that both the range and the order of the channels are told. undefined where it makes neither.
 */
function exactlyMade({
  stages,
}: InputChain): { readonly range: (typeof ranges)[number]["range"]; readonly order: ShownOrder } | undefined {
  for (const maps of stages) {
    const sources = maps.map(({ source }) => source).join();
    if (sources !== "0,1,2" && sources !== "2,1,0") continue;
    const isReversed = sources === "2,1,0";
    for (const name of ["imagenet", "caffe"] as const) {
      const range = ranges.find((one) => makes(maps, name, one))?.range;
      if (range === undefined) continue;
      const readsBgr = normalizations[name].channels === "bgr";
      const made = name === "imagenet" ? "ImageNet's" : "Caffe's";
      const why = `makes ${made} normalization in the order ${readsBgr ? "blue, green, red" : "red, green, blue"}${isReversed ? " after it reverses the channels" : ""}`;
      return { range, order: { channels: readsBgr === isReversed ? "rgb" : "bgr", why } };
    }
  }
  return undefined;
}

/** Whether `maps` make the normalization `name` of pixels in a range. */
function makes(maps: readonly ChannelMap[], name: NormalizationName, { a, b }: (typeof ranges)[number]): boolean {
  const made = affineOf({ ...normalizations[name], layout: "nchw" });
  return maps.every(({ factor, offset }, c) => {
    const span = made.factor[c] ?? 0;
    const isNear = (value: number, wanted: number): boolean => Math.abs(value - wanted) < 0.01 * span;
    return isNear(factor * a, span) && isNear(factor * b + offset, made.offset[c] ?? 0);
  });
}

/** Which order of channels the input has, from what happens to them; undefined where nothing tells. */
function orderOf({ channels, statistics }: InputChain): ShownOrder | undefined {
  const sources = channels.map(({ source }) => source);
  if (isFromImagenet(channels)) return undefined;
  const isReversed = sources.join() === "2,1,0";
  if (!isReversed && sources.join() !== "0,1,2") return undefined;
  // What the statistics are of, in the order in which the first layer reads, whatever happens between.
  const seen =
    statistics === undefined
      ? undefined
      : channels.map(({ source }) => {
          const at = statistics.channels.findIndex((one) => one.source === source);
          const { factor = 1, offset = 0 } = statistics.channels[at] ?? {};
          return ((statistics.mean[at] ?? 0) - offset) / factor;
        });
  // Pictures are a little more red than blue: the channel with the larger mean is red.
  const rising = risingOf(zerosOf(channels)) ?? (seen === undefined ? undefined : risingOf(seen));
  if (rising !== undefined) {
    const readsBgr = rising === "rising";
    return {
      channels: readsBgr === isReversed ? "rgb" : "bgr",
      why: `takes away means in the order ${readsBgr ? "blue, green, red" : "red, green, blue"}${isReversed ? " after it reverses the channels" : ""}`,
    };
  }
  const why = "reverses the channels, as of blue, green, red";
  return isReversed ? { channels: "bgr", why, isBare: true } : undefined;
}

function risingOf(values: readonly number[]): "rising" | "falling" | undefined {
  const [first, middle, last] = values;
  const least = 0.01 * Math.max(...values.map(Math.abs));
  if (!values.every(Number.isFinite) || Math.abs(last - first) <= least) return undefined;
  const isBetween = (middle - first) * (last - middle) >= 0;
  // Means of pixels, not whatever a layer learned.
  const isMean = values.every((value) => value > 0 && value < 256);
  return isBetween && isMean ? (last > first ? "rising" : "falling") : undefined;
}

/** Which pixels the arithmetic before the first layer is made for; undefined where there is none that tells. */
function rangeOf({ channels, statistics }: InputChain): "bytes" | "unit" | "symmetric" | "imagenet" | undefined {
  // After a BatchNormalization the numbers are what was learned.
  const maps = statistics === undefined ? channels : statistics.channels;
  if (maps.length === 0 || maps.every(({ factor, offset }) => factor === 1 && offset === 0)) return undefined;
  if (isFromImagenet(maps)) return "imagenet";
  const factor = maps.reduce((sum, one) => sum + Math.abs(one.factor), 0) / maps.length;
  const zeros = zerosOf(maps);
  const zero = zeros.reduce((sum, value) => sum + value, 0) / zeros.length;
  if (maps.every(({ offset }) => offset === 0)) {
    if (factor <= 0.1) return "bytes";
    return factor >= 30 ? "unit" : undefined;
  }
  if (zero > 2.5) return "bytes";
  if (zero < -0.5 && zero > -1.5) return "symmetric";
  return zero > 0 && zero <= 1.5 ? "unit" : undefined;
}

/** Which pixels a model means that keeps them within limits before it does anything else. */
function keptWithin({ limits }: InputChain): "bytes" | "unit" | "symmetric" | undefined {
  switch (limits?.join()) {
    case "0,1":
      return "unit";
    case "0,255":
      return "bytes";
    case "-1,1":
      return "symmetric";
    default:
      return undefined;
  }
}

/** Whether the arithmetic before the first layer is made for 16-bit pixels: they are divided by about 65535. */
function isOfWords({ channels, statistics }: InputChain): boolean {
  const maps = statistics === undefined ? channels : statistics.channels;
  return maps.length > 0 && maps.every(({ factor }) => factor > 0.8 / 65536 && factor < 2.5 / 65535);
}

/** Whether pixels in ImageNet's normalization become 2 x − 1, as torchvision's Inception and GoogLeNet make of them. */
function isFromImagenet(maps: readonly ChannelMap[]): boolean {
  const { mean, std } = normalizations.imagenet;
  return (
    maps.length === 3 &&
    maps.every(({ source, factor, offset }) => {
      const slope = factor / std[source];
      return Math.abs(slope - 2) < 0.02 && Math.abs(offset - slope * mean[source] + 1) < 0.02;
    })
  );
}

/** The normalization under which pictures have what a BatchNormalization on the pixels has seen. */
function seenByNormalization({ channels, mean, variance }: NonNullable<InputChain["statistics"]>): Source | undefined {
  if (channels.length !== 3) return undefined;
  return bestFitting("the BatchNormalization on the pixels", 0.5, (name) => {
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

const statisticNames = ["imagenet", "unit", "symmetric", "caffe", "bytes"] as const;

/** The usual normalization of the least divergence from the statistics of `what`; undefined where that is not below `most`. */
function bestFitting(
  what: string,
  most: number,
  divergenceUnder: (name: NormalizationName) => number,
): Source | undefined {
  const [best, second] = statisticNames
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

/**
 * The normalization under which natural pictures give what the first BatchNormalization has seen: for a convolution's output the
 * mean is W·m + b and the variance wᵀΣw, where m and Σ are the mean and the covariance of a patch of the normalized picture. Each
 * candidate is judged by the Kullback–Leibler divergence between these and the running statistics, in the median over filters.
 */
function seenByFirstLayer(typed: TypedGraph, first: Node | undefined): Source | undefined {
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
  return bestFitting("the first BatchNormalization", 0.3, (name) =>
    Math.min(...correlationLengths.map((length) => medianDivergence(filters, normalizations[name], length))),
  );
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
    return divergenceOf(expectedMean, expectedVariance, mean[o], variance[o]);
  });
  divergences.sort((a, b) => a - b);
  const median = divergences[Math.floor(filters / 2)];
  return Number.isFinite(median) ? median : Number.POSITIVE_INFINITY;
}
