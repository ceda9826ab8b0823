import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { type Objective, quadratic, rosenbrock } from "../../test/objectives.ts";
import { MisuseError } from "../errors.ts";
import { kernelsLoaded, useKernels } from "../simd/kernels.ts";
import { workspaceBytes } from "../simd/workspace.ts";
import type { FloatArray } from "../tensor/vector.ts";
import { driveSync } from "./drivers.ts";
import { type LbfgsOptions, lbfgs } from "./lbfgs.ts";
import { projectBox, projectL2Ball, projectLinfBall } from "./projections.ts";
import type { Evaluation } from "./solver.ts";

// What is compared without them would be compared with itself otherwise.
await kernelsLoaded;

function run<A extends FloatArray>(start: A, objective: Objective, options: LbfgsOptions) {
  const points: A[] = [];
  const values: number[] = [];
  const solution = driveSync(lbfgs(start, options), (point: A) => {
    points.push(point.slice() as A);
    const evaluation = objective(point);
    values.push(evaluation.value);
    return evaluation;
  });
  expect(solution.evaluations).toBe(points.length);
  return { ...solution, points, values };
}

/** Largest |x − target|. */
const distance = (x: FloatArray, target: ArrayLike<number>) =>
  Math.max(...x.map((element, i) => Math.abs(element - target[i])));

describe("without constraints", () => {
  test("the Armijo search finds Rosenbrock's minimum in ten dimensions", () => {
    const start = Float64Array.from({ length: 10 }, (_, i) => (i % 2 ? 1 : -1.2));
    const { point, outcome } = run(start, rosenbrock, {
      lineSearch: "armijo",
      maxIterations: 300,
      toleranceChange: 0,
    });
    expect(outcome).toBe("converged");
    expect(distance(point, new Array(10).fill(1))).toBeLessThan(1e-6);
  });

  test("the Armijo search finds Rosenbrock's minimum in two dimensions and never raises the accepted value", () => {
    const accepted: number[] = [];
    const solver = lbfgs(Float64Array.of(-1.2, 1), { lineSearch: "armijo", maxIterations: 100, toleranceChange: 0 });
    let state = solver.next();
    let [iteration, latest] = [0, Number.POSITIVE_INFINITY];
    while (!state.done) {
      if (state.value.iteration !== iteration) accepted.push(latest);
      iteration = state.value.iteration;
      const evaluation = rosenbrock(state.value.point);
      latest = evaluation.value;
      state = solver.next(evaluation);
    }
    expect(state.value.outcome).toBe("converged");
    expect(distance(state.value.point, [1, 1])).toBeLessThan(1e-6);
    expect(accepted.length).toBeGreaterThan(10);
    expect(accepted).toEqual([...accepted].sort((a, b) => b - a));
  });

  test("both searches find the minimum of a quadratic of condition 1000, in float32 as far as float32 goes", () => {
    // The gradient vanishes where wᵢxᵢ + 0.1·S = 1, so xᵢ = (1 − 0.1·S)/wᵢ with S = W/(1 + 0.1·W), W = Σ 1/wᵢ.
    const inverses = Array.from({ length: 50 }, (_, i) => 1000 ** (-i / 49));
    const total = inverses.reduce((a, b) => a + b, 0);
    const target = inverses.map((inverse) => inverse / (1 + 0.1 * total));
    const options = { maxIterations: 400, toleranceChange: 0 };
    const start = new Float64Array(50).fill(1);
    const searched = run(start, quadratic, { ...options, lineSearch: "armijo", toleranceGradient: 1e-9 });
    expect(searched.outcome).toBe("converged");
    expect(distance(searched.point, target)).toBeLessThan(1e-9);
    // Torch's absolute threshold for pairs, 1e-10, keeps the plain search from learning more near the minimum.
    const plain = run(start, quadratic, { ...options, toleranceGradient: 1e-5 });
    expect(plain.outcome).toBe("converged");
    expect(distance(plain.point, target)).toBeLessThan(1e-5);
    for (const lineSearch of ["none", "armijo"] as const) {
      const single = run(Float32Array.from(start), quadratic, { ...options, lineSearch, toleranceGradient: 1e-4 });
      expect(single.outcome).toBe("converged");
      expect(distance(single.point, target)).toBeLessThan(1e-4);
    }
  });

  test("a start at the minimum is converged after one evaluation", () => {
    const { outcome, evaluations, iterations, point } = run(Float64Array.of(1, 1), rosenbrock, {});
    expect({ outcome, evaluations, iterations }).toEqual({ outcome: "converged", evaluations: 1, iterations: 0 });
    expect([...point]).toEqual([1, 1]);
  });

  test("the first step has length learningRate·min(1, 1/‖g‖₁) along the negative gradient", () => {
    const gradient = Float64Array.of(3, -1, 4);
    const linear = <A extends FloatArray>(point: A): Evaluation<A> => ({
      value: Array.from(point).reduce((sum, x, i) => sum + gradient[i] * x, 0),
      gradient: gradient as A,
    });
    const { points } = run(new Float64Array(3), linear, { learningRate: 0.5, maxIterations: 1 });
    expect(distance(points[1], [-3 / 16, 1 / 16, -4 / 16])).toBeLessThan(1e-15);
  });

  test("the budgets are kept to the evaluation", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 12 }),
        fc.integer({ min: 1, max: 14 }),
        fc.boolean(),
        (most, budget, search) => {
          const lineSearch = search ? "armijo" : "none";
          const options = { maxIterations: most, maxEvaluations: budget, lineSearch } as const;
          const { outcome, iterations, evaluations } = run(Float64Array.of(-1.2, 1), rosenbrock, options);
          expect(iterations).toBeLessThanOrEqual(most);
          expect(evaluations).toBeLessThanOrEqual(budget);
          expect(outcome).toMatch(/exhausted/);
          expect(outcome === "iterations-exhausted" ? iterations === most : evaluations === budget).toBe(true);
        },
      ),
      { seed: 1 },
    );
  });

  test("values that stop changing are settled", () => {
    const flat = <A extends FloatArray>(point: A): Evaluation<A> => ({ value: 7, gradient: point.map(() => 1) as A });
    expect(run(Float64Array.of(0, 0), flat, {})).toMatchObject({ outcome: "settled", iterations: 1, value: 7 });
  });

  test("a gradient that does not belong to the value ends the Armijo search as failed, at the start", () => {
    const wrong: Objective = (point) => {
      const { value, gradient } = quadratic(point);
      return { value, gradient: gradient.map((g) => -g) as typeof gradient };
    };
    const start = new Float64Array(4).fill(1);
    const { outcome, point } = run(start, wrong, { lineSearch: "armijo", maxEvaluations: 100 });
    expect(outcome).toBe("line-search-failed");
    expect([...point]).toEqual([...start]);
  });
});

