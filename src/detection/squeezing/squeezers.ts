/** @file What an image loses that a detector looks at what becomes of: levels, detail, orientation. */
import { jpegLoss } from "../../image/jpeg-loss.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { denoise } from "./non-local-means.ts";

/** round(x (2^bits − 1)) / (2^bits − 1): halves away from 0, which NumPy rounds to even. */
export function reduceBits(image: ImageTensor, bits: number): ImageTensor {
  const levels = 2 ** bits - 1;
  const data = new Float32Array(image.data.length);
  for (let i = 0; i < data.length; i++) data[i] = Math.round(image.data[i] * levels) / levels;
  return { ...image, data };
}

/**
 * The median over windows of `side` × `side` pixels, channel by channel: scipy's `median_filter` in mode "reflect", whose edge is mirrored with the edge
 * pixel repeated. A window of even side reaches further to the left and up, and of its values the upper of the middle two counts.
 */
export function medianFilter(image: ImageTensor, side: number): ImageTensor {
  const [channels, height, width] = image.shape;
  const out = new Float32Array(image.data.length);
  const window = new Float32Array(side * side);
  const rank = Math.floor((side * side) / 2);
  const [rows, columns] = [height, width].map((extent) => mirroredIndices(extent, side));
  for (let c = 0; c < channels; c++) {
    const plane = image.data.subarray(c * height * width, (c + 1) * height * width);
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        let n = 0;
        for (let dy = 0; dy < side; dy++) {
          const from = rows[row + dy] * width;
          for (let dx = 0; dx < side; dx++) {
            const value = plane[from + columns[column + dx]];
            // Small windows are sorted as they are filled.
            let place = n++;
            if (side <= 5) for (; place > 0 && window[place - 1] > value; place--) window[place] = window[place - 1];
            window[place] = value;
          }
        }
        if (side > 5) window.sort();
        out[c * height * width + row * width + column] = window[rank];
      }
    }
  }
  return { ...image, data: out };
}

/** For each place in the windows of a line, from the first window's first on, which element lies there. */
function mirroredIndices(extent: number, side: number): Int32Array {
  const before = Math.floor(side / 2);
  const indices = new Int32Array(extent + side - 1);
  for (let i = 0; i < indices.length; i++) indices[i] = mirrored(i - before, extent);
  return indices;
}

/** d c b a | a b c d | d c b a. */
function mirrored(index: number, extent: number): number {
  const period = 2 * extent;
  const inPeriod = ((index % period) + period) % period;
  return inPeriod < extent ? inPeriod : period - 1 - inPeriod;
}

/** Left and right exchanged. */
export function flipped(image: ImageTensor): ImageTensor {
  const [, , width] = image.shape;
  const data = new Float32Array(image.data.length);
  for (let from = 0; from < data.length; from += width) {
    for (let column = 0; column < width; column++) data[from + column] = image.data[from + width - 1 - column];
  }
  return { ...image, data };
}

/** Moved down and to the right by `pixels`, the edge repeated. */
export function shifted(image: ImageTensor, pixels: number): ImageTensor {
  const [, height, width] = image.shape;
  const data = new Float32Array(image.data.length);
  for (let plane = 0; plane < data.length; plane += height * width) {
    for (let row = 0; row < height; row++) {
      const [to, from] = [plane + row * width, plane + Math.max(0, row - pixels) * width];
      for (let column = 0; column < width; column++)
        data[to + column] = image.data[from + Math.max(0, column - pixels)];
    }
  }
  return { ...image, data };
}

/** What is done to images, and how much; 0 or false: it is not. */
export interface SqueezerSettings {
  readonly bits: number;
  readonly median: number;
  /** The strength of non-local means with patches of 3 in windows of `search`. */
  readonly denoising: number;
  readonly search: number;
  readonly jpeg: number;
  readonly flip: boolean;
  readonly shift: number;
}

/** What the settings do to an image, one function for each. */
export function squeezersOf(settings: SqueezerSettings): readonly ((image: ImageTensor) => ImageTensor)[] {
  const { bits, median, denoising, search, jpeg, flip, shift } = settings;
  return [
    ...(bits > 0 ? [(image: ImageTensor) => reduceBits(image, bits)] : []),
    ...(median > 0 ? [(image: ImageTensor) => medianFilter(image, median)] : []),
    ...(denoising > 0 ? [(image: ImageTensor) => denoise(image, { strength: denoising, search, patch: 3 })] : []),
    ...(jpeg > 0 ? [(image: ImageTensor) => jpegLoss(image, jpeg)] : []),
    ...(flip ? [flipped] : []),
    ...(shift > 0 ? [(image: ImageTensor) => shifted(image, shift)] : []),
  ];
}
