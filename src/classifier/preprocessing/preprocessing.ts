/**
 * @file Preprocessing: how pixels in [0, 1] become what the network was trained on, as data and as graph nodes.
 *
 * Outside, every image is [C, H, W], red-green-blue, in [0, 1]. Inside, the network may want other channels, another scale,
 * normalization and another layout; that part is appended to the graph, so that gradients arrive in pixels.
 */
import { checkKeys, MisuseError, oneOf } from "../../errors.ts";
import type { GeometryRule } from "../../image/geometry.ts";
import type { GraphBuilder, Value } from "../../onnx/builder.ts";
import { floatTensor } from "../../tensor/tensor.ts";

/** How pixels become the network's numbers: u = (s(x) − mean) / std, where s is the scale, channel by channel. */
export interface Normalization {
  /** s(x) = scale · x for a number, 2·x − 1 for "symmetric". 1 or 255; more where the network takes samples of more than 8 bits: their largest, which pixel 1 stands for. */
  readonly scale: number | "symmetric";
  /** The order in which the network takes the channels. `mean` and `std` are in that order. */
  readonly channels: "rgb" | "bgr";
  /** In units of the scale; one per channel. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** The network's layout: channels before or after the spatial axes. */
  readonly layout: "nchw" | "nhwc";
}

/** Normalization and how a picture of any size becomes one of the network's size. */
export interface Preprocessing extends Normalization {
  readonly geometry: GeometryRule;
}

type Preset = Omit<Normalization, "layout">;

