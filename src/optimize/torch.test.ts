import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { quadratic, rosenbrock } from "../../test/objectives.ts";
import type { FloatArray } from "../tensor/vector.ts";
import { descend } from "./descend.ts";
import { driveSync } from "./drivers.ts";
import { lbfgs } from "./lbfgs.ts";
import type { Solver } from "./solver.ts";
import { adam, gradientStep, momentum } from "./update-rules.ts";

interface Trajectory {
  readonly solver: "lbfgs" | "lbfgs-history3" | "lbfgs-lr" | "adam" | "momentum";
  readonly function: string;
  readonly dtype: "float32" | "float64";
  readonly start: readonly number[];
  readonly points: readonly (readonly number[])[];
  readonly values: readonly number[];
  readonly last: readonly number[];
}

// Written by fixtures/torch_trajectories.py with torch 1.13.
const file = join(import.meta.dirname, "fixtures/torch-trajectories.json");
const { trajectories } = JSON.parse(readFileSync(file, "utf8")) as { trajectories: readonly Trajectory[] };

const solvers: Record<Trajectory["solver"], <A extends FloatArray>(start: A) => Solver<A>> = {
  lbfgs: (start) => lbfgs(start, { maxIterations: 25 }),
  "lbfgs-history3": (start) => lbfgs(start, { maxIterations: 25, history: 3 }),
  "lbfgs-lr": (start) => lbfgs(start, { maxIterations: 25, learningRate: 0.3 }),
  adam: (start) => descend(start, adam({ stepSize: 0.1 }), { maxIterations: 25 }),
  momentum: (start) => descend(start, momentum(gradientStep(0.0002), { kept: 0.9 }), { maxIterations: 25 }),
};

/** The largest difference between two points, relative to the largest element of the second. */
function difference(point: readonly number[], expected: readonly number[]): number {
  const scale = Math.max(...expected.map(Math.abs));
  return Math.max(...point.map((x, i) => Math.abs(x - expected[i]))) / scale;
}

describe.each(trajectories)("$solver on $function in $dtype visits the points that torch visits", (golden) => {
  const kind = golden.dtype === "float32" ? Float32Array : Float64Array;
  const points: number[][] = [];
  const start: FloatArray = kind.from(golden.start);
  const objective = golden.function.startsWith("rosenbrock") ? rosenbrock : quadratic;
  const solution = driveSync(solvers[golden.solver](start), (point: FloatArray) => {
    points.push([...point]);
    return objective(point);
  });
  const expected = [...golden.points, golden.last];

  test("as many, the last of which torch does not evaluate", () => {
    expect(points).toHaveLength(expected.length);
    expect(solution).toMatchObject({ iterations: 25, evaluations: 26, outcome: "iterations-exhausted" });
    expect([...solution.point]).toEqual(points.at(-1));
  });

  // In float32, rounding differs (torch rounds its direction after each of the 2·history steps) and the steps amplify it.
  const [count, tolerance] = golden.dtype === "float64" ? [26, 1e-6] : [10, 1e-4];
  test(`within ${tolerance}, over the first ${count}`, () => {
    const differences = points.slice(0, count).map((point, k) => difference(point, expected[k]));
    expect(Math.max(...differences)).toBeLessThan(tolerance);
  });
});
