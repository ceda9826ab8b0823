/**
 * @file Resampling as Pillow does it, so that a classifier sees here what it saw in a PyTorch pipeline.
 *
 * An output sample is a weighted mean of input samples. With scale s = input extent / output extent, output sample j lies
 * at c = start + (j + ½)s in input coordinates, where sample i covers [i, i + 1). Its weights are f((i + ½ − c)/max(s, 1)),
 * normalized to sum 1: on enlarging, f is the interpolation kernel; on reducing it is stretched by s, so that it averages
 * over everything that falls into one output sample (antialiasing). Rows are resampled first, then columns.
 *
 * In bytes, Pillow rounds weights to multiples of 2⁻²² and the result of either pass to a byte; both are observable and are
 * done here too, so results are equal bit for bit.
 *
 * Of the rows only those are resampled that the second pass reads, as in Pillow; that changes no result.
 *
 * Deviation: where rows first would take more than {@link muchDearer} times as many multiplications as columns first, which needs a
 * strip many times longer than wide, columns come first. The rounding of the pass in between is then that of the other axis: results
 * may differ from Pillow's by a level.
 */
import { checkForm, checkKeys, MisuseError, numberIn, oneOf } from "../errors.ts";
import type { FloatTensor } from "../tensor/tensor.ts";
import { checkImage, checkPicture, type Picture } from "./picture.ts";

export const interpolations = ["nearest", "bilinear", "bicubic"] as const;
/** `bicubic` is the Keys kernel with a = −½; `nearest` takes the input pixel under the center of the output pixel. */
export type Interpolation = (typeof interpolations)[number];

/** Size of the result in pixels, kernel, and the part of the input to resample. */
export interface ResizeOptions {
  readonly width: number;
  readonly height: number;
  /** Default `bicubic`, which is what Pillow's `resize` has done by default since version 7. */
  readonly interpolation?: Interpolation;
  /** The part of the input [x0, y0, x1, y1) that fills the result, fractions allowed; default all of it. */
  readonly box?: readonly [x0: number, y0: number, x1: number, y1: number];
  /** The part of the result [x0, y0, x1, y1) to compute and return; default all of it. A crop, at the price of the crop. */
  readonly window?: readonly [x0: number, y0: number, x1: number, y1: number];
}

interface Kernel {
  readonly radius: number;
  readonly weight: (x: number) => number;
}

