import { describe, expect, test } from "vitest";
import { quadratic } from "../../test/objectives.ts";
import { adam } from "./adam.ts";
import { type DescentOptions, descent } from "./descent.ts";
import { driveSync } from "./drivers.ts";
import { projectBox, projectLinfBall } from "./projections.ts";
import type { Evaluation, FloatArray, Solver } from "./solver.ts";

/** All points that a solver visits when every gradient is the next of `gradients` (the last one again and again). */
function visited(solver: Solver<Float64Array>, gradients: readonly (readonly number[])[]): number[][] {
  const points: number[][] = [];
  driveSync(solver, (point: Float64Array): Evaluation<Float64Array> => {
    points.push([...point]);
    return { value: 0, gradient: Float64Array.from(gradients[Math.min(points.length, gradients.length) - 1]) };
  });
  return points;
}

describe("descent", () => {
  const from = (options: DescentOptions) => descent(Float64Array.of(0, 0, 0), options);

  test("along the gradient steps by stepSize times it", () => {
    expect(visited(from({ stepSize: 0.5, maxIterations: 2 }), [[2, -4, 0]])).toEqual([
      [0, 0, 0],
      [-1, 2, 0],
      [-2, 4, 0],
    ]);
  });

  test("along the sign steps by stepSize in every element whose gradient is not zero", () => {
    const points = visited(from({ stepSize: 0.25, maxIterations: 2, rule: "sign" }), [
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
    expect(visited(from({ stepSize: 10, maxIterations: 1, rule: "unit" }), [[3, 0, -4]])[1]).toEqual([-6, 0, 8]);
  });

  test("with momentum and dampening is torch.optim.SGD", () => {
    // torch 1.13: SGD([x], lr=0.05, momentum=0.9, dampening=0.9) on ½ Σ w x² + x₀ x₁ in float64.
    const w = [1, 3, 10];
    const evaluate = (x: Float64Array): Evaluation<Float64Array> => ({
      value: 0,
      gradient: Float64Array.of(w[0] * x[0] + x[1], w[1] * x[1] + x[0], w[2] * x[2]),
    });
    const options = { stepSize: 0.05, maxIterations: 6, momentum: 0.9, dampening: 0.9 };
    const { point } = driveSync(descent(Float64Array.of(1, -2, 0.5), options), evaluate);
    [1.25382207186125, -0.623432645935, -0.634331171875].forEach((expected, i) => {
      expect(point[i]).toBeCloseTo(expected, 13);
    });
  });

  test("with momentum on normalized gradients is MI-FGSM", () => {
    // g₁/‖g₁‖₁ = (½, −½, 0); v₂ = 0.5·v₁ + (−⅕, 0, ⅘) = (0.05, −0.25, 0.8).
    const options = { stepSize: 1, maxIterations: 2, rule: "sign", momentum: 0.5, normalize: true } as const;
    expect(
      visited(from(options), [
        [3, -3, 0],
        [-1, 0, 4],
      ]),
    ).toEqual([
      [0, 0, 0],
      [-1, 1, 0],
      [-2, 2, -1],
    ]);
  });

  test("takes its step size from a function of the iteration", () => {
    const points = visited(from({ stepSize: (iteration) => 1 / iteration, maxIterations: 2 }), [[1, 0, 0]]);
    expect(points.map(([x]) => x)).toEqual([0, -1, -1.5]);
  });

  test("in a ball ends in the corner that the gradient names", () => {
    const center = Float32Array.of(0.5, 0.25, 0.99);
    const project = projectLinfBall(center, 0.125, 0, 1);
    const solver = descent(center, { stepSize: 0.05, maxIterations: 10, rule: "sign", project });
    const linear = (point: Float32Array) => ({
      value: point[0] - point[1] - point[2],
      gradient: Float32Array.of(1, -1, -1),
    });
    expect([...driveSync(solver, linear).point]).toEqual([0.375, 0.375, 1]);
  });

  test("converges when there is neither gradient nor momentum", () => {
    const points = visited(from({ stepSize: 1, maxIterations: 9 }), [
      [1, 0, 0],
      [0, 0, 0],
    ]);
    expect(points).toHaveLength(2);
    const rolling = visited(from({ stepSize: 1, maxIterations: 9, momentum: 0.5 }), [
      [1, 0, 0],
      [0, 0, 0],
    ]);
    expect(rolling).toHaveLength(10);
    expect(rolling[2]).toEqual([-1.5, 0, 0]);
  });

  test.each([
    [{ stepSize: 0 }, /descent: stepSize.*got 0/],
    [{}, /descent: stepSize.*got undefined/],
    [{ stepSize: 1, momentum: 1.5 }, /descent: momentum.*from 0 to 1/],
    [{ stepSize: 1, rule: "signs" }, /Did you mean "sign"/],
    [{ stepsize: 1 }, /unknown option "stepsize".*Did you mean "stepSize"/],
  ])("options %j are refused", (options, message) => {
    expect(() => descent(new Float32Array(1), options as DescentOptions).next()).toThrow(message);
  });
});

describe("adam", () => {
  test("takes a first step of stepSize against the sign of the gradient", () => {
    const [, step] = visited(adam(Float64Array.of(0, 0), { stepSize: 0.125, maxIterations: 1 }), [[300, -2]]);
    expect(step[0]).toBeCloseTo(-0.125, 8);
    expect(step[1]).toBeCloseTo(0.125, 8);
  });

  test("finds the minimum of a quadratic in a box", () => {
    const options = { stepSize: (iteration: number) => 0.1 / Math.sqrt(iteration), maxIterations: 2000 };
    const solver = adam(new Float64Array(3).fill(1), { ...options, project: projectBox(-1, 0.5) });
    const { point } = driveSync(solver, quadratic);
    // Weights 1, √1000, 1000. The first element stays on its bound 0.5; the others solve wx + 0.1·S = 1 there.
    const [second, third] = [1000 ** 0.5, 1000];
    const sum = (0.5 + 1 / second + 1 / third) / (1 + 0.1 * (1 / second + 1 / third));
    expect(point[0]).toBe(0.5);
    expect(point[1]).toBeCloseTo((1 - 0.1 * sum) / second, 4);
    expect(point[2]).toBeCloseTo((1 - 0.1 * sum) / third, 4);
  });

  test("ends as converged when the gradient vanishes", () => {
    const solver = adam(Float64Array.of(5), { toleranceGradient: 0.5 });
    const still = (point: FloatArray) => ({ value: 1, gradient: Float64Array.from(point, () => -0.5) });
    expect(driveSync(solver, still)).toMatchObject({ outcome: "converged", iterations: 0, evaluations: 1, value: 1 });
  });
});

test.each([
  ["descent", (start: Float64Array) => descent(start, { stepSize: 1 })],
  ["adam", (start: Float64Array) => adam(start, { stepSize: 1 })],
])("%s ends at the last finite point when a value is not finite", (_, make) => {
  const cliff = (point: Float64Array) => ({
    value: point[0] < -1.5 ? Infinity : point[0],
    gradient: Float64Array.of(1),
  });
  const { outcome, point, value, iterations, evaluations } = driveSync(make(Float64Array.of(0)), cliff);
  expect({ outcome, iterations, evaluations }).toEqual({ outcome: "non-finite", iterations: 2, evaluations: 3 });
  expect(point[0]).toBeCloseTo(-1, 7);
  expect(value).toBe(point[0]);
});
