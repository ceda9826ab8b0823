import fc from "fast-check";
import { expect, test } from "vitest";
import { curvatureHistory } from "./curvature-history.ts";
import type { PairMeasures } from "./pair-products.ts";

type Vector = Float64Array<ArrayBuffer>;

const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a).reduce((sum, x, i) => sum + x * b[i], 0);

/** The solution of a dense linear system, by elimination with partial pivoting. */
function solve(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const rows = matrix.map((row, i) => [...row, right[i]]);
  const n = rows.length;
  for (let k = 0; k < n; k++) {
    const pivot = rows
      .slice(k)
      .reduce((best, row, i) => (Math.abs(row[k]) > Math.abs(rows[best][k]) ? i + k : best), k);
    [rows[k], rows[pivot]] = [rows[pivot], rows[k]];
    for (let i = k + 1; i < n; i++) {
      const factor = rows[i][k] / rows[k][k];
      for (let j = k; j <= n; j++) rows[i][j] -= factor * rows[k][j];
    }
  }
  const x = new Array<number>(n).fill(0);
  for (let i = n - 1; i >= 0; i--) x[i] = (rows[i][n] - dot(rows[i].slice(i + 1, n), x.slice(i + 1))) / rows[i][i];
  return x;
}

/**
 * −B⁻¹g with the dense Hessian update B ← B − Bs(Bs)ᵀ/sᵀBs + yyᵀ/yᵀs (Nocedal & Wright 2006, eq. 6.19) from B = yᵀy/sᵀy of the
 * newest pair, restricted to the indices that are free: slow, plain, and not the inverse recursion that it checks.
 */
function denseDirection(
  pairs: readonly { s: Vector; y: Vector }[],
  gradient: Vector,
  bound: ReadonlySet<number>,
): number[] {
  const n = gradient.length;
  const newest = pairs.at(-1);
  const initial = newest === undefined ? 1 : dot(newest.y, newest.y) / dot(newest.s, newest.y);
  let b = Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => (i === j ? initial : 0)));
  for (const { s, y } of pairs) {
    const bs = b.map((row) => dot(row, s));
    const [sbs, ys] = [dot(s, bs), dot(y, s)];
    b = b.map((row, i) => row.map((x, j) => x - (bs[i] * bs[j]) / sbs + (y[i] * y[j]) / ys));
  }
  // Rows and columns of the inverse, not of B, are cleared: H·(g with bound elements zeroed), then bound elements zeroed.
  const masked = Array.from(gradient, (g, i) => (bound.has(i) ? 0 : -g));
  return solve(b, masked).map((d, i) => (bound.has(i) ? 0 : d));
}

const size = 7;
const vector = fc
  .array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: size, maxLength: size })
  .map((elements) => Float64Array.from(elements));

test.each([1, 3, 12])("the direction with a history of %i agrees with the dense BFGS update", (capacity) => {
  fc.assert(
    fc.property(
      fc.array(vector, { minLength: 0, maxLength: 8 }),
      vector,
      fc.uniqueArray(fc.nat(size - 1), { maxLength: 3 }),
      (steps, firstGradient, boundIndices) => {
        const history = curvatureHistory(firstGradient, { capacity, isUsable: () => true });
        let gradient = firstGradient;
        const pairs: { s: Vector; y: Vector }[] = [];
        history.direct(gradient);
        for (const s of steps) {
          // A fixed Hessian with eigenvalues 1 to 7, plus rank one, so that yᵀs is safely positive.
          const sum = dot(s, s);
          if (sum < 1e-3) continue;
          const total = s.reduce((a, x) => a + x, 0);
          const next = gradient.map((g, i) => g + (i + 1) * s[i] + 0.3 * total);
          history.push(s, next, gradient);
          pairs.push({ s, y: next.map((g, i) => g - gradient[i]) });
          gradient = next;
          history.direct(gradient);
        }
        // Ask once more with elements bound, at a new gradient, so that both products of the last pair are needed.
        const asked = gradient.map((g, i) => g + 0.1 * (i - 3));
        const bound = [...boundIndices].sort((a, b) => a - b);
        const binding = {
          indices: Int32Array.from(bound),
          count: bound.length,
          moves: new Float64Array(bound.length),
          residual: 1,
        };
        const { direction: step, slope } = history.direct(asked, binding);
        const expected = denseDirection(pairs.slice(-capacity), asked, new Set(bound));
        const scale = Math.max(1, ...expected.map(Math.abs));
        for (let i = 0; i < size; i++) expect(Math.abs(step[i] - expected[i]) / scale).toBeLessThan(1e-8);
        expect(Math.abs(slope - dot(asked, step)) / Math.max(1, Math.abs(slope))).toBeLessThan(1e-10);
      },
    ),
    { seed: 1, numRuns: 300 },
  );
});

