/** @file Non-local means: each pixel becomes the mean of those around it whose surroundings look alike (Buades, Coll and Morel 2005). */
import type { ImageTensor } from "../../image/picture.ts";
import { kernelsFor } from "../../simd/kernels.ts";
import { openArrays } from "../../simd/workspace.ts";

export interface DenoiseOptions {
  /** How different surroundings may be, h, in levels of 255. */
  readonly strength: number;
  /** The side of the square in which pixels are looked for, odd. */
  readonly search: number;
  /** The side of the surroundings that are compared, odd. */
  readonly patch: number;
}

/** Weights of less than this share count as 0. */
const leastWeight = 1e-3;

/**
 * The image [C, H, W] without noise, bytes as pixels of [0, 1]. Of three channels lightness is denoised by itself and both color channels together, in CIE
 * Lab with 255 levels each, as OpenCV's `fastNlMeansDenoisingColored` does; of other numbers all channels together.
 *
 * Deviation: OpenCV computes the color space and the weights in integers, which differ in a level here and there.
 */
export function denoise(image: ImageTensor, options: DenoiseOptions): ImageTensor {
  const [channels, height, width] = image.shape;
  const size = height * width;
  const bytes = new Float64Array(image.data.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Math.round(255 * Math.min(1, Math.max(0, image.data[i])));
  if (channels !== 3) {
    const planes = Array.from({ length: channels }, (_, c) => bytes.subarray(c * size, (c + 1) * size));
    return fromPlanes(image, meansOf(planes, height, width, options));
  }
  const lab = toLab(bytes, size);
  const [lightness] = meansOf([lab[0]], height, width, options);
  const colors = meansOf([lab[1], lab[2]], height, width, options);
  return fromPlanes(image, toRgb([lightness, ...colors], size));
}

function fromPlanes(image: ImageTensor, planes: readonly Float64Array[]): ImageTensor {
  const data = new Float32Array(image.data.length);
  for (const [c, plane] of planes.entries()) {
    const from = c * plane.length;
    for (let i = 0; i < plane.length; i++) data[from + i] = plane[i] / 255;
  }
  return { ...image, data };
}

/** The planes of one image, denoised together, rounded to whole levels. */
function meansOf(
  planes: readonly Float64Array[],
  height: number,
  width: number,
  options: DenoiseOptions,
): readonly Float64Array[] {
  const { strength, search, patch } = options;
  const table = weightTable(strength * strength * planes.length * patch * patch);
  const border = (search - 1) / 2 + (patch - 1) / 2;
  const padded = planes.map((plane) => reflected(plane, height, width, border));
  return meansByKernel(padded, height, width, options, table) ?? meansByLoops(padded, height, width, options, table);
}

/** Pixels after the width that fill a register of four. */
function filled(width: number): number {
  return Math.ceil(width / 4) * 4;
}

/** The means of the planes with their borders, by the kernel; undefined where there is none. It adds up in the order of the loops. */
function meansByKernel(
  padded: readonly Float64Array[],
  height: number,
  width: number,
  { search, patch }: DenoiseOptions,
  table: Float64Array,
): readonly Float64Array[] | undefined {
  const [[{ length }], pairs, stride] = [padded, Math.ceil(padded.length / 2), filled(width)];
  const [tall, wide] = [height + patch - 1, filled(width + patch - 1)];
  // A register that begins with the last pixel reads three more, and one of columns so many as the patch is wide.
  const sizes = { pixels: pairs * length + 4, squares: tall * wide, columns: wide + patch + 4 };
  const cells = height * stride;
  const arrays = openArrays({
    ...{ singles: 0, doubles: (padded.length + 1) * cells + table.length + 1 },
    integers: sizes.pixels + sizes.squares + sizes.columns,
  });
  if (arrays === undefined) return undefined;
  try {
    const pixels = arrays.integers(sizes.pixels);
    const [squares, columns] = [arrays.integers(sizes.squares), arrays.integers(sizes.columns)];
    const [weights, sums] = [arrays.doubles(cells).fill(0), arrays.doubles(padded.length * cells).fill(0)];
    const withZero = arrays.doubles(table.length + 1);
    const kernels = kernelsFor(pixels, squares, columns, weights, sums, withZero);
    if (kernels === undefined) return undefined;
    withZero.set(table);
    withZero[table.length] = 0;
    columns.fill(0);
    pixels.fill(0);
    for (const [p, plane] of padded.entries()) {
      const [from, shift] = [(p >> 1) * length, 16 * (p & 1)];
      for (let i = 0; i < length; i++) pixels[from + i] |= plane[i] << shift;
    }
    kernels.addAlikePixels(
      ...([pixels.byteOffset, padded.length, height, width, (search - 1) / 2, (patch - 1) / 2] as const),
      ...([withZero.byteOffset, table.length, squares.byteOffset, columns.byteOffset] as const),
      ...([weights.byteOffset, sums.byteOffset] as const),
    );
    return padded.map((_, p) => {
      const means = new Float64Array(height * width);
      for (let row = 0; row < height; row++) {
        for (let column = 0; column < width; column++) {
          const at = row * stride + column;
          means[row * width + column] = Math.round(sums[p * cells + at] / weights[at]);
        }
      }
      return means;
    });
  } finally {
    arrays.close();
  }
}

function meansByLoops(
  bordered: readonly Float64Array[],
  height: number,
  width: number,
  { search, patch }: DenoiseOptions,
  table: Float64Array,
): readonly Float64Array[] {
  const [reach, around] = [(search - 1) / 2, (patch - 1) / 2];
  const border = reach + around;
  const stride = width + 2 * border;
  const padded = bordered.map((plane) => Int32Array.from(plane));
  const sums = padded.map(() => new Float64Array(height * width));
  const weights = new Float64Array(height * width);
  const [tall, wide] = [height + 2 * around, width + 2 * around];
  // Squared differences, and their sums over the patch's columns.
  const [squares, rows] = [new Int32Array(tall * wide), new Int32Array(tall * width)];
  for (let dy = -reach; dy <= reach; dy++) {
    for (let dx = -reach; dx <= reach; dx++) {
      const offset = dy * stride + dx;
      for (const [p, plane] of padded.entries()) squaredDifferences(plane, offset, p > 0);
      sumColumns();
      for (let column = 0; column < width; column++) {
        let distance = 0;
        for (let v = 0; v < patch - 1; v++) distance += rows[v * width + column];
        for (let row = 0; row < height; row++) {
          const i = row * width + column;
          distance += rows[i + (patch - 1) * width];
          if (distance < table.length) {
            const weight = table[distance];
            weights[i] += weight;
            const at = (row + border) * stride + column + border + offset;
            for (let p = 0; p < padded.length; p++) sums[p][i] += weight * padded[p][at];
          }
          distance -= rows[i];
        }
      }
    }
  }
  return sums.map((sum) => sum.map((value, i) => Math.round(value / weights[i])));

  function squaredDifferences(plane: Int32Array, offset: number, isAdded: boolean): void {
    for (let row = 0; row < tall; row++) {
      const [from, to] = [(row + reach) * stride + reach, row * wide];
      for (let column = 0; column < wide; column++) {
        const difference = plane[from + column] - plane[from + column + offset];
        squares[to + column] = (isAdded ? squares[to + column] : 0) + difference * difference;
      }
    }
  }

  function sumColumns(): void {
    for (let row = 0; row < tall; row++) {
      const [from, to] = [row * wide, row * width];
      let sum = 0;
      for (let u = 0; u < patch - 1; u++) sum += squares[from + u];
      for (let column = 0; column < width; column++) {
        sum += squares[from + column + patch - 1];
        rows[to + column] = sum;
        sum -= squares[from + column];
      }
    }
  }
}

/** exp(−d / scale) for every whole d for which it is not less than the least weight. */
function weightTable(scale: number): Float64Array {
  const table = new Float64Array(Math.floor(-Math.log(leastWeight) * scale) + 1);
  for (let d = 0; d < table.length; d++) table[d] = Math.exp(-d / scale);
  return table;
}

/** The plane with a border that mirrors it without repeating the edge. */
function reflected(plane: Float64Array, height: number, width: number, border: number): Float64Array {
  const stride = width + 2 * border;
  const out = new Float64Array((height + 2 * border) * stride);
  const mirror = (index: number, extent: number): number => {
    if (extent === 1) return 0;
    const period = 2 * (extent - 1);
    const inPeriod = ((index % period) + period) % period;
    return inPeriod < extent ? inPeriod : period - inPeriod;
  };
  for (let row = 0; row < height + 2 * border; row++) {
    const from = mirror(row - border, height) * width;
    for (let column = 0; column < stride; column++) {
      out[row * stride + column] = plane[from + mirror(column - border, width)];
    }
  }
  return out;
}

/** The reference white of D65. */
const white = [0.950456, 1, 1.088754] as const;

/** Lab of pixels that are taken to be linear, as levels: L · 255/100, a + 128, b + 128. */
function toLab(rgb: Float64Array, size: number): [Float64Array, Float64Array, Float64Array] {
  const planes: [Float64Array, Float64Array, Float64Array] = [
    new Float64Array(size),
    new Float64Array(size),
    new Float64Array(size),
  ];
  const curve = (t: number): number => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116);
  for (let i = 0; i < size; i++) {
    const [r, g, b] = [rgb[i] / 255, rgb[size + i] / 255, rgb[2 * size + i] / 255];
    const x = curve((0.412453 * r + 0.35758 * g + 0.180423 * b) / white[0]);
    const y = 0.212671 * r + 0.71516 * g + 0.072169 * b;
    const z = curve((0.019334 * r + 0.119193 * g + 0.950227 * b) / white[2]);
    const fy = curve(y);
    planes[0][i] = level(2.55 * (y > 0.008856 ? 116 * fy - 16 : 903.3 * y));
    planes[1][i] = level(500 * (x - fy) + 128);
    planes[2][i] = level(200 * (fy - z) + 128);
  }
  return planes;
}

function toRgb([lightness, a, b]: readonly Float64Array[], size: number): Float64Array[] {
  const planes = [new Float64Array(size), new Float64Array(size), new Float64Array(size)];
  const inverse = (t: number): number => (t > 0.206893 ? t ** 3 : (t - 16 / 116) / 7.787);
  for (let i = 0; i < size; i++) {
    const l = lightness[i] / 2.55;
    const fy = l > 8 ? (l + 16) / 116 : 7.787 * (l / 903.3) + 16 / 116;
    const y = l > 8 ? fy ** 3 : l / 903.3;
    const x = white[0] * inverse(fy + (a[i] - 128) / 500);
    const z = white[2] * inverse(fy - (b[i] - 128) / 200);
    planes[0][i] = level(255 * (3.240479 * x - 1.53715 * y - 0.498535 * z));
    planes[1][i] = level(255 * (-0.969256 * x + 1.875991 * y + 0.041556 * z));
    planes[2][i] = level(255 * (0.055648 * x - 0.204043 * y + 1.057311 * z));
  }
  return planes;
}

function level(value: number): number {
  return Math.min(255, Math.max(0, Math.round(value)));
}
