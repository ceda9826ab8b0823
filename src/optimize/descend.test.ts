import { afterEach, describe, expect, test } from "vitest";
import { quadratic } from "../../test/objectives.ts";
import { kernelsLoaded, useKernels } from "../simd/kernels.ts";
import type { FloatArray } from "../tensor/vector.ts";
import { type DescendOptions, descend } from "./descend.ts";
import { driveSync } from "./drivers.ts";
import { projectBox, projectLinfBall } from "./projections.ts";
import type { Evaluation, Projection, Solver } from "./solver.ts";
import { adam, gradientStep, momentum, signStep, type UpdateRule, unitStep } from "./update-rules.ts";

// What is compared without them would be compared with itself otherwise.
await kernelsLoaded;

/** All points that a solver visits when every gradient is the next of `gradients` (the last one again and again). */
function visited(solver: Solver<Float64Array>, gradients: readonly (readonly number[])[]): number[][] {
  const points: number[][] = [];
  driveSync(solver, (point: Float64Array): Evaluation<Float64Array> => {
    points.push([...point]);
    return { value: 0, gradient: Float64Array.from(gradients[Math.min(points.length, gradients.length) - 1]) };
  });
  return points;
}

const from = (rule: UpdateRule, maxIterations: number) => descend(Float64Array.of(0, 0, 0), rule, { maxIterations });

test("along the gradient steps by stepSize times it", () => {
  expect(visited(from(gradientStep(0.5), 2), [[2, -4, 0]])).toEqual([
    [0, 0, 0],
    [-1, 2, 0],
    [-2, 4, 0],
  ]);
});

test("along the sign steps by stepSize in every element whose gradient is not zero", () => {
  const points = visited(from(signStep(0.25), 2), [
    [2, -4, 0],
    [-1, -1, 3],
  ]);
  expect(points).toEqual([
    [0, 0, 0],
    [-0.25, 0.25, 0],
    [0, 0.5, -0.25],
  ]);
});

test("along the unit gradient steps by stepSize in the ℓ2 norm", () => {
  expect(visited(from(unitStep(10), 1), [[3, 0, -4]])[1]).toEqual([-6, 0, 8]);
});

test("with momentum and dampening is torch.optim.SGD", () => {
  // torch 1.13: SGD([x], lr=0.05, momentum=0.9, dampening=0.9) on ½ Σ w x² + x₀ x₁ in float64.
  const w = [1, 3, 10];
  const evaluate = (x: Float64Array): Evaluation<Float64Array> => ({
    value: 0,
    gradient: Float64Array.of(w[0] * x[0] + x[1], w[1] * x[1] + x[0], w[2] * x[2]),
  });
  const rule = momentum(gradientStep(0.05), { kept: 0.9, dampening: 0.9 });
  const { point } = driveSync(descend(Float64Array.of(1, -2, 0.5), rule, { maxIterations: 6 }), evaluate);
  [1.25382207186125, -0.623432645935, -0.634331171875].forEach((expected, i) => {
    expect(point[i]).toBeCloseTo(expected, 13);
  });
});

test("with momentum on normalized gradients is MI-FGSM", () => {
  // g₁/‖g₁‖₁ = (½, −½, 0); v₂ = 0.5·v₁ + (−⅕, 0, ⅘) = (0.05, −0.25, 0.8).
  const rule = momentum(signStep(1), { kept: 0.5, normalize: true });
  expect(
    visited(from(rule, 2), [
      [3, -3, 0],
      [-1, 0, 4],
    ]),
  ).toEqual([
    [0, 0, 0],
    [-1, 1, 0],
    [-2, 2, -1],
  ]);
});

test("in a ball ends in the corner that the gradient names", () => {
  const center = Float32Array.of(0.5, 0.25, 0.99);
  const project = projectLinfBall(center, 0.125, 0, 1);
  const solver = descend(center, signStep(0.05), { maxIterations: 10, project });
  const linear = (point: Float32Array) => ({
    value: point[0] - point[1] - point[2],
    gradient: Float32Array.of(1, -1, -1),
  });
  expect([...driveSync(solver, linear).point]).toEqual([0.375, 0.375, 1]);
});

test("converges when there is neither gradient nor momentum", () => {
  const points = visited(from(gradientStep(1), 9), [
    [1, 0, 0],
    [0, 0, 0],
  ]);
  expect(points).toHaveLength(2);
  const rolling = visited(from(momentum(gradientStep(1), { kept: 0.5 }), 9), [
    [1, 0, 0],
    [0, 0, 0],
  ]);
  expect(rolling).toHaveLength(10);
  expect(rolling[2]).toEqual([-1.5, 0, 0]);
});

