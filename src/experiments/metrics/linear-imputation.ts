/**
 * @file Pixels that are taken away and filled in from their neighbors, so that little tells where they were.
 *
 * Source: Rong, Leemann, Borisov, Kasneci and Kasneci, "A Consistent and Efficient Evaluation Strategy for Attribution Methods", ICML 2022,
 * section 4: noisy linear imputation. Each missing pixel is the weighted mean of its eight neighbors, 1/6 for those beside it and 1/12 for the
 * diagonal ones, of which those outside of the image do not count; missing neighbors are unknowns of the same system.
 */
import { MisuseError } from "../../errors.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { dot } from "../../tensor/vector.ts";

/** Of the eight neighbors the four beside a pixel, each 1/6, and the four diagonal ones, each 1/12. */
const [beside, diagonally] = [1 / 6, 1 / 12];
const offsets = [
  ...[[-1, 0] as const, [0, -1] as const, [0, 1] as const, [1, 0] as const],
  ...[[-1, -1] as const, [-1, 1] as const, [1, -1] as const, [1, 1] as const],
];

/** The system is solved until its residual is this share of the right side. */
const tolerance = 1e-8;

/** The unknowns, and how they hang together. */
interface Holes {
  readonly places: Uint32Array;
  /**
   * Of each unknown its eight neighbors in the order of {@link offsets}: their numbers among the unknowns. Those that are known or outside of the image are the
   * number after the last, of something that is 0.
   */
  readonly unknown: Int32Array;
  /** The same with the places of those that are known, and otherwise −1. */
  readonly known: Int32Array;
  /** Σ of the weights of the neighbors inside of the image. */
  readonly diagonal: Float64Array;
}

/**
 * Fills the pixels at `places` (of a plane, each once) of `values` ([C, H, W], flat) from the others, each channel by itself; what they hold is where the
 * search for the solution starts. Throws a MisuseError if no pixel is left to start from.
 */
export function imputeLinearly(
  values: Float64Array,
  [channels, height, width]: ImageTensor["shape"],
  places: Uint32Array,
): void {
  if (places.length === 0) return;
  const plane = height * width;
  if (places.length >= plane) {
    throw new MisuseError({
      where: "imputeLinearly",
      what: "all pixels are missing",
      expected: `at most ${plane - 1}`,
      got: String(places.length),
    });
  }
  const holes = holesOf(places, height, width);
  for (let c = 0; c < channels; c++) solve(values.subarray(c * plane, (c + 1) * plane), holes);
}

function holesOf(places: Uint32Array, height: number, width: number): Holes {
  const count = places.length;
  const numbers = new Int32Array(height * width).fill(-1);
  for (const [n, place] of places.entries()) numbers[place] = n;
  const unknown = new Int32Array(8 * count).fill(count);
  const known = new Int32Array(8 * count).fill(-1);
  const diagonal = new Float64Array(count);
  for (const [n, place] of places.entries()) {
    const [y, x] = [Math.floor(place / width), place % width];
    for (const [k, [dy, dx]] of offsets.entries()) {
      if (y + dy < 0 || y + dy >= height || x + dx < 0 || x + dx >= width) continue;
      const neighbor = place + dy * width + dx;
      if (numbers[neighbor] < 0) known[8 * n + k] = neighbor;
      else unknown[8 * n + k] = numbers[neighbor];
      diagonal[n] += k < 4 ? beside : diagonally;
    }
  }
  return { places, unknown, known, diagonal };
}

/** Conjugate gradients, each unknown scaled by its diagonal: the matrix is symmetric, and positive where anything is known. */
function solve(plane: Float64Array, { places, unknown, known, diagonal }: Holes): void {
  const count = places.length;
  /** D v − W v over the unknowns; v has a 0 behind them. */
  const times = (v: Float64Array, result: Float64Array): void => {
    for (let n = 0, k = 0; n < count; n++, k += 8) {
      const four = v[unknown[k]] + v[unknown[k + 1]] + v[unknown[k + 2]] + v[unknown[k + 3]];
      const more = v[unknown[k + 4]] + v[unknown[k + 5]] + v[unknown[k + 6]] + v[unknown[k + 7]];
      result[n] = diagonal[n] * v[n] - beside * four - diagonally * more;
    }
  };
  const right = new Float64Array(count);
  for (const [i, place] of known.entries()) {
    if (place >= 0) right[i >> 3] += ((i & 7) < 4 ? beside : diagonally) * plane[place];
  }
  const x = new Float64Array(count + 1);
  for (const [n, place] of places.entries()) x[n] = plane[place];
  const image = new Float64Array(count);
  times(x, image);
  const residual = right.map((value, n) => value - image[n]);
  const scaled = residual.map((value, n) => value / diagonal[n]);
  const direction = new Float64Array(count + 1);
  direction.set(scaled);
  let power = dot(residual, scaled);
  const enough = tolerance * Math.max(Math.sqrt(dot(right, right)), Number.MIN_VALUE);
  for (let turn = 0; turn < 4 * count + 100 && Math.sqrt(dot(residual, residual)) > enough; turn++) {
    times(direction, image);
    const step = power / dot(image, direction);
    for (let n = 0; n < count; n++) {
      x[n] += step * direction[n];
      residual[n] -= step * image[n];
      scaled[n] = residual[n] / diagonal[n];
    }
    const next = dot(residual, scaled);
    const share = next / power;
    for (let n = 0; n < count; n++) direction[n] = scaled[n] + share * direction[n];
    power = next;
  }
  for (const [n, place] of places.entries()) plane[place] = x[n];
}