const kernels: Record<Exclude<Interpolation, "nearest">, Kernel> = {
  bilinear: { radius: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: {
    radius: 2,
    weight: (x) => {
      const t = Math.abs(x);
      const a = -0.5;
      if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
      if (t < 2) return (((t - 5) * t + 8) * t - 4) * a;
      return 0;
    },
  },
};

type Weights = Float64Array | Int32Array;

/** For each output sample of one axis: the first input sample that counts and the weights from there on. */
interface Taps<W extends Weights = Weights> {
  readonly first: number;
  readonly weights: W;
}

/**
 * One axis of a resize: [start, end) of `extent` input samples becomes `count` output samples, of which those in
 * [from, to) are wanted.
 */
interface Axis {
  readonly extent: number;
  readonly start: number;
  readonly end: number;
  readonly count: number;
  readonly from: number;
  readonly to: number;
}

function tapsOf(kernel: Kernel, { extent, start, end, count, from, to }: Axis): Taps<Float64Array>[] {
  const scale = Math.fround(end - start) / count;
  const stretch = Math.max(scale, 1);
  const radius = kernel.radius * stretch;
  return Array.from({ length: to - from }, (_, j) => {
    const center = start + (from + j + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - radius + 0.5));
    const last = Math.min(extent, Math.trunc(center + radius + 0.5));
    const weights = Float64Array.from({ length: last - first }, (_, t) =>
      kernel.weight((t + first - center + 0.5) * (1 / stretch)),
    );
    let sum = 0;
    for (const weight of weights) sum += weight;
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}

/** Weights of bytes are multiples of 2⁻²². */
const fractionBits = 22;

/** The weights as multiples of 2⁻²², rounded to nearest with halves away from zero. */
function quantized(taps: readonly Taps<Float64Array>[]): Taps<Int32Array>[] {
  return taps.map(({ first, weights }) => ({
    first,
    weights: Int32Array.from(weights, (weight) => Math.trunc(weight * 2 ** fractionBits + (weight < 0 ? -0.5 : 0.5))),
  }));
}

/** Resamples the middle axis of `source`, seen as [outer, extent, inner], into `target`, seen as [outer, taps, inner]. */
type ResampleAxis<A, W extends Weights> = (
  source: A,
  target: A,
  extent: number,
  inner: number,
  taps: readonly Taps<W>[],
) => void;

const resampleFloats: ResampleAxis<Float32Array, Float64Array> = (source, target, extent, inner, taps) => {
  const outer = source.length / (extent * inner);
  let at = 0;
  for (let o = 0; o < outer; o++) {
    for (const { first, weights } of taps) {
      const base = (o * extent + first) * inner;
      for (let i = 0; i < inner; i++) {
        let sum = 0;
        for (let t = 0, from = base + i; t < weights.length; t++, from += inner) sum += weights[t] * source[from];
        target[at++] = sum;
      }
    }
  }
};

function clipped(level: number): number {
  return level < 0 ? 0 : level > 255 ? 255 : level;
}

/**
 * In whole numbers of 32 bits: no sum of weights reaches 2, so that none of 255 times a weight leaves them. Three sums at once, as many as a pixel
 * has colors, so that a weight is read once for them: that halves the time.
 */
const resampleBytes: ResampleAxis<Uint8Array, Int32Array> = (source, target, extent, inner, taps) => {
  const outer = source.length / (extent * inner);
  const half = 1 << (fractionBits - 1);
  let at = 0;
  for (let o = 0; o < outer; o++) {
    for (const { first, weights } of taps) {
      const base = (o * extent + first) * inner;
      const count = weights.length;
      let i = 0;
      for (; i + 3 <= inner; i += 3, at += 3) {
        let [a, b, c] = [half, half, half];
        for (let t = 0, from = base + i; t < count; t++, from += inner) {
          const weight = weights[t];
          a = (a + Math.imul(weight, source[from])) | 0;
          b = (b + Math.imul(weight, source[from + 1])) | 0;
          c = (c + Math.imul(weight, source[from + 2])) | 0;
        }
        target[at] = clipped(a >> fractionBits);
        target[at + 1] = clipped(b >> fractionBits);
        target[at + 2] = clipped(c >> fractionBits);
      }
      for (; i < inner; i++) {
        let sum = half;
        for (let t = 0, from = base + i; t < count; t++, from += inner) {
          sum = (sum + Math.imul(weights[t], source[from])) | 0;
        }
        target[at++] = clipped(sum >> fractionBits);
      }
    }
  }
};

/** How samples of one kind are added up. */
interface Arithmetic<A extends Uint8Array | Float32Array, W extends Weights> {
  readonly allocate: (length: number) => A;
  readonly weigh: (taps: readonly Taps<Float64Array>[]) => readonly Taps<W>[];
  readonly alongAxis: ResampleAxis<A, W>;
}

const ofFloats: Arithmetic<Float32Array, Float64Array> = {
  allocate: (length) => new Float32Array(length),
  weigh: (taps) => taps,
  alongAxis: resampleFloats,
};

const ofBytes: Arithmetic<Uint8Array, Int32Array> = {
  allocate: (length) => new Uint8Array(length),
  weigh: quantized,
  alongAxis: resampleBytes,
};

/** For each output sample of one axis, the input sample under its center. */
function nearestSamples({ extent, start, end, count, from, to }: Axis): Int32Array {
  const scale = Math.fround(end - start) / count;
  const samples = new Int32Array(to - from);
  // Summed step by step as Pillow does, because the rounding of the sum decides which side of an edge a center falls on.
  for (let j = 0, center = start + scale * 0.5; j < to; j++, center += scale) {
    if (j >= from) samples[j - from] = Math.min(extent - 1, Math.trunc(center));
  }
  return samples;
}

const resizeKeys = [
  "width",
  "height",
  "interpolation",
  "box",
  "window",
] as const satisfies readonly (keyof ResizeOptions)[];

interface Plan {
  readonly interpolation: Interpolation;
  readonly columns: Axis;
  readonly rows: Axis;
}

function planOf(where: string, width: number, height: number, options: ResizeOptions): Plan {
  const interpolation = oneOf(`${where}: interpolation`, options.interpolation ?? "bicubic", interpolations);
  const newWidth = numberIn(`${where}: width`, options.width, { min: 1, integer: true });
  const newHeight = numberIn(`${where}: height`, options.height, { min: 1, integer: true });
  // Pillow holds the box in float32, and with fractions the last bits of the result show it.
  const [x0, y0, x1, y1] = (options.box ?? [0, 0, width, height]).map(Math.fround);
  if (!(x0 >= 0 && y0 >= 0 && x0 < x1 && y0 < y1 && x1 <= width && y1 <= height)) {
    throw new MisuseError({
      where: `${where}: box`,
      what: "box is empty or leaves the image",
      expected: `0 ≤ x0 < x1 ≤ ${width} and 0 ≤ y0 < y1 ≤ ${height}`,
      got: `[${[x0, y0, x1, y1].join(", ")}]`,
    });
  }
  const [left, top, right, bottom] = options.window ?? [0, 0, newWidth, newHeight];
  const isInside = left >= 0 && top >= 0 && left < right && top < bottom && right <= newWidth && bottom <= newHeight;
  if (!isInside || ![left, top, right, bottom].every(Number.isInteger)) {
    throw new MisuseError({
      where: `${where}: window`,
      what: "window is empty or leaves the result",
      expected: `integers 0 ≤ x0 < x1 ≤ ${newWidth} and 0 ≤ y0 < y1 ≤ ${newHeight}`,
      got: `[${[left, top, right, bottom].join(", ")}]`,
    });
  }
  return {
    interpolation,
    columns: { extent: width, start: x0, end: x1, count: newWidth, from: left, to: right },
    rows: { extent: height, start: y0, end: y1, count: newHeight, from: top, to: bottom },
  };
}

/** Whether an axis is left as it is; such a pass is skipped, as it would only repeat the samples. */
function isIdentity({ extent, start, end, count, from, to }: Axis): boolean {
  return count === extent && start === 0 && end === extent && from === 0 && to === count;
}

/** `source`, seen as [planes, rows, columns, inner], resampled as `plan` says; always a fresh array. */
function resample<A extends Uint8Array | Float32Array, W extends Weights>(
  source: A,
  planes: number,
  inner: number,
  { interpolation, columns, rows }: Plan,
  { allocate, weigh, alongAxis }: Arithmetic<A, W>,
): A {
  const [width, height] = [columns.extent, rows.extent];
  const [newWidth, newHeight] = [columns.to - columns.from, rows.to - rows.from];
  if (interpolation === "nearest") {
    const xs = nearestSamples(columns);
    const ys = nearestSamples(rows);
    const out = allocate(planes * newHeight * newWidth * inner);
    let at = 0;
    for (let plane = 0; plane < planes; plane++) {
      for (const y of ys) {
        for (const x of xs) {
          const from = ((plane * height + y) * width + x) * inner;
          for (let i = 0; i < inner; i++) out[at++] = source[from + i];
        }
      }
    }
    return out;
  }
  const kernel = kernels[interpolation];
  const tapsAlong = (axis: Axis) => (isIdentity(axis) ? undefined : weigh(tapsOf(kernel, axis)));
  const [across, down] = [tapsAlong(columns), tapsAlong(rows)];
  const columnsFirst = across !== undefined && down !== undefined && isColumnsFirst(width, across, down);
  let current = source;
  let currentHeight = height;
  if (down !== undefined && columnsFirst) {
    const next = allocate(planes * newHeight * width * inner);
    alongAxis(current, next, height, width * inner, down);
    [current, currentHeight] = [next, newHeight];
  }
  // The second pass, if there is one, reads no other rows than these.
  const [top, bottom] = down === undefined || columnsFirst ? [0, currentHeight] : rangeOf(down);
  if (across !== undefined) {
    const next = allocate(planes * (bottom - top) * newWidth * inner);
    for (let plane = 0; plane < planes; plane++) {
      const from = (plane * currentHeight + top) * width * inner;
      const to = plane * (bottom - top) * newWidth * inner;
      alongAxis(
        current.subarray(from, from + (bottom - top) * width * inner) as A,
        next.subarray(to, to + (bottom - top) * newWidth * inner) as A,
        width,
        inner,
        across,
      );
    }
    [current, currentHeight] = [next as A, bottom - top];
  }
  if (down !== undefined && !columnsFirst) {
    const shift = across === undefined ? 0 : top;
    const next = allocate(planes * newHeight * newWidth * inner);
    const shifted = down.map(({ first, weights }) => ({ first: first - shift, weights }));
    alongAxis(current, next, currentHeight, newWidth * inner, shifted);
    current = next;
  }
  return current === source ? (source.slice() as A) : current;
}

/** Rows first is what Pillow does, so columns come first only where that saves very much. */
const muchDearer = 16;

/** The input samples that any of the taps reads: [first, end). */
function rangeOf(taps: readonly Taps[]): readonly [first: number, end: number] {
  let [first, end] = [Infinity, 0];
  for (const tap of taps) {
    first = Math.min(first, tap.first);
    end = Math.max(end, tap.first + tap.weights.length);
  }
  return [first, end];
}

/** Multiplications per output sample of one pass, on average. */
function meanLength(taps: readonly Taps[]): number {
  return taps.reduce((sum, { weights }) => sum + weights.length, 0) / taps.length;
}

/** Whether resampling the columns first is so much cheaper that it is done, for a picture of the given width. */
function isColumnsFirst(width: number, across: readonly Taps[], down: readonly Taps[]): boolean {
  const [top, bottom] = rangeOf(down);
  const [perPixelAcross, perPixelDown] = [meanLength(across), meanLength(down)];
  const rowsFirst = (bottom - top) * across.length * perPixelAcross + down.length * across.length * perPixelDown;
  const columnsFirst = down.length * width * perPixelDown + down.length * across.length * perPixelAcross;
  return rowsFirst > muchDearer * columnsFirst;
}

/**
 * The picture resampled to `width` × `height`, bit for bit what Pillow's `Image.resize` gives for mode RGB or L. Throws a
 * {@link MisuseError} for sizes below 1, an unknown interpolation, or a box that is empty or leaves the picture.
 */
export function resizeBytes(picture: Picture, options: ResizeOptions): Picture {
  checkKeys("resizeBytes", options, resizeKeys);
  checkForm("resizeBytes: picture", picture, ["width", "height", "channels", "data"]);
  checkForm("resizeBytes: options", options, ["width", "height"]);
  const { width, height, channels, data } = checkPicture("resizeBytes", picture);
  const plan = planOf("resizeBytes", width, height, options);
  const { columns, rows } = plan;
  const bytes = resample(data, 1, channels, plan, ofBytes);
  return { width: columns.to - columns.from, height: rows.to - rows.from, channels, data: bytes };
}

/**
 * The image [C, H, W] or map [H, W] resampled without rounding to bytes, as Pillow resamples mode F: sums in float64, each
 * pass stored as float32. Bicubic overshoots at edges, so results may leave the range of the input. Throws as
 * {@link resizeBytes} does.
 */
export function resizeFloat(image: FloatTensor, options: ResizeOptions): FloatTensor {
  checkKeys("resizeFloat", options, resizeKeys);
  checkForm("resizeFloat: image", image, ["dtype", "data", "shape"]);
  checkForm("resizeFloat: options", options, ["width", "height"]);
  const { shape, data } = image;
  const [channels, height, width] = shape.length === 2 ? [1, ...shape] : checkImage("resizeFloat", image).shape;
  const plan = planOf("resizeFloat", width, height, options);
  const newShape = [plan.rows.to - plan.rows.from, plan.columns.to - plan.columns.from];
  return {
    dtype: "float32",
    shape: shape.length === 2 ? newShape : [channels, ...newShape],
    data: resample(data, channels, 1, plan, ofFloats),
  };
}