describe("under a projection", () => {
  /** ½(x − c)ᵀA(x − c) with A = diag(weights) + coupling·11ᵀ. */
  function coupled(weights: readonly number[], center: readonly number[], coupling: number): Objective {
    return <A extends FloatArray>(point: A) => {
      const moved = Array.from(point, (x, i) => x - center[i]);
      const sum = moved.reduce((a, b) => a + b, 0);
      const gradient = point.map((_, i) => weights[i] * moved[i] + coupling * sum) as A;
      return { value: 0.5 * moved.reduce((total, x, i) => total + x * gradient[i], 0), gradient };
    };
  }

  const size = 8;
  const elements = (min: number, max: number) =>
    fc.array(fc.double({ min, max, noNaN: true }), { minLength: size, maxLength: size });

  test.each(["none", "armijo"] as const)(
    "with line search %s, a box-constrained quadratic reaches its KKT point",
    (lineSearch) => {
      fc.assert(
        fc.property(
          elements(1, 20),
          elements(-2, 2),
          fc.double({ min: 0, max: 2, noNaN: true }),
          (weights, center, coupling) => {
            const objective = coupled(weights, center, coupling);
            const options = { lineSearch, maxIterations: 1000, toleranceChange: 0, project: projectBox(-1, 1) };
            const { point, outcome, points } = run(new Float64Array(size).fill(0.5), objective, options);
            expect(outcome).toBe("converged");
            for (const visited of points) expect(Math.max(...visited.map(Math.abs))).toBeLessThanOrEqual(1);
            const { gradient } = objective(point);
            // The KKT conditions: the gradient is zero inside, not negative on the lower and not positive on the upper bound.
            const residual = point.map((x, i) => Math.min(1, Math.max(-1, x - gradient[i])) - x);
            expect(Math.max(...residual.map(Math.abs))).toBeLessThanOrEqual(1.0001e-7);
          },
        ),
        { seed: 1, numRuns: 150 },
      );
    },
  );

  test("a clipped quasi-Newton step does not stall where the unconstrained direction points out of the box", () => {
    // Strong coupling: the Newton direction's free part, clipped, would climb from this corner (Bertsekas 1982, figure 1).
    const objective = coupled([1, 1], [3, -2], 5);
    const options = { lineSearch: "armijo", maxIterations: 100, project: projectBox(0, 1) } as const;
    const { point, outcome } = run(Float64Array.of(0, 1), objective, options);
    // On the edge x₀ = 1 the derivative in x₁ is (x₁ + 2) + 5·(x₁ + 2 − 2) > 0 for x₁ ≥ 0, so the minimum is the corner (1, 0).
    expect({ outcome, point: [...point] }).toEqual({ outcome: "converged", point: [1, 0] });
  });

  test("in float32 the final point obeys the bounds exactly and bound elements lie on them", () => {
    const objective = coupled([1, 2, 3, 4], [5, -5, 0.25, -0.5], 0);
    const { point, outcome } = run(new Float32Array(4), objective, { maxIterations: 60, project: projectBox(-0.5, 1) });
    expect(outcome).toBe("converged");
    expect([...point]).toEqual([1, -0.5, 0.25, -0.5]);
  });

  test("the Armijo search reaches the stationary point on a ball, which is not a box", () => {
    const objective = coupled([1, 4, 9], [2, 2, 2], 0.5);
    const project = projectL2Ball(new Float64Array(3), 1);
    const options = {
      lineSearch: "armijo",
      maxIterations: 500,
      toleranceGradient: 1e-6,
      toleranceChange: 0,
      project,
    } as const;
    const { point } = run(Float64Array.of(0, 0, 0.5), objective, options);
    const { gradient } = objective(point);
    // Stationary on the sphere: the negative gradient is a positive multiple of the point.
    const [norm, steep] = [Math.hypot(...point), Math.hypot(...gradient)];
    expect(norm).toBeCloseTo(1, 9);
    for (let i = 0; i < 3; i++) expect(-gradient[i] / steep).toBeCloseTo(point[i], 4);
  });

  test("the start is projected before it is evaluated, and left alone itself", () => {
    const start = Float64Array.of(9, 9);
    const { points } = run(start, rosenbrock, { maxIterations: 0, project: projectBox(0, 2) });
    expect([...points[0]]).toEqual([2, 2]);
    expect([...start]).toEqual([9, 9]);
  });
});

