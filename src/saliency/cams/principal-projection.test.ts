import fc from "fast-check";
import { expect, test } from "vitest";
import { createRandom } from "../../random/random.ts";
import { type Matrix, principalProjection } from "./principal-projection.ts";

const sizes = fc.record({ rows: fc.integer({ min: 1, max: 60 }), columns: fc.integer({ min: 1, max: 60 }) });
const matrices = fc.record({ size: sizes, seed: fc.nat() }).map(({ size, seed }) => {
  const random = createRandom(seed);
  return { ...size, data: Float64Array.from({ length: size.rows * size.columns }, () => random() - 0.5) };
});

/** A x. */
function product({ data, rows, columns }: Matrix, x: ArrayLike<number>): Float64Array {
  return Float64Array.from({ length: rows }, (_, r) => {
    let sum = 0;
    for (let c = 0; c < columns; c++) sum += data[r * columns + c] * x[c];
    return sum;
  });
}

function transposed({ data, rows, columns }: Matrix): Matrix {
  const values = Float64Array.from(data, (_, i) => data[(i % rows) * columns + Math.floor(i / rows)]);
  return { data: values, rows: columns, columns: rows };
}

const norm = (x: Float64Array): number => Math.hypot(...x);
const close = (values: Iterable<number>, digits = 8) => [...values].map((value) => expect.closeTo(value, digits));

test("A Aᵀ p = ‖p‖² p, and no direction has a longer projection", () => {
  fc.assert(
    fc.property(matrices, fc.nat(), (matrix, seed) => {
      const p = principalProjection(matrix);
      const squared = norm(p) ** 2;
      const image = product(matrix, product(transposed(matrix), p));
      expect([...image]).toEqual(close(p.map((x) => squared * x)));
      const random = createRandom(seed);
      const x = Float64Array.from({ length: matrix.columns }, () => random() - 0.5);
      expect(norm(product(matrix, x)) / norm(x)).toBeLessThanOrEqual(norm(p) + 1e-9);
    }),
  );
});

test("the sign of the matrix does not matter, nor the order of its columns; the largest magnitude is positive", () => {
  fc.assert(
    fc.property(matrices, (matrix) => {
      const p = principalProjection(matrix);
      expect(Math.max(...p)).toBe(Math.max(...p.map(Math.abs)));
      // Of two elements of one magnitude and different signs rounding decides which is the largest.
      const magnitudes = [...p].map(Math.abs).sort((a, b) => b - a);
      fc.pre(magnitudes.length < 2 || magnitudes[0] - magnitudes[1] > 1e-6 * magnitudes[0]);
      const { data, columns } = matrix;
      expect([...principalProjection({ ...matrix, data: data.map((x) => -x) })]).toEqual(close(p));
      const turned = data.map((_, i) => data[i + columns - 1 - 2 * (i % columns)]);
      expect([...principalProjection({ ...matrix, data: turned })]).toEqual(close(p, 6));
    }),
  );
});

test("of numbers that are not negative the projection is not negative", () => {
  fc.assert(
    fc.property(matrices, (matrix) => {
      const p = principalProjection({ ...matrix, data: matrix.data.map(Math.abs) });
      expect(Math.min(...p)).toBeGreaterThan(-1e-9);
    }),
  );
});

test("a matrix of rank 1, one with two near values, zeros", () => {
  const [u, v] = [
    [1, -2, 3],
    [0.6, 0.8],
  ];
  const data = Float64Array.from(u.flatMap((x) => v.map((y) => x * y)));
  expect([...principalProjection({ data, rows: 3, columns: 2 })]).toEqual(close(u));
  const diagonal = new Float64Array(40 * 40);
  for (let i = 0; i < 40; i++) diagonal[i * 41] = 1 - i * 1e-4;
  const first = principalProjection({ data: diagonal, rows: 40, columns: 40 });
  expect([...first]).toEqual(close([1, ...new Float64Array(39)], 6));
  expect([...principalProjection({ data: new Float64Array(6), rows: 3, columns: 2 })]).toEqual([0, 0, 0]);
});
