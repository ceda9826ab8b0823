/** @file Points that others are compared with: the squared distances to many of them at once. */
import { kernelsFor } from "../../simd/kernels.ts";
import { openArrays } from "../../simd/workspace.ts";
import { squaredDistance } from "../../tensor/vector.ts";

/** Rows of one size, kept for comparisons. */
export interface ReferenceRows {
  readonly count: number;
  /**
   * ‖point − row‖² to the rows `from` to before `to` (default all), in order, added up from the first element to the last as `squaredDistance` does. The
   * array holds until the next call.
   */
  squaredDistances(point: ArrayLike<number>, from?: number, to?: number): Float64Array;
}

/** More numbers are not copied beside themselves: 32 MB. */
const mostCopied = 2 ** 22;

/** The rows of `data` [count, size]: by kernels where there are some, to the same result. */
export function referenceRows(data: Float64Array, size: number): ReferenceRows {
  const count = data.length / size;
  const pairs = Math.ceil(count / 2);
  const doubles = 2 * pairs * (size + 1) + size;
  const arrays = data.length > mostCopied ? undefined : openArrays({ singles: 0, doubles, integers: 0 });
  if (arrays === undefined) return rowsInLoops(data, count, size);
  const [rows, distances, own] = [arrays.doubles(2 * pairs * size), arrays.doubles(2 * pairs), arrays.doubles(size)];
  const kernels = kernelsFor(rows, distances, own);
  if (kernels === undefined) return rowsInLoops(data, count, size);
  rows.fill(0);
  for (let n = 0; n < count; n++) {
    const [from, to] = [n * size, (n >> 1) * 2 * size + (n & 1)];
    for (let j = 0; j < size; j++) rows[to + 2 * j] = data[from + j];
  }
  return {
    count,
    squaredDistances(point, from = 0, to = count) {
      own.set(point);
      const [first, end] = [from >> 1, (to + 1) >> 1];
      kernels.squaredDistances(own.byteOffset, rows.byteOffset, first, end, size, distances.byteOffset);
      return distances.subarray(from, to);
    },
  };
}

function rowsInLoops(data: Float64Array, count: number, size: number): ReferenceRows {
  const distances = new Float64Array(count);
  const own = new Float64Array(size);
  return {
    count,
    squaredDistances(point, from = 0, to = count) {
      own.set(point);
      let n = from;
      // Four sums side by side, since each addition waits for the one before it.
      for (; n + 4 <= to; n += 4) {
        const [a, b, c, d] = [n * size, (n + 1) * size, (n + 2) * size, (n + 3) * size];
        let [toA, toB, toC, toD] = [0, 0, 0, 0];
        for (let j = 0; j < size; j++) {
          const value = own[j];
          const [fromA, fromB] = [value - data[a + j], value - data[b + j]];
          const [fromC, fromD] = [value - data[c + j], value - data[d + j]];
          toA += fromA * fromA;
          toB += fromB * fromB;
          toC += fromC * fromC;
          toD += fromD * fromD;
        }
        distances[n] = toA;
        distances[n + 1] = toB;
        distances[n + 2] = toC;
        distances[n + 3] = toD;
      }
      for (; n < to; n++) {
        distances[n] = squaredDistance(own, data.subarray(n * size, (n + 1) * size));
      }
      return distances.subarray(from, to);
    },
  };
}
