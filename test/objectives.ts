/** @file Objectives with known answers, for the tests and the benchmark of the solvers. */
import type { Evaluation } from "../src/optimize/solver.ts";
import type { FloatArray } from "../src/tensor/vector.ts";
import { zerosLike } from "../src/tensor/vector.ts";

export type Objective = <A extends FloatArray>(point: A) => Evaluation<A>;

/** Rosenbrock's valley, Σ 100·(xᵢ₊₁ − xᵢ²)² + (1 − xᵢ)²; minimum 0 at all ones. */
export function rosenbrock<A extends FloatArray>(x: A): Evaluation<A> {
  const gradient = zerosLike(x);
  let value = 0;
  for (let i = 0; i + 1 < x.length; i++) {
    const [rise, gap] = [x[i + 1] - x[i] * x[i], 1 - x[i]];
    value += 100 * rise * rise + gap * gap;
    gradient[i] += -400 * x[i] * rise - 2 * gap;
    gradient[i + 1] += 200 * rise;
  }
  return { value, gradient };
}

/** ½·Σ wᵢxᵢ² + 0.05·(Σ xᵢ)² − Σ xᵢ with weights from 1 to 1000. */
export function quadratic<A extends FloatArray>(x: A): Evaluation<A> {
  const gradient = zerosLike(x);
  let [value, sum] = [0, 0];
  for (let i = 0; i < x.length; i++) sum += x[i];
  for (let i = 0; i < x.length; i++) {
    const weight = 1000 ** (i / (x.length - 1));
    value += 0.5 * weight * x[i] * x[i];
    gradient[i] = weight * x[i] + 0.1 * sum - 1;
  }
  return { value: value + 0.05 * sum * sum - sum, gradient };
}
