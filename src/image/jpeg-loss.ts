/** @file What JPEG does to an image, without the file: its entropy coding loses nothing, so that only transform and quantization count. */
import { BadInputError, checkForm, numberIn } from "../errors.ts";
import type { ImageTensor } from "./picture.ts";

/** Tables K.1 and K.2 of ITU-T T.81, row by row. */
const luminance = [
  [16, 11, 10, 16, 24, 40, 51, 61],
  [12, 12, 14, 19, 26, 58, 60, 55],
  [14, 13, 16, 24, 40, 57, 69, 56],
  [14, 17, 22, 29, 51, 87, 80, 62],
  [18, 22, 37, 56, 68, 109, 103, 77],
  [24, 35, 55, 64, 81, 104, 113, 92],
  [49, 64, 78, 87, 103, 121, 120, 101],
  [72, 92, 95, 98, 112, 100, 103, 99],
].flat();
const chrominance = [
  [17, 18, 24, 47, 99, 99, 99, 99],
  [18, 21, 26, 66, 99, 99, 99, 99],
  [24, 26, 56, 99, 99, 99, 99, 99],
  [47, 66, 99, 99, 99, 99, 99, 99],
  ...Array.from({ length: 4 }, () => [99, 99, 99, 99, 99, 99, 99, 99]),
].flat();

/** The orthonormal transform of eight samples: row u, column x. */
const cosines = Float64Array.from({ length: 64 }, (_, i) => {
  const [u, x] = [i >> 3, i & 7];
  return Math.cos(((2 * x + 1) * u * Math.PI) / 16) * (u === 0 ? Math.SQRT1_2 : 1) * 0.5;
});

/**
 * `image` [C, H, W] of one or three channels as a JPEG file of this quality (1 to 100, as libjpeg counts) would give it back: bytes as pixels of
 * [0, 1]. Color is kept at full resolution (4:4:4); edges are continued to whole blocks. libjpeg's integers differ in a level here and there.
 */
export function jpegLoss(image: ImageTensor, quality: number): ImageTensor {
  checkForm("jpegLoss: image", image, ["shape", "data"]);
  numberIn("jpegLoss: quality", quality, { min: 1, max: 100, integer: true });
  const [channels, height, width] = image.shape;
  if (channels !== 1 && channels !== 3) {
    throw new BadInputError({
      where: "jpegLoss",
      what: "JPEG has no such number of channels",
      expected: "1 or 3",
      got: `${channels}`,
    });
  }
  const size = height * width;
  const bytes = Float64Array.from(image.data, (value) => Math.round(255 * Math.min(1, Math.max(0, value))));
  const planes = channels === 1 ? [bytes] : toYcc(bytes, size);
  const coded = planes.map((plane, c) =>
    codedPlane(plane, height, width, tableOf(c === 0 ? luminance : chrominance, quality)),
  );
  const back = channels === 1 ? coded[0] : toRgb(coded, size);
  return { ...image, data: Float32Array.from(back, (value) => Math.min(255, Math.max(0, Math.round(value))) / 255) };
}

/** The quantization table of a quality, as libjpeg scales it. */
function tableOf(base: readonly number[], quality: number): readonly number[] {
  const scale = quality < 50 ? Math.floor(5000 / quality) : 200 - 2 * quality;
  return base.map((value) => Math.min(255, Math.max(1, Math.floor((value * scale + 50) / 100))));
}

function toYcc(rgb: Float64Array, size: number): Float64Array[] {
  const planes = [new Float64Array(size), new Float64Array(size), new Float64Array(size)];
  for (let i = 0; i < size; i++) {
    const [r, g, b] = [rgb[i], rgb[size + i], rgb[2 * size + i]];
    planes[0][i] = Math.round(0.299 * r + 0.587 * g + 0.114 * b);
    planes[1][i] = Math.round(128 - 0.168735892 * r - 0.331264108 * g + 0.5 * b);
    planes[2][i] = Math.round(128 + 0.5 * r - 0.418687589 * g - 0.081312411 * b);
  }
  return planes;
}

function toRgb([y, cb, cr]: readonly Float64Array[], size: number): Float64Array {
  const rgb = new Float64Array(3 * size);
  for (let i = 0; i < size; i++) {
    const [blue, red] = [cb[i] - 128, cr[i] - 128];
    rgb[i] = y[i] + 1.402 * red;
    rgb[size + i] = y[i] - 0.344136286 * blue - 0.714136286 * red;
    rgb[2 * size + i] = y[i] + 1.772 * blue;
  }
  return rgb;
}

/** A plane of bytes after transform, quantization and the way back, rounded to bytes. */
function codedPlane(plane: Float64Array, height: number, width: number, table: readonly number[]): Float64Array {
  const out = new Float64Array(plane.length);
  const [block, half] = [new Float64Array(64), new Float64Array(64)];
  for (let top = 0; top < height; top += 8) {
    for (let left = 0; left < width; left += 8) {
      for (let i = 0; i < 64; i++) {
        const [row, column] = [Math.min(height - 1, top + (i >> 3)), Math.min(width - 1, left + (i & 7))];
        block[i] = plane[row * width + column] - 128;
      }
      transform(block, half, true);
      for (let i = 0; i < 64; i++) block[i] = Math.round(block[i] / table[i]) * table[i];
      transform(block, half, false);
      for (let i = 0; i < 64; i++) {
        const [row, column] = [top + (i >> 3), left + (i & 7)];
        if (row < height && column < width) {
          out[row * width + column] = Math.min(255, Math.max(0, Math.round(block[i] + 128)));
        }
      }
    }
  }
  return out;
}

/** The cosine transform of a block of 8 × 8 in both directions, or back; in place. */
function transform(block: Float64Array, half: Float64Array, isForward: boolean): void {
  const at = (u: number, x: number): number => (isForward ? cosines[8 * u + x] : cosines[8 * x + u]);
  for (let row = 0; row < 8; row++) {
    for (let u = 0; u < 8; u++) {
      let sum = 0;
      for (let x = 0; x < 8; x++) sum += at(u, x) * block[8 * row + x];
      half[8 * row + u] = sum;
    }
  }
  for (let column = 0; column < 8; column++) {
    for (let u = 0; u < 8; u++) {
      let sum = 0;
      for (let x = 0; x < 8; x++) sum += at(u, x) * half[8 * x + column];
      block[8 * u + column] = sum;
    }
  }
}
