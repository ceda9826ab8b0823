/** @file Gaussian blur of maps and images. */
import { checkKeys, MisuseError, numberIn } from "../errors.ts";
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

/** Correlates the middle axis of `source`, seen as [outer, height, width], with `weights`. */
function correlateColumns(source: Float32Array, height: number, width: number, weights: Float64Array): Float64Array {
  const out = new Float64Array(source.length);
  const mirrored = mirroredIndices(height, (weights.length - 1) / 2);
  for (let base = 0; base < source.length; base += height * width) {
    for (let i = 0; i < height; i++) {
      const to = base + i * width;
      for (let t = 0; t < weights.length; t++)
        addScaled(out, to, weights[t], source, base + mirrored[i + t] * width, width);
    }
  }
  return out;
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

/** Correlates the last axis of `source`, of the given width, with `weights`. */
function correlateRows(source: Float64Array, width: number, weights: Float64Array): Float32Array {
  const out = new Float32Array(source.length);
  const mirrored = mirroredIndices(width, (weights.length - 1) / 2);
  const line = new Float64Array(mirrored.length);
  for (let base = 0; base < source.length; base += width) {
    for (let j = 0; j < line.length; j++) line[j] = source[base + mirrored[j]];
    for (let j = 0; j < width; j++) {
      let sum = 0;
      for (let t = 0; t < weights.length; t++) sum += weights[t] * line[j + t];
      out[base + j] = sum;
    }
  }
  return out;
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
  return { ...image, data: correlateRows(correlateColumns(image.data, height, width, weights), width, weights) };
}
