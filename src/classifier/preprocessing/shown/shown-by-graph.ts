/**
 * @file What a model's graph shows of its pixels: the type of its input, the arithmetic before the first layer, and what its first normalization has seen.
 */
import type { GeometryRule } from "../../../image/geometry.ts";
import type { TypedGraph } from "../../../onnx/infer-shapes.ts";
import type { PreparedModel } from "../../network/prepare-model.ts";
import { affineOf, fullScaleOfNumbers, type NormalizationName, normalizations } from "../preprocessing.ts";
import type { StatedPreprocessing } from "../source.ts";
import { type Source, statedBy } from "../source.ts";
import { takesAnyRange } from "./any-range.ts";
import type { ChannelMap } from "./channel-maps.ts";
import { rangeShownByFirstLayer, type ShownRange } from "./first-response.ts";
import { isOfDigitsSize } from "./natural-pictures.ts";
import { rangeOfQuantizer } from "./quantized-range.ts";
import { type InputChain, readInputChain } from "./read-input-chain.ts";
import { mostOfUnits, seenByFirstLayer, seenByNormalization, seenBytes } from "./seen-statistics.ts";

/** The type of numbers that the model's file says it takes. */
export function declaredType({ model, input }: PreparedModel): string {
  return model.graph.inputs.find(({ name }) => name === input)?.dtype ?? "float32";
}

/**
 * What the graph shows: what it takes, by the type of its input and what it does to the pixels first; what its first normalization has seen; and the range of
 * pixels that its first layer was trained on, where these arrive as they are.
 */
export function shownByGraph(
  prepared: PreparedModel,
  typed: TypedGraph,
): { readonly taken: readonly Source[]; readonly seen: readonly Source[]; readonly range: ShownRange | undefined } {
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
  if (chain.cropped !== undefined) {
    const { height, width } = chain.cropped;
    // What is usual would be cut off twice.
    const geometry = (rows: number, columns: number): GeometryRule => ({
      resize: rows === columns ? { kind: "shorter", size: rows } : { kind: "exact", width: columns, height: rows },
      ...(rows === columns ? { crop: { width: columns, height: rows } } : {}),
      interpolation: "bilinear",
    });
    const reason = `the model cuts ${height}x${width} out of its pictures itself`;
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
  const fullScale = fullScaleShown(chain);
  if (fullScale > 255) {
    const samples = { scale: fullScale, mean: [0, 0, 0], std: [1, 1, 1] } as const;
    shown.unshift({
      stated: { normalization: samples },
      reason: `${what} and takes pixels from 0 to ${fullScale}`,
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
  const isUntouched = chain.channels.every(({ factor, offset }) => factor === 1 && offset === 0);
  const quantized = isUntouched ? rangeOfQuantizer(typed, chain.next, channels) : undefined;
  if (quantized !== undefined) shown.push(quantized);
  const isOpen = !/^u?int/.test(declared) && range === undefined && kept === undefined;
  // What is stated besides changes nothing then, and is no second normalization.
  const ofAny: Source | undefined =
    isOpen && takesAnyRange(typed, input, chain)
      ? {
          stated: { ...statedBy("unit"), channels: undefined },
          reason: "the model brings pixels of any range to its own",
          isSettled: true,
        }
      : undefined;
  const ofBytes = chain.statistics === undefined ? undefined : seenBytes(chain.statistics);
  const isOfColors = channels === 3;
  const fit = isOfColors && chain.statistics !== undefined ? seenByNormalization(chain.statistics) : undefined;
  const isFitOfBytes = fit?.stated.normalization.scale === 255 && ofBytes !== undefined;
  const seen = [
    ofAny,
    isFitOfBytes ? { ...fit, isSettled: true } : fit,
    ofBytes,
    // Drawings are darker, or lighter, than what natural pictures are like.
    isUntouched && !isOfDigitsSize(prepared) ? seenByFirstLayer(typed, chain.next) : undefined,
  ];
  return {
    taken: shown,
    seen: seen.filter((source) => source !== undefined),
    range: isUntouched ? rangeShownByFirstLayer(typed, chain.next) : undefined,
  };
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
  const known = orderOfKnownMeans(zerosOf(channels)) ?? (seen === undefined ? undefined : orderOfKnownMeans(seen));
  if (known !== undefined) {
    const readsBgr = known === "bgr";
    return {
      channels: readsBgr === isReversed ? "rgb" : "bgr",
      why: `takes away means in the order ${readsBgr ? "blue, green, red" : "red, green, blue"}${isReversed ? " after it reverses the channels" : ""}`,
    };
  }
  const why = "reverses the channels, as of blue, green, red";
  return isReversed ? { channels: "bgr", why, isBare: true } : undefined;
}

/** Means of red, green and blue in [0, 1]: ImageNet's, CLIP's, CIFAR-10's and CIFAR-100's. */
const knownMeans = [
  normalizations.imagenet.mean,
  [0.4815, 0.4578, 0.4082],
  [0.4914, 0.4822, 0.4465],
  [0.5071, 0.4866, 0.4409],
];

/** The order of means that are about those of a usual data set, of pixels in [0, 1] or to 255. Others, as of one camera's pictures, may rise or fall without meaning anything. */
function orderOfKnownMeans(values: readonly number[]): "rgb" | "bgr" | undefined {
  const scale = Math.max(...values) > mostOfUnits ? 255 : 1;
  const isNear = (means: readonly number[]): boolean =>
    means.every((mean, c) => Math.abs((values[c] ?? 0) - scale * mean) <= 0.03 * scale * mean);
  if (values.length !== 3) return undefined;
  if (knownMeans.some(isNear)) return "rgb";
  return knownMeans.some((means) => isNear(means.toReversed())) ? "bgr" : undefined;
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
  if (zero > mostOfUnits) return "bytes";
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

/** The largest sample of the pictures that the arithmetic before the first layer, or what its BatchNormalization has seen, is of: 255, or more for those of more than 8 bits. */
function fullScaleShown({ channels, statistics }: InputChain): number {
  const maps = statistics === undefined ? channels : statistics.channels;
  if (maps.length === 0 || maps.some(({ factor }) => !(factor > 0))) return 255;
  const zeros = zerosOf(maps);
  const divisors = maps.map(({ factor }) => 1 / factor);
  if (statistics === undefined) return fullScaleOfNumbers(zeros, divisors);
  const means = maps.map(({ factor }, c) => zeros[c] + (statistics.mean[c] ?? 0) / factor);
  const deviations = maps.map(({ factor }, c) => Math.sqrt(statistics.variance[c] ?? 0) / factor);
  return Math.max(fullScaleOfNumbers(zeros, divisors), fullScaleOfNumbers(means, deviations));
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
