/**
 * @file The image made smaller and put somewhere on a black ground, as a linear map and its adjoint.
 *
 * Source: Xie, Zhang, Zhou, Bai, Wang, Ren and Yuille, "Improving transferability of adversarial examples with input diversity", CVPR 2019.
 */
import type { ImageTensor } from "../../image/picture.ts";
import type { Random } from "../../random/random.ts";

/** Where the smaller image lies. */
export interface Placement {
  readonly height: number;
  readonly width: number;
  readonly top: number;
  readonly left: number;
}

/**
 * A size between `least` of the image's and all of it (not included), and a place for it; undefined, for the image as it is, unless chance (of
 * `probability`) says otherwise. Four numbers are drawn whatever comes of them.
 */
export function drawPlacement(
  [, height, width]: ImageTensor["shape"],
  least: number,
  probability: number,
  random: Random,
): Placement | undefined {
  const [size, down, right, chance] = [random(), random(), random(), random()];
  const smaller = (extent: number): number => {
    const low = Math.max(1, Math.floor(least * extent));
    return low + Math.floor(size * (extent - low));
  };
  const [rows, columns] = [smaller(height), smaller(width)];
  if (chance >= probability) return undefined;
  return {
    height: rows,
    width: columns,
    top: Math.floor(down * (height - rows)),
    left: Math.floor(right * (width - columns)),
  };
}

/** Where each output sample of a line lies between two input samples: bilinear, with the samples in the middle of their pixels. */
function tapsOf(
  from: number,
  to: number,
): { readonly low: Int32Array; readonly high: Int32Array; readonly share: Float64Array } {
  const [low, high, share] = [new Int32Array(to), new Int32Array(to), new Float64Array(to)];
  for (let i = 0; i < to; i++) {
    const at = Math.max(((i + 0.5) * from) / to - 0.5, 0);
    low[i] = Math.min(Math.floor(at), from - 1);
    high[i] = Math.min(low[i] + 1, from - 1);
    share[i] = at - low[i];
  }
  return { low, high, share };
}

/** Each sample of the smaller image: where it is put, which four of the image it is made of, and by what shares. */
function eachSample(
  [channels, height, width]: ImageTensor["shape"],
  { height: rows, width: columns, top, left }: Placement,
  each: (to: number, from: readonly [number, number, number, number], down: number, right: number) => void,
): void {
  const [vertical, horizontal] = [tapsOf(height, rows), tapsOf(width, columns)];
  for (let c = 0; c < channels; c++) {
    const plane = c * height * width;
    for (let row = 0; row < rows; row++) {
      const [upper, lower] = [plane + vertical.low[row] * width, plane + vertical.high[row] * width];
      for (let column = 0; column < columns; column++) {
        const [near, far] = [horizontal.low[column], horizontal.high[column]];
        const to = plane + (top + row) * width + left + column;
        each(to, [upper + near, upper + far, lower + near, lower + far], vertical.share[row], horizontal.share[column]);
      }
    }
  }
}

/** Writes the image [C, H, W], made smaller and placed, to `placed`; all else there is 0. */
export function place(
  image: Float32Array,
  shape: ImageTensor["shape"],
  placement: Placement,
  placed: Float32Array,
): void {
  placed.fill(0);
  eachSample(shape, placement, (to, [a, b, c, d], down, right) => {
    const upper = image[a] * (1 - right) + image[b] * right;
    const lower = image[c] * (1 - right) + image[d] * right;
    placed[to] = upper * (1 - down) + lower * down;
  });
}

/** The adjoint of {@link place}: what a cotangent of the placed image is as one of the image. */
export function placeBack(
  cotangent: Float32Array,
  shape: ImageTensor["shape"],
  placement: Placement,
  gradient: Float32Array,
): void {
  gradient.fill(0);
  eachSample(shape, placement, (to, [a, b, c, d], down, right) => {
    const value = cotangent[to];
    gradient[a] += value * (1 - down) * (1 - right);
    gradient[b] += value * (1 - down) * right;
    gradient[c] += value * down * (1 - right);
    gradient[d] += value * down * right;
  });
}
