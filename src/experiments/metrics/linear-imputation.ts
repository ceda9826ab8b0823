/**
 * @file Pixels that are taken away and filled in from their neighbors, so that little tells where they were.
 *
 * Source: Rong, Leemann, Borisov, Kasneci and Kasneci, "A Consistent and Efficient Evaluation Strategy for Attribution Methods", ICML 2022,
 * section 4: noisy linear imputation. Each missing pixel is the weighted mean of its eight neighbors, 1/6 for those beside it and 1/12 for the
 * diagonal ones, of which those outside of the image do not count; missing neighbors are unknowns of the same system.
 */
import { MisuseError } from "../../errors.ts";
import type { ImageTensor } from "../../image/picture.ts";

const neighbors = [-1, 0, 1].flatMap((dy) =>
  [-1, 0, 1].flatMap((dx) => (dx === 0 && dy === 0 ? [] : [{ dy, dx, weight: dx === 0 || dy === 0 ? 1 / 6 : 1 / 12 }])),
);

/** The system is solved until its residual is this share of the right side. */
const tolerance = 1e-9;

/** The unknowns: their places, and for each its neighbors' places or −1 outside of the image, eight in a row. */
interface Holes {
  readonly places: Uint32Array;
  /** The number of each place among the unknowns, −1 for those that are known. */
  readonly numbers: Int32Array;
  readonly around: Int32Array;
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
  const numbers = new Int32Array(height * width).fill(-1);
  for (const [n, place] of places.entries()) numbers[place] = n;
  const around = new Int32Array(8 * places.length).fill(-1);
  const diagonal = new Float64Array(places.length);
  for (const [n, place] of places.entries()) {
    const [y, x] = [Math.floor(place / width), place % width];
    for (const [k, { dy, dx, weight }] of neighbors.entries()) {
      if (y + dy < 0 || y + dy >= height || x + dx < 0 || x + dx >= width) continue;
      around[8 * n + k] = place + dy * width + dx;
      diagonal[n] += weight;
    }
  }
  return { places, numbers, around, diagonal };
}

/** Conjugate gradients, each unknown scaled by its diagonal: the matrix is symmetric, and positive where anything is known. */
function solve(plane: Float64Array, { places, numbers, around, diagonal }: Holes): void {
  const count = places.length;
  const right = new Float64Array(count);
  const x = Float64Array.from(places, (place) => plane[place]);
  /** D v − W v over the unknowns. */
  const times = (v: Float64Array, result: Float64Array): void => {
    for (let n = 0; n < count; n++) {
      let sum = diagonal[n] * v[n];
      for (let k = 0; k < 8; k++) {
        const place = around[8 * n + k];
        const other = place < 0 ? -1 : numbers[place];
        if (other >= 0) sum -= neighbors[k].weight * v[other];
      }
      result[n] = sum;
    }
  };
  for (let n = 0; n < count; n++) {
    for (let k = 0; k < 8; k++) {
      const place = around[8 * n + k];
      if (place >= 0 && numbers[place] < 0) right[n] += neighbors[k].weight * plane[place];
    }
  }
  const image = new Float64Array(count);
  times(x, image);
  const residual = right.map((value, n) => value - image[n]);
  const scaled = residual.map((value, n) => value / diagonal[n]);
  const direction = scaled.slice();
  let power = dot(residual, scaled);
  const enough = tolerance * Math.max(Math.sqrt(dot(right, right)), Number.MIN_VALUE);
  for (let turn = 0; turn < 4 * count + 100 && Math.sqrt(dot(residual, residual)) > enough; turn++) {
    times(direction, image);
    const step = power / dot(direction, image);
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

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let n = 0; n < a.length; n++) sum += a[n] * b[n];
  return sum;
}