describe("values that are not finite", () => {
  /** −log(1 − x) + … is only defined for x < 1. */
  const barrier: Objective = <A extends FloatArray>(point: A) => ({
    value: Array.from(point).reduce((sum, x) => sum - Math.log(1 - x) - 4 * x, 0),
    gradient: point.map((x: number) => 1 / (1 - x) - 4) as A,
  });

  test("end the plain search with the last finite point", () => {
    const { outcome, point, value, points } = run(Float64Array.of(0, 0), barrier, { learningRate: 5 });
    expect(outcome).toBe("non-finite");
    expect([...point]).toEqual([...points[0]]);
    expect(value).toBe(0);
  });

  test("make the Armijo search step back, and the minimum is found", () => {
    const options = {
      learningRate: 5,
      lineSearch: "armijo",
      maxIterations: 60,
      maxEvaluations: 200,
      toleranceChange: 0,
    } as const;
    const { outcome, point, values } = run(Float64Array.of(0, 0), barrier, options);
    expect(values.some(Number.isNaN)).toBe(true);
    expect(outcome).toBe("converged");
    expect(distance(point, [0.75, 0.75])).toBeLessThan(1e-7);
  });

  test("in a gradient count as much as in the value", () => {
    const broken: Objective = (point) => {
      const { value, gradient } = quadratic(point);
      if (point[0] !== 1) gradient[2] = Number.NaN;
      return { value, gradient };
    };
    const { outcome, point } = run(new Float64Array(4).fill(1), broken, {});
    expect(outcome).toBe("non-finite");
    expect([...point]).toEqual([1, 1, 1, 1]);
  });

  test("at the start give the start, worth Infinity", () => {
    const hopeless: Objective = (point) => ({ value: Number.NaN, gradient: point });
    const { outcome, value, point } = run(Float32Array.of(1, 2), hopeless, {});
    expect({ outcome, value, point: [...point] }).toEqual({ outcome: "non-finite", value: Infinity, point: [1, 2] });
  });
});

