/**
 * @file What a node of a smooth mask adds at each pixel of the square that it reaches, and its slope there, as tables: functions of its value and of distances, which are the
 * same for all nodes.
 *
 * A table is symmetric. Exponentials are computed for a quarter of it, and once for the way forward and back.
 */
import { kernelsFor } from "../../simd/kernels.ts";
import type { Arrays } from "../../simd/workspace.ts";
import { exponential } from "./exponential.ts";

/** How far nodes reach, and how many there are. */
export interface Reached {
  /** Pixels that a node reaches along either axis. */
  readonly reach: number;
  readonly gridHeight: number;
  readonly gridWidth: number;
}

/** The sharpness of the smooth maximum Σ a e^{Ta} / Σ e^{Ta}. */
const temperature = 20;

/** The kernel as a function of the distance in units of σ. */
function kernelAt(z: number): number {
  return Math.exp(-2 * Math.max(0, z - 0.5) ** 2);
}

/** Functions of the kernel over the square that a node reaches, for one value of the node. */
export interface KernelTables {
  /** Of the square's upper half; its row y begins at `rowOf(y)`. */
  readonly first: Float64Array;
  readonly second: Float64Array;
  readonly rowOf: (y: number) => number;
  /** Rows and columns of the square. */
  readonly reach: number;
  /** Fills the tables for a node of `value`, if they do not hold that already: most nodes are 0 or 1, and neighbors often equal. */
  readonly fillFor: (value: number) => void;
}

/** The kernels k over the upper left quarter of the square that a node reaches, a symmetric table, and e^{Tkv} of nodes' values v. */
interface Powers {
  readonly kernels: Float64Array;
  /** Rows that count. */
  readonly half: number;
  /** Columns of the table, a multiple of 8: so many powers are computed at once. */
  readonly columns: number;
  /** e^{Tkv}, of the layout of the kernels. It holds until others are asked for. */
  readonly of: (value: number) => Float64Array;
  /** Forgets what was computed: the way back finds what the way forward left. */
  readonly clear: () => void;
}

/** The powers that are kept take no more than 2 MB, those of 256 nodes at 224²: a fifth of the nodes there are neither 0 nor 1, on the way. */
const mostKept = 2 ** 18;

/** Of the square's quarter: rows, columns and how many nodes' powers are kept. */
function sizesOf({ reach, gridHeight, gridWidth }: Reached): { half: number; columns: number; kept: number } {
  const half = Math.ceil(reach / 2);
  const columns = Math.ceil(half / 8) * 8;
  const kept = Math.max(1, Math.min(gridHeight * gridWidth, Math.floor(mostKept / (half * columns))));
  return { half, columns, kept };
}

/** The float64 numbers in all tables of a mask. */
export function doublesOfTables(reached: Reached): number {
  const { half, columns, kept } = sizesOf(reached);
  return 4 * half * reached.reach + (1 + kept) * half * columns;
}

function powersOf(reached: Reached, sigmaPixels: number, arrays: Arrays): Powers {
  const sizes = sizesOf(reached);
  const { half, columns } = sizes;
  const middle = (reached.reach - 1) / 2;
  const kernels = arrays.doubles(half * columns);
  for (let y = 0; y < half; y++) {
    for (let x = 0; x < columns; x++) {
      // In one order: a distance may depend on it in the last digit.
      const [near, far] = [Math.min(x, y), Math.max(x, y)];
      kernels[y * columns + x] = kernelAt(Math.hypot(near - middle, far - middle) / sigmaPixels);
    }
  }
  const tables = Array.from({ length: sizes.kept }, () => arrays.doubles(kernels.length));
  const kept = new Map<number, Float64Array>();
  return {
    kernels,
    half,
    columns,
    of(value) {
      const known = kept.get(value);
      if (known !== undefined) return known;
      if (kept.size === tables.length) kept.clear();
      const powers = tables[kept.size];
      kept.set(value, powers);
      const inMemory = kernelsFor(powers, kernels);
      if (inMemory === undefined) {
        for (let n = 0; n < powers.length; n++) powers[n] = exponential(temperature * kernels[n] * value);
      } else inMemory.fillPowers(powers.byteOffset, kernels.byteOffset, value, temperature, half, columns);
      return powers;
    },
    clear: () => kept.clear(),
  };
}

