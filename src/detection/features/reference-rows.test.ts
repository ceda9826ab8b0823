import { afterEach, expect, test } from "vitest";
import { createRandom } from "../../random/random.ts";
import { kernelsLoaded, useKernels } from "../../simd/kernels.ts";
import { squaredDistance } from "../../tensor/vector.ts";
import { referenceRows } from "./reference-rows.ts";

// What is compared without them would be compared with itself otherwise.
await kernelsLoaded;
afterEach(() => useKernels(true));

test.each([
  { count: 1, size: 1 },
  { count: 2, size: 3 },
  { count: 9, size: 5 },
  { count: 16, size: 64 },
  { count: 23, size: 7 },
])(
  "$count rows of $size: the distances are those to one after the other, with kernels and without",
  ({ count, size }) => {
    const random = createRandom(count);
    const data = Float64Array.from({ length: count * size }, () => 100 * random() - 50);
    const point = Float32Array.from({ length: size }, () => 100 * random() - 50);
    const expected = Array.from({ length: count }, (_, n) =>
      squaredDistance(Float64Array.from(point), data.subarray(n * size, (n + 1) * size)),
    );
    for (const isWanted of [true, false]) {
      useKernels(isWanted);
      const rows = referenceRows(data, size);
      expect([...rows.squaredDistances(point)]).toEqual(expected);
      const [from, to] = [Math.floor(count / 3), Math.ceil((2 * count) / 3)];
      expect([...rows.squaredDistances(point, from, to)]).toEqual(expected.slice(from, to));
    }
  },
);
