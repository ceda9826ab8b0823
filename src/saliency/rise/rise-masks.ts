/**
 * @file The random masks of RISE: coarse grids of kept and hidden cells, enlarged smoothly and shifted by part of a cell.
 *
 * Source: Petsiuk, Das and Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models", BMVC 2018, section 3.2.
 * Everything is separable: a mask costs one blend per pixel, and a weighted sum of thousands of masks little more than one.
 */
import { chance, integer } from "../../random/distributions.ts";
import type { Random } from "../../random/random.ts";

/** A mask before it is enlarged. */
export interface RiseMask {
  /** [s · s], row-major: 1 where the image is kept. */
  readonly cells: Uint8Array;
  /** Where the enlarged grid is cut, in pixels from its top left corner, less than a cell. */
  readonly shiftY: number;
  readonly shiftX: number;
}

/** A weighted sum of masks. */
export interface RiseMaskSum {
  add(mask: RiseMask, weight: number): void;
  /** The sum so far, [H · W]. */
  total(): Float64Array;
}

export interface RiseMasks {
  /** Each cell kept with the given probability, any shift as likely as any other. */
  draw(random: Random, probability: number): RiseMask;
  /** The mask at the size of the image, [H · W], in [0, 1]; with cells kept with probability p, p on average at every pixel. */
  render(mask: RiseMask): Float32Array;
  /**
   * Writes color + mask · difference to `out`; the color has one value per channel, the others are [C · H · W] with one or three
   * channels.
   */
  apply(mask: RiseMask, color: Float32Array, difference: Float32Array, out: Float32Array): void;
  /** A sum of no masks yet. */
  createSum(): RiseMaskSum;
}

/** How samples of the enlarged axis are made of cells: (1 − share)·cells[lower] + share·cells[lower + 1]. */
interface Axis {
  /** Pixels per cell, and thus the number of possible shifts. */
  readonly shifts: number;
  readonly lower: Int32Array;
  readonly share: Float64Array;
}

/**
 * As the authors' code, `cells` are enlarged to (cells + 1)·⌈extent / cells⌉ samples, bilinearly with half-pixel centers; beyond the
 * outermost centers, the cells are mirrored there, not repeated.
 */
function axisOf(extent: number, cells: number): Axis {
  const shifts = Math.ceil(extent / cells);
  const count = (cells + 1) * shifts;
  const lower = new Int32Array(count);
  const share = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const distance = Math.abs(((i + 0.5) * cells) / count - 0.5);
    const position = Math.min(distance, 2 * (cells - 1) - distance);
    lower[i] = Math.min(Math.floor(position), cells - 2);
    share[i] = position - lower[i];
  }
  return { shifts, lower, share };
}

/** The masks of `cells` × `cells` cells, at least 2, for images of the given size. */
export function riseMasks({ height, width, cells }: { height: number; width: number; cells: number }): RiseMasks {
  const vertical = axisOf(height, cells);
  const horizontal = axisOf(width, cells);
  const plane = height * width;

  /** The grid enlarged along x, cut at the shift: [cells, W]. */
  function widen(grid: ArrayLike<number>, start: number, shiftX: number, out: Float64Array): void {
    const { lower, share } = horizontal;
    for (let a = 0; a < cells; a++) {
      for (let x = 0; x < width; x++) {
        const at = start + a * cells + lower[x + shiftX];
        out[a * width + x] += grid[at] + share[x + shiftX] * (grid[at + 1] - grid[at]);
      }
    }
  }

  const wide = new Float64Array(cells * width);
  /** Calls `blend` for each row y of the mask, whose pixel x is wide[from + x] + share·(wide[from + W + x] − wide[from + x]). */
  function forEachRow(
    { cells: grid, shiftY, shiftX }: RiseMask,
    blend: (wide: Float64Array, from: number, share: number, y: number) => void,
  ): void {
    wide.fill(0);
    widen(grid, 0, shiftX, wide);
    for (let y = 0; y < height; y++) {
      blend(wide, vertical.lower[y + shiftY] * width, vertical.share[y + shiftY], y);
    }
  }

  return {
    draw(random, probability) {
      return {
        cells: Uint8Array.from({ length: cells * cells }, () => Number(chance(random, probability))),
        shiftY: integer(random, 0, vertical.shifts),
        shiftX: integer(random, 0, horizontal.shifts),
      };
    },
    render(mask) {
      const out = new Float32Array(plane);
      forEachRow(mask, (wide, from, share, y) => {
        for (let x = 0; x < width; x++) {
          out[y * width + x] = wide[from + x] + share * (wide[from + width + x] - wide[from + x]);
        }
      });
      return out;
    },
    apply(mask, color, difference, out) {
      forEachRow(mask, (wide, from, share, y) => {
        if (color.length === 3) blendThree(wide, from, width, share, color, difference, out, y * width, plane);
        else blendOne(wide, from, width, share, color[0], difference, out, y * width);
      });
    },
    createSum() {
      // Masks of one shift are added cell by cell, and enlarged only in the end.
      const size = cells * cells;
      const sums = new Float64Array(vertical.shifts * horizontal.shifts * size);
      return {
        add(mask, weight) {
          const start = (mask.shiftY * horizontal.shifts + mask.shiftX) * size;
          for (let i = 0; i < size; i++) if (mask.cells[i] === 1) sums[start + i] += weight;
        },
        total() {
          const out = new Float64Array(plane);
          for (let shiftY = 0; shiftY < vertical.shifts; shiftY++) {
            const wide = new Float64Array(cells * width);
            for (let shiftX = 0; shiftX < horizontal.shifts; shiftX++) {
              widen(sums, (shiftY * horizontal.shifts + shiftX) * size, shiftX, wide);
            }
            for (let y = 0; y < height; y++) {
              const from = vertical.lower[y + shiftY] * width;
              const share = vertical.share[y + shiftY];
              for (let x = 0; x < width; x++) {
                out[y * width + x] += wide[from + x] + share * (wide[from + width + x] - wide[from + x]);
              }
            }
          }
          return out;
        },
      };
    },
  };
}

/** One row of a picture with three channels: the time of RISE outside of the network is spent here. */
function blendThree(
  wide: Float64Array,
  from: number,
  width: number,
  share: number,
  [red, green, blue]: Float32Array,
  difference: Float32Array,
  out: Float32Array,
  start: number,
  plane: number,
): void {
  for (let x = 0, i = start; x < width; x++, i++) {
    const upper = wide[from + x];
    const kept = upper + share * (wide[from + width + x] - upper);
    out[i] = red + kept * difference[i];
    out[i + plane] = green + kept * difference[i + plane];
    out[i + 2 * plane] = blue + kept * difference[i + 2 * plane];
  }
}

/** One row of a picture with one channel. */
function blendOne(
  wide: Float64Array,
  from: number,
  width: number,
  share: number,
  gray: number,
  difference: Float32Array,
  out: Float32Array,
  start: number,
): void {
  for (let x = 0, i = start; x < width; x++, i++) {
    const upper = wide[from + x];
    out[i] = gray + (upper + share * (wide[from + width + x] - upper)) * difference[i];
  }
}
