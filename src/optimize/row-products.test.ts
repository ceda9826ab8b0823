import fc from "fast-check";
import { expect, test } from "vitest";
import { blockSumsLength, combineRows, innerProducts, innerProductsAt, paddedCount } from "./row-products.ts";

// Small integers keep every sum exact, so that equality can be asked for. Lengths reach past one block of 1024.
const shape = fc.record({
  length: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 1000, max: 2100 })),
  count: fc.nat(12),
  seed: fc.nat(1000),
});

function fill({ length, count, seed }: { length: number; count: number; seed: number }) {
  const element = (k: number) => ((k * 37 + seed * 11 + ((k * k) % 13)) % 17) - 8;
  const rows = Float32Array.from({ length: (count + 1) * length }, (_, k) => element(k));
  const vector = Float32Array.from({ length }, (_, k) => element(k + 5000));
  const offsets = new Int32Array(paddedCount(count));
  // Not in order, so that an offset ignored is an offset noticed.
  for (let r = 0; r < count; r++) offsets[r] = (1 + ((r + seed) % count)) * length;
  const row = (r: number) => rows.slice(offsets[r], offsets[r] + length);
  return { rows, vector, offsets, row };
}

test("inner products are the sums of products with each row", () => {
  fc.assert(
    fc.property(shape, (drawn) => {
      const { rows, vector, offsets, row } = fill(drawn);
      const products = new Float64Array(paddedCount(drawn.count)).fill(99);
      innerProducts(vector, rows, offsets, drawn.count, products);
      const expected = Array.from({ length: drawn.count }, (_, r) =>
        row(r).reduce((sum, x, i) => sum + x * vector[i], 0),
      );
      expect([...products.subarray(0, drawn.count)]).toEqual(expected);
    }),
    { seed: 1 },
  );
});

test("inner products at indices leave out all other elements", () => {
  const { rows, vector, offsets, row } = fill({ length: 9, count: 3, seed: 2 });
  const products = new Float64Array(paddedCount(3));
  innerProductsAt(Int32Array.of(1, 4, 8, 0), 3, vector, rows, offsets, 3, products);
  const expected = [0, 1, 2].map((r) => [1, 4, 8].reduce((sum, i) => sum + row(r)[i] * vector[i], 0));
  expect([...products.subarray(0, 3)]).toEqual(expected);
});

test("a combination of rows lands in the target and its product with the vector is returned", () => {
  fc.assert(
    fc.property(shape, (drawn) => {
      const { rows, vector, offsets, row } = fill(drawn);
      const coefficients = Float64Array.from({ length: paddedCount(drawn.count) }, (_, r) => r - 2);
      const expected = vector.map((x, i) => {
        let sum = -3 * x;
        for (let r = 0; r < drawn.count; r++) sum += (r - 2) * row(r)[i];
        return sum;
      });
      const target = new Float32Array(drawn.length);
      const product = combineRows(
        -3,
        vector,
        rows,
        offsets,
        coefficients,
        drawn.count,
        target,
        new Float64Array(blockSumsLength),
      );
      // Adding 0 makes −0 and 0 the same, as they are to arithmetic.
      expect([...target].map((x) => x + 0)).toEqual([...expected].map((x) => x + 0));
      expect(product).toBe(expected.reduce((sum, x, i) => sum + x * vector[i], 0));
    }),
    { seed: 2 },
  );
});