describe("with kernels and without", () => {
  afterEach(() => useKernels(true));

  const start = Float32Array.from({ length: 1501 }, (_, i) => 0.5 + 0.5 * Math.sin(i));
  /** A valley in each pair of elements, with gradients of its own every time, as a session gives. */
  const valleys: Objective = (point) => {
    const gradient = point.slice() as typeof point;
    let value = 0;
    for (let i = 0; i < point.length; i++) {
      const [gap, bend] = [point[i] - 0.3, point[(i + 1) % point.length] - point[i] ** 2];
      value += (1 + (i % 7)) * gap ** 4 + bend ** 2;
      gradient[i] = 4 * (1 + (i % 7)) * gap ** 3 - 4 * bend * point[i];
    }
    return { value, gradient };
  };
  const pixels = Float32Array.from({ length: start.length }, (_, i) => 0.4 + 0.3 * Math.cos(3 * i));
  const settings: [string, LbfgsOptions][] = [
    ["free", {}],
    ["free, armijo", { lineSearch: "armijo" }],
    ["a box", { lineSearch: "armijo", project: projectBox(0.1, 0.9) }],
    ["a box without a line search", { project: projectBox(0, 1) }],
    ["a ball", { lineSearch: "armijo", project: projectLinfBall(pixels, 0.2, 0, 1) }],
    [
      "a box with bounds of float64",
      {
        lineSearch: "armijo",
        project: projectBox(
          Float64Array.from(pixels, (x) => x - 0.2),
          1,
        ),
      },
    ],
    ["no box", { lineSearch: "armijo", project: projectL2Ball(pixels, 2, 0, 1) }],
  ];
  test.each(settings)("the same points bit for bit: %s", (_, options) => {
    const go = () => run(start, valleys, { maxIterations: 25, history: 6, learningRate: 0.7, ...options });
    const withKernels = go();
    useKernels(false);
    const without = go();
    expect(withKernels.evaluations).toBeGreaterThan(5);
    expect(withKernels).toEqual(without);
  });

  test("memory is given back, and the solution is the caller's", () => {
    const go = () => run(start, valleys, { maxIterations: 3 });
    const { point } = go();
    const kept = point.slice();
    for (let n = 0; n < 20; n++) go();
    expect(point).toEqual(kept);
    expect(workspaceBytes().taken).toBe(0);
    const solver = lbfgs(start);
    solver.next();
    expect(workspaceBytes().taken).toBeGreaterThan(0);
    solver.return({ point, value: 0, outcome: "stopped", iterations: 0, evaluations: 0 });
    expect(workspaceBytes().taken).toBe(0);
  });
});

test.each([
  [{ maxIteration: 3 }, /unknown option "maxIteration".*Did you mean "maxIterations"/],
  [{ maxIterations: 1.5 }, /lbfgs: maxIterations.*an integer of at least 0, got 1.5/],
  [{ history: 0 }, /lbfgs: history.*at least 1/],
  [{ learningRate: 0 }, /lbfgs: learningRate/],
  [{ toleranceChange: Number.NaN }, /lbfgs: toleranceChange/],
  [{ lineSearch: "armjo" }, /lbfgs: lineSearch.*Did you mean "armijo"/],
])("options %j are refused", (options, message) => {
  const attempt = () => lbfgs(new Float32Array(2), options as LbfgsOptions).next();
  expect(attempt).toThrow(MisuseError);
  expect(attempt).toThrow(message);
});

test("a start that is not finite is refused", () => {
  expect(() => lbfgs(Float32Array.of(0, Number.NaN)).next()).toThrow(
    /lbfgs: start\[1\], expected a finite number, got NaN/,
  );
});