test("Adam finds the minimum of a quadratic in a box", () => {
  const rule = adam({ stepSize: (step: number) => 0.1 / Math.sqrt(step) });
  const solver = descend(new Float64Array(3).fill(1), rule, { maxIterations: 2000, project: projectBox(-1, 0.5) });
  const { point } = driveSync(solver, quadratic);
  // Weights 1, √1000, 1000. The first element stays on its bound 0.5; the others solve wx + 0.1·S = 1 there.
  const [second, third] = [1000 ** 0.5, 1000];
  const sum = (0.5 + 1 / second + 1 / third) / (1 + 0.1 * (1 / second + 1 / third));
  expect(point[0]).toBe(0.5);
  expect(point[1]).toBeCloseTo((1 - 0.1 * sum) / second, 4);
  expect(point[2]).toBeCloseTo((1 - 0.1 * sum) / third, 4);
});

test("ends as converged where the gradient is within the tolerance, at the start or after the last step", () => {
  const flat = (point: FloatArray) => ({ value: 1, gradient: Float64Array.from(point, () => -0.5) });
  const start = Float64Array.of(5);
  const tolerant = { toleranceGradient: 0.5, maxIterations: 1 };
  const ended = driveSync(descend(start, adam(), tolerant), flat);
  expect(ended).toMatchObject({ outcome: "converged", iterations: 0, evaluations: 1, value: 1 });
  const falling = (point: Float64Array) => ({ value: point[0], gradient: Float64Array.of(point[0] / 10) });
  const last = driveSync(descend(Float64Array.of(6), gradientStep(2), tolerant), falling);
  expect(last).toMatchObject({ outcome: "converged", iterations: 1, evaluations: 2 });
});

test.each([
  ["gradientStep", gradientStep(1)],
  ["adam", adam({ stepSize: 1 })],
])("%s ends at the last finite point when a value is not finite", (_, rule) => {
  const cliff = (point: Float64Array) => ({
    value: point[0] < -1.5 ? Infinity : point[0],
    gradient: Float64Array.of(1),
  });
  const solution = driveSync(descend(Float64Array.of(0), rule), cliff);
  expect(solution).toMatchObject({ outcome: "non-finite", iterations: 2, evaluations: 3 });
  expect(solution.point[0]).toBeCloseTo(-1, 7);
  expect(solution.value).toBe(solution.point[0]);
});

describe("wrong options", () => {
  test.each([
    [{ maxIterations: -1 }, /descend: maxIterations/],
    [{ toleranceGradient: -1 }, /descend: toleranceGradient/],
    [{ maxiterations: 1 }, /unknown option "maxiterations".*Did you mean "maxIterations"/],
  ])("%j are refused", (options, message) => {
    expect(() => descend(new Float32Array(1), signStep(1), options as DescendOptions).next()).toThrow(message);
  });

  test("a start that is not finite is refused", () => {
    expect(() => descend(Float32Array.of(NaN), signStep(1)).next()).toThrow(/descend: start\[0\]/);
  });
});

describe("with kernels and without", () => {
  afterEach(() => useKernels(true));

  const start = Float32Array.from({ length: 1203 }, (_, i) => 0.5 + 0.4 * Math.sin(i));
  const rules: [string, UpdateRule][] = [
    ["gradient", gradientStep(0.3)],
    ["unit", unitStep(0.2)],
    ["sign", signStep(2 / 255)],
    ["momentum of signs", momentum(signStep(2 / 255), { kept: 0.9, normalize: true })],
    ["momentum, several times over", momentum(momentum(momentum(adam(), { kept: 0.5 }), { kept: 0.9 }), { kept: 0.1 })],
    ["adam", adam({ stepSize: 0.01 })],
  ];
  const sets: [string, Projection | undefined][] = [
    ["everywhere", undefined],
    ["in a box", projectBox(0.2, 0.7)],
    ["in a ball", projectLinfBall(start, 4 / 255, 0, 1)],
  ];
  test.each(rules.flatMap(([name, rule]) => sets.map(([where, project]) => [name, where, rule, project] as const)))(
    "the same points bit for bit: %s, %s",
    (_name, _where, rule, project) => {
      const go = () => {
        const points: Float32Array[] = [];
        const solution = driveSync(descend(start, rule, { project, maxIterations: 12 }), (point: Float32Array) => {
          points.push(point.slice());
          const gradient = point.map((x, i) => (i % 9 === 0 ? 0 : (x - 0.3) ** 3 * (1 + (i % 5))));
          return { value: 0, gradient };
        });
        return { points, solution };
      };
      const withKernels = go();
      useKernels(false);
      expect(go()).toEqual(withKernels);
      expect(withKernels.solution.point).toEqual(withKernels.points.at(-1));
    },
  );
});