test("in float32 with a history of ten, the direction is the vector recursion's to float32 precision", () => {
  const [n, count] = [3000, 25];
  const history = curvatureHistory(new Float32Array(n), { capacity: 10, isUsable: () => true });
  const random = lcg(3);
  let gradient = Float32Array.from({ length: n }, () => random() - 0.5);
  const pairs: { s: Float32Array; y: Float32Array }[] = [];
  let { direction } = history.direct(gradient);
  for (let k = 0; k < count; k++) {
    // Gradients that change by little, the case in which products found by subtraction lose digits.
    const s = Float32Array.from({ length: n }, () => 1e-3 * (random() - 0.5));
    const next = gradient.map((g, i) => g + s[i] * (1 + (9 * i) / n));
    history.push(s, next, gradient);
    pairs.push({ s, y: next.map((g, i) => g - gradient[i]) });
    gradient = next;
    ({ direction } = history.direct(gradient));
  }
  const expected = twoLoop(pairs.slice(-10), gradient);
  const norm = Math.sqrt(dot(expected, expected));
  const error = Math.sqrt(expected.reduce((sum, x, i) => sum + (x - direction[i]) ** 2, 0));
  expect(history.size()).toBe(10);
  expect(error / norm).toBeLessThan(1e-6);
});

/** Nocedal & Wright 2006, algorithm 7.4, on vectors in float64. */
function twoLoop(pairs: readonly { s: Float32Array; y: Float32Array }[], gradient: Float32Array): Float64Array {
  const q = Float64Array.from(gradient, (g) => -g);
  const alphas = pairs.map(() => 0);
  for (let k = pairs.length - 1; k >= 0; k--) {
    const { s, y } = pairs[k];
    alphas[k] = dot(s, q) / dot(y, s);
    for (let i = 0; i < q.length; i++) q[i] -= alphas[k] * y[i];
  }
  const { s, y } = pairs[pairs.length - 1];
  const scale = dot(s, y) / dot(y, y);
  for (let i = 0; i < q.length; i++) q[i] *= scale;
  pairs.forEach(({ s, y }, k) => {
    const beta = dot(y, q) / dot(y, s);
    for (let i = 0; i < q.length; i++) q[i] += (alphas[k] - beta) * s[i];
  });
  return q;
}

/** Park and Miller's generator, enough to fill vectors. */
function lcg(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

test("a pair that is refused changes nothing, and a cleared history gives steepest descent", () => {
  const seen: PairMeasures[] = [];
  const history = curvatureHistory(new Float64Array(2), {
    capacity: 4,
    isUsable: (measures) => {
      seen.push(measures);
      return seen.length > 1;
    },
  });
  const [first, second] = [Float64Array.of(1, 2), Float64Array.of(0, 1)];
  history.direct(first);
  history.push(Float64Array.of(1, 1), second, first);
  expect(seen).toEqual([{ ys: -2, yy: 2, ss: 2 }]);
  expect(history.size()).toBe(0);
  const { direction, slope } = history.direct(second);
  expect(slope).toBe(-1);
  expect([...direction]).toEqual([-0, -1]);
  history.push(Float64Array.of(1, 1), first, second);
  expect(history.size()).toBe(1);
  history.clear();
  expect(history.direct(first).slope).toBe(-5);
});

test("the step that is pushed may be the direction itself, changed by the caller", () => {
  const steps = [Float64Array.of(0.5, -1, 2), Float64Array.of(1, 1, 0.25)];
  const gradients = [Float64Array.of(1, 2, 3), Float64Array.of(2, 1, 5), Float64Array.of(3, 2, 5.5)];
  const directions = [true, false].map((inPlace) => {
    const history = curvatureHistory(gradients[0], { capacity: 2, isUsable: () => true });
    let { direction } = history.direct(gradients[0]);
    for (const [k, step] of steps.entries()) {
      if (inPlace) direction.set(step);
      history.push(inPlace ? direction : step, gradients[k + 1], gradients[k]);
      ({ direction } = history.direct(gradients[k + 1]));
    }
    return [...direction];
  });
  expect(directions[0]).toEqual(directions[1]);
});
