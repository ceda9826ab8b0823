import fc from "fast-check";
import { expect, test } from "vitest";
import { type CurvatureHistory, curvatureHistory } from "./curvature-history.ts";

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

/** Gives `history` the step `s`, as a solver would: by writing it where the direction lies. */
function push(history: CurvatureHistory<Vector>, s: Vector, gradient: Vector, previous: Vector): void {
  history.step().set(s);
  history.remember(gradient, previous, () => true);
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
        const history = curvatureHistory(firstGradient, capacity);
        let gradient = firstGradient;
        const pairs: { s: Vector; y: Vector }[] = [];
        history.direct(gradient);
        for (const s of steps) {
          // A fixed Hessian with eigenvalues 1 to 7, plus rank one, so that yᵀs is safely positive.
          const sum = dot(s, s);
          if (sum < 1e-3) continue;
          const total = s.reduce((a, x) => a + x, 0);
          const next = gradient.map((g, i) => g + (i + 1) * s[i] + 0.3 * total);
          push(history, s, next, gradient);
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
        const slope = history.direct(asked, binding);
        const expected = denseDirection(pairs.slice(-capacity), asked, new Set(bound));
        const scale = Math.max(1, ...expected.map(Math.abs));
        const step = history.step();
        for (let i = 0; i < size; i++) expect(Math.abs(step[i] - expected[i]) / scale).toBeLessThan(1e-8);
        expect(Math.abs(slope - dot(asked, step)) / Math.max(1, Math.abs(slope))).toBeLessThan(1e-10);
      },
    ),
    { seed: 1, numRuns: 300 },
  );
});

test("in float32 with a history of ten, the direction is the vector recursion's to float32 precision", () => {
  const [n, count] = [3000, 25];
  const history = curvatureHistory(new Float32Array(n), 10);
  const random = lcg(3);
  let gradient = Float32Array.from({ length: n }, () => random() - 0.5);
  const pairs: { s: Float32Array; y: Float32Array }[] = [];
  history.direct(gradient);
  for (let k = 0; k < count; k++) {
    // Gradients that change by little, the case in which products found by subtraction lose digits.
    const s = Float32Array.from({ length: n }, () => 1e-3 * (random() - 0.5));
    const next = gradient.map((g, i) => g + s[i] * (1 + (9 * i) / n));
    history.step().set(s);
    history.remember(next, gradient, () => true);
    pairs.push({ s, y: next.map((g, i) => g - gradient[i]) });
    gradient = next;
    history.direct(gradient);
  }
  const expected = twoLoop(pairs.slice(-10), gradient);
  const norm = Math.sqrt(dot(expected, expected));
  const error = Math.sqrt(expected.reduce((sum, x, i) => sum + (x - history.step()[i]) ** 2, 0));
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
  const history = curvatureHistory(new Float64Array(2), 4);
  const [first, second] = [Float64Array.of(1, 2), Float64Array.of(0, 1)];
  history.direct(first);
  history.step().set([1, 1]);
  history.remember(second, first, ({ ys, yy, ss }) => {
    expect([ys, yy, ss]).toEqual([-2, 2, 2]);
    return false;
  });
  expect(history.size()).toBe(0);
  expect(history.direct(second)).toBe(-1);
  expect([...history.step()]).toEqual([-0, -1]);
  push(history, Float64Array.of(1, 1), first, second);
  expect(history.size()).toBe(1);
  history.clear();
  expect(history.direct(first)).toBe(-5);
});
