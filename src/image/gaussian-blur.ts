/** @file Gaussian blur of maps and images. */
import { checkKeys, MisuseError, numberIn } from "../errors.ts";
import { kernelsFor } from "../simd/kernels.ts";
import { openArrays, ordinaryArrays } from "../simd/workspace.ts";
import { checkTensor, type FloatTensor } from "../tensor/tensor.ts";

export interface BlurOptions {
  /** Standard deviation of the Gaussian in pixels; 0 copies. */
  readonly sigmaPixels: number;
  /** Pixels to either side at which the Gaussian is cut off; default ⌊4σ + ½⌋. */
  readonly radiusPixels?: number;
}

/** The samples of a Gaussian at −r … r, scaled to sum 1. */
function gaussianWeights(sigma: number, radius: number): Float64Array {
  const weights = Float64Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-((i - radius) ** 2) / (2 * sigma ** 2)),
  );
  const sum = weights.reduce((a, b) => a + b);
  return weights.map((weight) => weight / sum);
}

/** For tap t and output sample i, at [t + i], the sample that index i + t − radius means when edges are mirrored. */
function mirroredIndices(extent: number, radius: number): Int32Array {
  return Int32Array.from({ length: extent + 2 * radius }, (_, at) => {
    const period = 2 * extent;
    const index = (((at - radius) % period) + period) % period;
    return index < extent ? index : period - 1 - index;
  });
}

/** Correlates the columns of one channel [height, width] with `weights`; the result goes to `out`. */
export function correlateColumns(
  source: Float32Array,
  width: number,
  weights: Float64Array,
  mirrored: Int32Array,
  out: Float64Array,
): void {
  const height = source.length / width;
  const kernels = kernelsFor(source, weights, mirrored, out);
  if (kernels !== undefined) {
    const [from, times, rows, to] = [source, weights, mirrored, out].map(({ byteOffset }) => byteOffset);
    kernels.correlateColumns(from, height, width, times, weights.length, rows, to);
    return;
  }
  out.fill(0);
  for (let i = 0; i < height; i++) {
    for (let t = 0; t < weights.length; t++) {
      addScaled(out, i * width, weights[t], source, mirrored[i + t] * width, width);
    }
  }
}

function addScaled(
  out: Float64Array,
  to: number,
  weight: number,
  source: Float32Array,
  from: number,
  count: number,
): void {
  for (let j = 0; j < count; j++) out[to + j] += weight * source[from + j];
}

/** Correlates the rows of one channel with `weights`; the result goes to `out`. What `line` holds afterwards means nothing. */
export function correlateRows(
  source: Float64Array,
  width: number,
  weights: Float64Array,
  mirrored: Int32Array,
  line: Float64Array,
  out: Float32Array,
): void {
  const kernels = kernelsFor(source, weights, mirrored, line, out);
  if (kernels !== undefined) {
    const [from, times, columns, room, to] = [source, weights, mirrored, line, out].map(({ byteOffset }) => byteOffset);
    kernels.correlateRows(from, source.length / width, width, times, weights.length, columns, room, to);
    return;
  }
  for (let base = 0; base < source.length; base += width) {
    for (let j = 0; j < mirrored.length; j++) line[j] = source[base + mirrored[j]];
    for (let j = 0; j < width; j++) {
      let sum = 0;
      for (let t = 0; t < weights.length; t++) sum += weights[t] * line[j + t];
      out[base + j] = sum;
    }
  }
}

/** The channels of `data`, each [height, width], blurred with the weights; a fresh array. */
function correlate(data: Float32Array, height: number, width: number, gaussian: Float64Array): Float32Array {
  const plane = height * width;
  const taps = gaussian.length;
  const [ofRows, ofColumns] = [height, width].map((extent) => mirroredIndices(extent, (taps - 1) / 2));
  const doubles = plane + taps + ofColumns.length;
  const integers = ofRows.length + ofColumns.length;
  const arrays = openArrays({ singles: 2 * plane, doubles, integers }) ?? ordinaryArrays;
  try {
    const [source, blurred, between] = [arrays.singles(plane), arrays.singles(plane), arrays.doubles(plane)];
    const [weights, line] = [arrays.doubles(taps), arrays.doubles(ofColumns.length)];
    const [rows, columns] = [arrays.integers(ofRows.length), arrays.integers(ofColumns.length)];
    weights.set(gaussian);
    rows.set(ofRows);
    columns.set(ofColumns);
    const out = new Float32Array(data.length);
    for (let base = 0; base < data.length; base += plane) {
      source.set(data.subarray(base, base + plane));
      correlateColumns(source, width, weights, rows, between);
      correlateRows(between, width, weights, columns, line, blurred);
      out.set(blurred, base);
    }
    return out;
  } finally {
    arrays.close();
  }
}

/**
 * The map [H, W] or image [C, H, W] (channel by channel) blurred with a Gaussian of `sigmaPixels`; the same shape, always
 * a fresh array.
 *
 * As `scipy.ndimage.gaussian_filter` with its defaults: the Gaussian is sampled at whole pixels, cut off (at 4σ by default) and
 * normalized, and the image is mirrored at its edges with the edge pixel repeated (d c b a | a b c d | d c b a), also where
 * the radius exceeds the image. Sums are in float64 throughout, where scipy stores the pass between in the type of its input.
 *
 * Throws a {@link MisuseError} unless σ is from 0 to 10000 and the radius a whole number up to 40000, or if the tensor has neither 2 nor 3 axes.
 */
export function blur(image: FloatTensor, options: BlurOptions): FloatTensor {
  checkTensor("blur", image, "a map [H, W] or an image [C, H, W]");
  checkKeys("blur", options, ["sigmaPixels", "radiusPixels"]);
  const sigma = numberIn("blur: sigmaPixels", options?.sigmaPixels, { min: 0, max: 10_000 });
  const radius = numberIn("blur: radiusPixels", options.radiusPixels ?? Math.floor(4 * sigma + 0.5), {
    min: 0,
    max: 40_000,
    integer: true,
  });
  const { shape } = image;
  if (shape.length !== 2 && shape.length !== 3) {
    throw new MisuseError({
      where: "blur",
      what: "not a map or an image",
      expected: "[H, W] or [C, H, W]",
      got: `[${shape.join(", ")}]`,
    });
  }
  const weights = sigma === 0 ? Float64Array.of(1) : gaussianWeights(sigma, radius);
  if (weights.length === 1) return { ...image, data: image.data.slice() };
  const [height, width] = shape.slice(-2);
  return { ...image, data: correlate(image.data, height, width, weights) };
}