/** The upper halves of two tables of `reach` columns, whose rows are the same from both ends, and what they are made of. */
interface HalfTables {
  readonly first: Float64Array;
  readonly second: Float64Array;
  readonly powers: Float64Array;
  readonly kernels: Float64Array;
  readonly half: number;
  readonly columns: number;
  readonly reach: number;
}

/** Fills two tables with functions of the kernels and of the node's value, with the same result where there are kernels and where there are none. */
type Tabulate = (tables: HalfTables, value: number) => void;

/** What a node adds to the sums: e^{Ta} − 1 and a·e^{Ta}, of a = k·value. */
function tabulateSums({ first, second, powers, kernels, half, columns, reach }: HalfTables, value: number): void {
  const inMemory = kernelsFor(first, second, powers, kernels);
  if (inMemory !== undefined) {
    const sources = [powers.byteOffset, kernels.byteOffset] as const;
    inMemory.tabulateSums(first.byteOffset, second.byteOffset, ...sources, value, half, columns, reach);
    return;
  }
  for (let y = 0; y < half; y++) {
    for (let x = 0; x < half; x++) {
      const [at, mirrored, of] = [y * reach + x, y * reach + reach - 1 - x, y * columns + x];
      first[mirrored] = first[at] = powers[of] - 1;
      second[mirrored] = second[at] = kernels[of] * value * powers[of];
    }
  }
}

/** Of ∂m/∂a_v = e^{T a_v} (1 + T (a_v − m)) / Σ e^{Ta}, with a_v = k·m̄(v): what does not depend on m, and what m is multiplied by. */
function tabulateSlopes({ first, second, powers, kernels, half, columns, reach }: HalfTables, value: number): void {
  const inMemory = kernelsFor(first, second, powers, kernels);
  if (inMemory !== undefined) {
    const sources = [powers.byteOffset, kernels.byteOffset] as const;
    inMemory.tabulateSlopes(first.byteOffset, second.byteOffset, ...sources, value, temperature, half, columns, reach);
    return;
  }
  for (let y = 0; y < half; y++) {
    for (let x = 0; x < half; x++) {
      const [at, mirrored, of] = [y * reach + x, y * reach + reach - 1 - x, y * columns + x];
      const sharp = temperature * kernels[of];
      first[mirrored] = first[at] = kernels[of] * powers[of] * (1 + sharp * value);
      second[mirrored] = second[at] = sharp * powers[of];
    }
  }
}

/** Tables for squares of `reach` pixels; their rows are the same from both ends, and so are columns and rows. */
function kernelTables(reach: number, powers: Powers, tabulate: Tabulate, arrays: Arrays): KernelTables {
  const { kernels, half, columns } = powers;
  const [first, second] = [arrays.doubles(half * reach), arrays.doubles(half * reach)];
  let filled = Number.NaN;
  return {
    first,
    second,
    reach,
    rowOf: (y) => Math.min(y, reach - 1 - y) * reach,
    fillFor(value) {
      if (value === filled) return;
      filled = value;
      tabulate({ first, second, powers: powers.of(value), kernels, half, columns, reach }, value);
    },
  };
}

/**
 * The tables of nodes on the way forward and on the way back. They share the powers of nodes' values, which are to be forgotten when there are other values.
 */
export function nodeTables(
  reached: Reached,
  sigmaPixels: number,
  arrays: Arrays,
): { readonly ahead: KernelTables; readonly back: KernelTables; readonly forget: () => void } {
  const powers = powersOf(reached, sigmaPixels, arrays);
  const of = (tabulate: Tabulate) => kernelTables(reached.reach, powers, tabulate, arrays);
  return { ahead: of(tabulateSums), back: of(tabulateSlopes), forget: powers.clear };
}
