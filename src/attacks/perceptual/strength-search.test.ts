import { expect, test } from "vitest";
import { driveSync } from "../../optimize/drivers.ts";
import { type CurrentStrength, type StrengthEvaluation, strengthSearch } from "./strength-search.ts";

/**
 * A margin that is linear, M = M₀ − a·x, and a perceptual distance that is quadratic, P = Σ pᵢ xᵢ²: the minimizer of
 * ((M − T)/s)² + γ P is known in closed form, and so is the strength at which it sits on the boundary.
 */
function linearProblem(
  cleanMargin: number,
  a: readonly number[],
  p: readonly number[],
  target: number,
  spread: number,
) {
  const current: CurrentStrength = { gamma: Number.NaN };
  const asked: number[] = [];
  const evaluate = (x: Float32Array): StrengthEvaluation => {
    asked.push(current.gamma);
    let margin = cleanMargin;
    let perceptual = 0;
    x.forEach((value, i) => {
      margin -= a[i] * value;
      perceptual += p[i] * value * value;
    });
    const miss = (margin - target) / spread;
    const gradient = x.map((value, i) => (-2 * miss * a[i]) / spread + 2 * current.gamma * p[i] * value);
    return { value: miss * miss + current.gamma * perceptual, gradient, margin, perceptual };
  };
  // At the minimizer M = M₀ − w (M₀ − T) / (w + γ s²) with w = Σ aᵢ²/pᵢ; M = 0 where γ = w (−T) / (M₀ s²).
  const w = a.reduce((sum, ai, i) => sum + (ai * ai) / p[i], 0);
  return { current, evaluate, asked, boundary: (w * -target) / (cleanMargin * spread ** 2) };
}

const options = { maxEvaluations: 150, stageEvaluations: 25, history: 10, project: () => {}, ratio: 1.2, polishing: 0 };

test("the search brackets the strength at which the minimizer sits on the boundary", () => {
  const a = [1, -2, 0.5, 3];
  const { current, evaluate, boundary, asked } = linearProblem(4, a, [1, 10, 0.3, 2], -1, 7);
  const start = new Float32Array(4);
  const common = { start, cleanMargin: 4, marginTarget: -1, spread: 7, flipMargin: 0, current };
  const { best, outcome, evaluations } = driveSync(strengthSearch({ ...options, ...common }), evaluate);
  expect(outcome).toBe("converged");
  expect(best?.evaluation.margin).toBeLessThanOrEqual(0);
  expect(best?.gamma).toBeLessThanOrEqual(boundary * 1.001);
  expect(best?.gamma).toBeGreaterThan(boundary / 1.2 / 1.001);
  expect(asked.length).toBe(evaluations);
  expect(evaluations).toBeLessThanOrEqual(150);
});

test("a budget of few evaluations is kept, and still gives a flip", () => {
  const { current, evaluate, asked } = linearProblem(10, [0.1, 0.2], [1, 1], -2, 20);
  const common = {
    start: new Float32Array(2),
    cleanMargin: 10,
    marginTarget: -2,
    spread: 20,
    flipMargin: -0.1,
    current,
  };
  const { best, evaluations } = driveSync(strengthSearch({ ...options, ...common, maxEvaluations: 20 }), evaluate);
  expect(asked.length).toBe(evaluations);
  expect(evaluations).toBeLessThanOrEqual(20);
  expect(best?.evaluation.margin).toBeLessThanOrEqual(-0.1);
});

test("a margin that cannot be changed gives no flip", () => {
  const current: CurrentStrength = { gamma: 0 };
  const evaluate = (x: Float32Array): StrengthEvaluation => {
    const perceptual = x.reduce((sum, value) => sum + value * value, 0);
    const gradient = x.map((value) => 2 * current.gamma * value);
    return { value: 4 + current.gamma * perceptual, gradient, margin: 1, perceptual };
  };
  const common = { start: new Float32Array(3), cleanMargin: 1, marginTarget: -1, spread: 1, flipMargin: 0, current };
  const { best, last } = driveSync(strengthSearch({ ...options, ...common }), evaluate);
  expect(best).toBeUndefined();
  expect(last.evaluation.margin).toBe(1);
});

test("with polishing the last evaluations go to one run at the largest strength that flipped, and none are asked for in vain", () => {
  const { current, evaluate, asked, boundary } = linearProblem(4, [1, -2, 0.5, 3], [1, 10, 0.3, 2], -1, 7);
  const common = { start: new Float32Array(4), cleanMargin: 4, marginTarget: -1, spread: 7, flipMargin: 0, current };
  const brief = { maxEvaluations: 44, stageEvaluations: 9, ratio: 1.6, polishing: 20 };
  const { best, stages, evaluations } = driveSync(strengthSearch({ ...options, ...common, ...brief }), evaluate);
  expect(asked.length).toBe(evaluations);
  expect(evaluations).toBeLessThanOrEqual(44);
  const flips = stages.filter(({ flipped }) => flipped);
  const last = stages.at(-1);
  expect(best).toBe(last);
  expect(last?.gamma).toBe(Math.max(...flips.map(({ gamma }) => gamma)));
  expect(best?.evaluation.margin).toBeLessThanOrEqual(0);
  expect(best?.gamma).toBeGreaterThan(boundary / 2);
  expect(best?.gamma).toBeLessThanOrEqual(boundary * 1.001);
  // Nothing flips: nothing is kept for polishing.
  const never = driveSync(
    strengthSearch({ ...options, ...common, ...brief, cleanMargin: 4, flipMargin: -1e9 }),
    evaluate,
  );
  expect(never.best).toBeUndefined();
  expect(never.evaluations).toBeGreaterThan(44 - 6);
});
