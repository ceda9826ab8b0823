/** @file What is said of statements on preprocessing that do not fit the model, each other, or what the graph does. */
import { describeGeometry } from "../../image/geometry.ts";
import type { ModelWarning } from "../network/prepare-model.ts";
import {
  affineOf,
  areOfBytes,
  fullScaleOfNumbers,
  type Normalization,
  normalizationForChannels,
  type Preprocessing,
} from "./preprocessing.ts";
import type { ShownRange } from "./shown/first-response.ts";
import { naturalDeviation } from "./shown/natural-pictures.ts";
import type { Source, StatedBeside } from "./source.ts";

/** Statements whose numbers fit a network of so many channels, and warnings of the others. */
export function byChannels(
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
      if (why === undefined || one.isIncidental === true) return [];
      const message = `${one.reason} says how pixels are prepared, and it cannot be used: ${why}. Give the preprocessing yourself`;
      return [{ code: "unusable-metadata" as const, message }];
    }),
  };
}

export function orderWarnings(
  byMeans: Source | undefined,
  ordered: Source | undefined,
  channels: number,
): ModelWarning[] {
  const [mine, theirs] = [byMeans?.stated.channels, ordered?.stated.channels];
  if (channels !== 3 || byMeans === undefined || theirs === undefined || mine === theirs) return [];
  const message = `${byMeans.reason}, and the channels are taken as ${theirs} (${ordered?.reason}): means are taken away from the channels in the network's order, so one of the two is probably wrong`;
  return [{ code: "means-and-channels-disagree", message }];
}

/** Between the deviations of pixels to about 1 (.25 to 1.1) and of those to 255 (64). */
const betweenRanges = 8;

/** What is said of a statement under which pixels come in another range than the weights of the first layer are made for. */
export function rangeWarnings(
  { reason, isSettled }: Source,
  preprocessing: Preprocessing,
  shown: ShownRange | undefined,
): ModelWarning[] {
  if (shown === undefined || !isSettled) return [];
  const { factor } = affineOf(preprocessing);
  const deviation = (naturalDeviation * factor.reduce((sum, value) => sum + value, 0)) / factor.length;
  if (deviation > betweenRanges === (shown.range === "bytes")) return [];
  const made = shown.range === "bytes" ? "0 to 255" : "0 to 1, or normalized to about that";
  const varies = Number((shown.deviation * deviation).toPrecision(2));
  const message = `the weights of the first layer are made for pixels from ${made}: as these are prepared (${reason}) its outputs vary by ${varies}, and by about 1 in trained networks. Check the preprocessing: --preprocessing, or --mean, --std and --scale`;
  return [{ code: "pixels-of-another-range", message }];
}

/** What is said of statements of means and deviations that differ from the one that is taken. A range alone contradicts none: it may be what they are of. */
export function otherNumbers(taken: Source, all: readonly Source[], channels: number): ModelWarning[] {
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
export function filledUp({
  scale,
  std: deviation,
  mean = deviation?.map(() => 0) ?? [0, 0, 0],
}: Partial<Normalization>): Pick<Normalization, "scale" | "mean" | "std"> {
  const std = deviation ?? mean.map(() => 1);
  const own = scale ?? (areOfBytes(mean, std) ? 255 : 1);
  return {
    // Numbers of samples, which may be of more bits.
    scale: own === 255 ? fullScaleOfNumbers(mean, std) : own,
    mean,
    std: std.length === 1 ? mean.map(() => std[0]) : std,
  };
}

/**
 * What is said where something states other numbers than the graph is made for: then the pixels are normalized before the model and once
 * more within it. The graph tells no more than a range, so ranges are compared.
 */
export function twiceWarnings(
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
  const rounded = [black, white].map((value) => Number(value.toPrecision(Math.abs(value) < 1000 ? 3 : 5)));
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
export function sizeWarnings(
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