/** The normalizations that most published networks use. */
export const normalizations = {
  /** torchvision and timm: x in [0, 1], ImageNet's mean and standard deviation. */
  imagenet: { scale: 1, channels: "rgb", mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
  /** x in [0, 1] as it is. */
  unit: { scale: 1, channels: "rgb", mean: [0, 0, 0], std: [1, 1, 1] },
  /** 2·x − 1: TensorFlow's "tf" mode, Inception, MobileNet. */
  symmetric: { scale: "symmetric", channels: "rgb", mean: [0, 0, 0], std: [1, 1, 1] },
  /** Caffe's and Keras' "caffe" mode: blue-green-red in 0 … 255 less ImageNet's mean. */
  caffe: { scale: 255, channels: "bgr", mean: [103.939, 116.779, 123.68], std: [1, 1, 1] },
  /** 0 … 255 as it is: networks that contain their own preprocessing. */
  bytes: { scale: 255, channels: "rgb", mean: [0, 0, 0], std: [1, 1, 1] },
  /** One channel: x in [0, 1], mean and standard deviation of MNIST's handwritten digits (PyTorch's example). */
  mnist: { scale: 1, channels: "rgb", mean: [0.1307], std: [0.3081] },
} as const satisfies Record<string, Preset>;

export type NormalizationName = keyof typeof normalizations;

/** `normalization` for one channel: what its three channels share, or their mean. */
export function normalizationForChannels(preset: Preset, channels: number): Preset {
  if (preset.mean.length === channels && preset.std.length === channels) return preset;
  const average = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  if (channels === 1) return { ...preset, channels: "rgb", mean: [average(preset.mean)], std: [average(preset.std)] };
  // What is the same for red, green and blue is so for any other channels.
  const isAlike = (values: readonly number[]): boolean =>
    values.length === 1 || (channels !== 3 && values.length === 3 && values.every((value) => value === values[0]));
  if (isAlike(preset.mean) && isAlike(preset.std)) {
    return { ...preset, mean: Array(channels).fill(preset.mean[0]), std: Array(channels).fill(preset.std[0]) };
  }
  throw new MisuseError({
    where: "preprocessing",
    what: "mean and std do not fit the network's channels",
    expected: `${channels} numbers each`,
    got: `${preset.mean.length} and ${preset.std.length}`,
  });
}

/** Checks a normalization given from outside and returns it; throws a MisuseError that says which part is wrong. */
export function checkNormalization(where: string, normalization: Partial<Normalization>): Partial<Normalization> {
  checkKeys(where, normalization, ["scale", "channels", "mean", "std", "layout", "geometry"]);
  const { scale, channels, mean, std, layout } = normalization;
  const isKnown = scale === 1 || scale === "symmetric" || (typeof scale === "number" && scale >= 255 && scale <= 65535);
  if (scale !== undefined && !isKnown) {
    throw new MisuseError({
      where,
      what: "unknown scale",
      expected: "1, 255, symmetric, or the largest sample of pictures of more than 8 bits, up to 65535",
      got: JSON.stringify(scale),
    });
  }
  if (channels !== undefined) oneOf(`${where}: channels`, channels, ["rgb", "bgr"]);
  if (layout !== undefined) oneOf(`${where}: layout`, layout, ["nchw", "nhwc"]);
  for (const [name, values] of Object.entries({ mean, std })) {
    if (values === undefined) continue;
    const good = Array.isArray(values) && values.length > 0 && values.every((value) => Number.isFinite(value));
    if (!good || (name === "std" && values.some((value) => value <= 0))) {
      throw new MisuseError({
        where,
        what: `${name} is not usable`,
        expected: name === "std" ? "one positive number per channel" : "one number per channel",
        got: JSON.stringify(values),
      });
    }
  }
  return normalization;
}

/** Whether means and deviations are of pixels from 0 to 255: larger than any of pixels from 0 to 1 can be. */
export function areOfBytes(mean: readonly number[], std: readonly number[]): boolean {
  return Math.max(...mean.map(Math.abs), ...std.map(Math.abs)) > 3;
}

/** Throws a MisuseError for a mean or deviation that is of another scale than the one that is named. */
export function checkConsistent(
  where: string,
  { scale, mean, std }: Pick<Normalization, "scale" | "mean" | "std">,
): void {
  const most = Math.max(...mean.map(Math.abs));
  const deviation = Math.max(...std);
  const isOfBytes = areOfBytes(mean, std);
  // A deviation far below that of any pictures is a change of scale, such as to 16 bits.
  const isOfUnit = (most > 0 && most <= 1) || (deviation < 1 && deviation > 0.01);
  const isOfSamples = typeof scale === "number" && scale > 1;
  const isBeyond = isOfSamples && most > scale;
  if (!isBeyond && (isOfSamples ? !isOfUnit : !isOfBytes)) return;
  throw new MisuseError({
    where,
    what: `mean and std are not of the scale ${scale}`,
    expected: isOfSamples
      ? `numbers of pixels from 0 to ${scale}${scale === 255 ? ", such as 123.675 and 58.395" : ""}`
      : "numbers of pixels from 0 to 1, such as 0.485 and 0.229",
    got: `mean ${mean.join(",")} and std ${std.join(",")}`,
    advice: `Leave the scale out (it is ${isOfUnit ? 1 : fullScaleOfNumbers(mean, std)} for these), or give them in its units.`,
  });
}

/** Bits that sensors use, more than 8. */
const wideBits = [10, 12, 14, 16];

/**
 * The largest sample of the pictures that means and deviations of whole samples are of: 255, or 2¹⁰ − 1, 2¹² − 1, 2¹⁴ − 1 or 2¹⁶ − 1 where a mean lies beyond 255, or a
 * divisor far beyond it. Then it is the least that holds the divisor, and four deviations above each mean.
 */
export function fullScaleOfNumbers(mean: readonly number[], std: readonly number[]): number {
  const isWide = mean.some((value) => value > 255.5) || std.some((value) => value > 300);
  if (!isWide || mean.some((value) => value < 0)) return 255;
  const top = Math.max(...mean.map((value, c) => (value === 0 ? (std[c] ?? 0) : value + 4 * (std[c] ?? 0))));
  const bits = wideBits.find((count) => 2 ** count >= top) ?? 16;
  return 2 ** bits - 1;
}

/** The sample that pixel 1 stands for, of networks that take samples of more than 8 bits; undefined for all others, whose pixels are shares of white. */
export function fullScaleOf({ scale }: Pick<Normalization, "scale">): number | undefined {
  return typeof scale === "number" && scale > 255 ? scale : undefined;
}

/** The affine map of each network channel, in the network's order: u = factor · x + offset for pixels x in [0, 1]. */
export function affineOf({ scale, mean, std }: Normalization): { factor: number[]; offset: number[] } {
  const [gain, shift] = scale === "symmetric" ? [2, -1] : [scale, 0];
  return {
    factor: std.map((deviation) => gain / deviation),
    offset: std.map((deviation, c) => (shift - mean[c]) / deviation),
  };
}

/** `image` [N, C, H, W] with its channels reversed if the network wants blue-green-red. */
function appendChannelOrder(g: GraphBuilder, image: Value, { channels }: Normalization): Value {
  if (channels === "rgb" || image.shape[1] !== 3) return image;
  const parts = g.ops("Split", [image, g.ints([1, 1, 1])], { axis: 1 }, 3);
  return g.op("Concat", parts.toReversed(), { axis: 1 });
}

/**
 * Pixels [N, C, H, W] in [0, 1], red-green-blue, as the network's numbers [N, C, H, W] in the network's channel order:
 * everything but the layout.
 */
export function appendNormalization(g: GraphBuilder, pixels: Value, normalization: Normalization): Value {
  return g.scope("preprocessing", () => {
    const { factor, offset } = affineOf(normalization);
    const perChannel = (values: number[]): Value => g.constant(floatTensor(values, [1, values.length, 1, 1]));
    let value = appendChannelOrder(g, pixels, normalization);
    if (factor.some((f) => f !== 1)) value = g.op("Mul", [value, perChannel(factor)]);
    if (offset.some((o) => o !== 0)) value = g.op("Add", [value, perChannel(offset)]);
    return value;
  });
}

/** The network's numbers [N, C, H, W] in the network's layout. */
export function appendLayout(g: GraphBuilder, value: Value, { layout }: Normalization): Value {
  return layout === "nchw" ? value : g.scope("preprocessing", () => g.op("Transpose", [value], { perm: [0, 2, 3, 1] }));
}

/** Pixels [C, H, W] as the network's numbers, computed here: what {@link appendNormalization} computes in the graph. */
export function normalizePixels(pixels: Float32Array, normalization: Normalization): Float32Array {
  return mapChannels(pixels, normalization, (x, factor, offset) => Math.fround(factor * x) + offset, true);
}

/** The network's numbers [C, H, W] as pixels: the inverse of {@link normalizePixels}. */
export function denormalizePixels(values: Float32Array, normalization: Normalization): Float32Array {
  return mapChannels(values, normalization, (u, factor, offset) => (u - offset) / factor, false);
}

function mapChannels(
  source: Float32Array,
  normalization: Normalization,
  map: (x: number, factor: number, offset: number) => number,
  forward: boolean,
): Float32Array {
  const { factor, offset } = affineOf(normalization);
  const channels = factor.length;
  const plane = source.length / channels;
  const reversed = normalization.channels === "bgr" && channels === 3;
  const result = new Float32Array(source.length);
  for (let c = 0; c < channels; c++) {
    const pixelChannel = reversed ? 2 - c : c;
    const [from, to] = forward ? [pixelChannel, c] : [c, pixelChannel];
    for (let i = 0; i < plane; i++) result[to * plane + i] = map(source[from * plane + i], factor[c], offset[c]);
  }
  return result;
}
