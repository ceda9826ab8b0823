import fc from "fast-check";
import { expect, test } from "vitest";
import { rosenbrock } from "../../test/objectives.ts";
import { bestSoFar } from "./best-so-far.ts";
import { descend } from "./descend.ts";
import { driveSync } from "./drivers.ts";
import { lbfgs } from "./lbfgs.ts";
import type { Evaluation } from "./solver.ts";
import { signStep } from "./update-rules.ts";

/** A solver that visits 0, 1, 2 … whatever it is answered. */
const walk = (steps: number) => descend(Float32Array.of(0), signStep(1), { maxIterations: steps });

/** Answers the walk with the given values, one after the other. */
function scripted<X extends { readonly value: number }>(script: readonly X[]): (point: Float32Array) => X & Evaluation {
  let index = 0;
  return () => ({ ...script[index++], gradient: Float32Array.of(-1) });
}

test("the solution is the lowest of all evaluations, the first of equals", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 1, maxLength: 20 }), (values) => {
      const evaluate = scripted(values.map((value) => ({ value })));
      const solution = driveSync(bestSoFar(walk(values.length - 1)), evaluate);
      const index = values.indexOf(Math.min(...values));
      expect(solution).toMatchObject({ value: values[index], index, evaluations: values.length });
      expect([...solution.point]).toEqual([index]);
      expect(solution.evaluation?.value).toBe(values[index]);
    }),
    { seed: 1 },
  );
});

test("L-BFGS without line search, which may climb, is never worse than its best evaluation", () => {
  const values: number[] = [];
  const solver = bestSoFar(lbfgs(Float64Array.of(-1.2, 1), { maxIterations: 12, history: 3 }));
  const solution = driveSync(solver, (point: Float64Array) => {
    const evaluation = rosenbrock(point);
    values.push(evaluation.value);
    return evaluation;
  });
  expect(values.at(-1)).toBeGreaterThan(Math.min(...values));
  expect(solution.value).toBe(Math.min(...values));
  expect(rosenbrock(solution.point).value).toBe(solution.value);
  expect(solution.outcome).toBe("iterations-exhausted");
});

test("a preference may look at what the driver adds: the lowest value among those that fool", () => {
  const script = [
    { value: 1, fools: false },
    { value: 9, fools: true },
    { value: 0, fools: false },
    { value: 5, fools: true },
    { value: 7, fools: true },
  ];
  type Answer = Evaluation & { fools: boolean };
  const prefer = (a: Answer, b: Answer) => (a.fools === b.fools ? a.value < b.value : a.fools);
  const solution = driveSync(bestSoFar<Answer>(walk(4), { prefer }), scripted(script));
  expect(solution).toMatchObject({ value: 5, index: 3, evaluation: { fools: true } });
  expect([...solution.point]).toEqual([3]);
});

test("a search can be stopped by what was answered, and returns the best until then", () => {
  const script = [3, 1, 2, 0].map((value) => ({ value }));
  const until = ({ value }: Evaluation, point: Float32Array) => value === 2 && point[0] === 2;
  const solution = driveSync(bestSoFar(walk(3), { until }), scripted(script));
  expect(solution).toMatchObject({ outcome: "stopped", value: 1, index: 1, evaluations: 3, iterations: 2 });
});

test("values that are not finite are never the best", () => {
  const script = [4, Number.NEGATIVE_INFINITY].map((value) => ({ value }));
  expect(driveSync(bestSoFar(walk(9)), scripted(script))).toMatchObject({ value: 4, index: 0, outcome: "non-finite" });
  const hopeless = driveSync(bestSoFar(walk(9)), scripted([{ value: Number.NaN }]));
  expect(hopeless).toMatchObject({ value: Infinity, index: -1, outcome: "non-finite", evaluation: undefined });
});

test("the point returned is a copy that later iterations do not overwrite", () => {
  const solution = driveSync(bestSoFar(walk(3)), scripted([0, 1, 2, 3].map((value) => ({ value }))));
  expect([...solution.point]).toEqual([0]);
});
