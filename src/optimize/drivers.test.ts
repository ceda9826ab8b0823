import { expect, test, vi } from "vitest";
import { quadratic, rosenbrock } from "../../test/objectives.ts";
import { AbortedError } from "../errors.ts";
import { bestSoFar } from "./best-so-far.ts";
import { descend } from "./descend.ts";
import { drive, driveBatch, driveSync } from "./drivers.ts";
import { lbfgs } from "./lbfgs.ts";
import { projectBox } from "./projections.ts";
import type { Evaluation, Solver } from "./solver.ts";
import { adam, gradientStep, signStep } from "./update-rules.ts";

const starts = Array.from({ length: 5 }, (_, row) =>
  Float32Array.from({ length: 40 }, (_, i) => Math.sin(1 + i * (row + 1))),
);

/** Solvers of all kinds that end after different numbers of evaluations. */
const makers: ((start: Float32Array) => Solver)[] = [
  (start) => lbfgs(start, { maxIterations: 60, lineSearch: "armijo", project: projectBox(-0.5, 0.5) }),
  (start) => lbfgs(start, { maxIterations: 9, history: 3 }),
  (start) => descend(start, adam({ stepSize: 0.05 }), { maxIterations: 30 }),
  (start) => descend(start, signStep(0.01), { maxIterations: 4 }),
  (start) => lbfgs(start, { maxIterations: 40, history: 10, lineSearch: "armijo" }),
];

test("a batch in lockstep gives the results of solo runs, bit for bit", async () => {
  const solo = makers.map((make, row) => driveSync(bestSoFar(make(starts[row])), rosenbrock));
  const activity: (readonly boolean[])[] = [];
  const together = await driveBatch(
    makers.map((make, row) => bestSoFar(make(starts[row]))),
    async (points, active) => {
      activity.push(active);
      expect(points.every((point) => point.length === 40 && point.every(Number.isFinite))).toBe(true);
      return points.map((point, row) => (active[row] ? rosenbrock(point) : { value: Number.NaN, gradient: point }));
    },
  );
  expect(together).toEqual(solo);
  expect(activity).toHaveLength(Math.max(...solo.map(({ evaluations }) => evaluations)));
  solo.forEach(({ evaluations }, row) => {
    expect(activity.filter((active) => active[row])).toHaveLength(evaluations);
  });
});

test("every evaluation is reported once, with its number, iteration and row", async () => {
  const reports: string[] = [];
  await driveBatch(
    [1, 2].map((maxIterations) => descend(Float32Array.of(1, 1, 1), gradientStep(1e-4), { maxIterations })),
    async (points) => points.map(quadratic),
    { onEvaluation: ({ index, iteration, row }) => reports.push(`${row}:${index}:${iteration}`) },
  );
  expect(reports).toEqual(["0:0:0", "1:0:0", "0:1:1", "1:1:1", "1:2:2"]);
});

test("the asynchronous driver gives what the synchronous one gives, reports included", async () => {
  const [sync, async_]: unknown[][] = [[], []];
  const solver = () => lbfgs(starts[0], { maxIterations: 12 });
  const expected = driveSync(solver(), rosenbrock, {
    onEvaluation: ({ point, ...rest }) => sync.push([...point], rest),
  });
  const got = await drive(solver(), async (point) => rosenbrock(point), {
    onEvaluation: ({ point, ...rest }) => async_.push([...point], rest),
  });
  expect(got).toEqual(expected);
  expect(async_).toEqual(sync);
  expect(sync).toHaveLength(2 * expected.evaluations);
});

test.each(["drive", "driveBatch"])("%s stops between evaluations when aborted", async (which) => {
  const controller = new AbortController();
  const evaluate = vi.fn((point: Float32Array): Evaluation => {
    if (evaluate.mock.calls.length === 3) controller.abort();
    return rosenbrock(point);
  });
  const { signal } = controller;
  const onEvaluation = vi.fn();
  const running =
    which === "drive"
      ? drive(lbfgs(starts[0]), async (point) => evaluate(point), { signal, onEvaluation })
      : driveBatch([lbfgs(starts[0])], async ([point]) => [evaluate(point)], { signal, onEvaluation });
  await expect(running).rejects.toThrow(AbortedError);
  expect(evaluate).toHaveBeenCalledTimes(3);
  expect(onEvaluation).toHaveBeenCalledTimes(2);
});

test("nothing is evaluated when the signal has been aborted before", () => {
  const evaluate = vi.fn((point: Float32Array) => rosenbrock(point));
  const signal = AbortSignal.abort();
  expect(() => driveSync(lbfgs(starts[0]), evaluate, { signal })).toThrow(/driveSync: aborted/);
  expect(evaluate).not.toHaveBeenCalled();
});

test("what evaluate throws reaches the caller", async () => {
  const failing = async (): Promise<Evaluation> => {
    throw new Error("out of memory");
  };
  await expect(drive(lbfgs(starts[0]), failing)).rejects.toThrow("out of memory");
});

test("an empty batch is done at once", async () => {
  expect(await driveBatch([], async () => [])).toEqual([]);
});

test("a wrong number of evaluations and a used solver are refused", async () => {
  const short = driveBatch([lbfgs(starts[0]), lbfgs(starts[1])], async ([point]) => [rosenbrock(point)]);
  await expect(short).rejects.toThrow(/wrong number of evaluations, expected 2, one per point, got 1/);
  const used = lbfgs(starts[0]);
  driveSync(used, rosenbrock);
  await expect(driveBatch([used], async (points) => points.map(rosenbrock))).rejects.toThrow(/solvers\[0\]/);
});

test("unknown options are refused", () => {
  expect(() => driveSync(lbfgs(starts[0]), rosenbrock, { onEvaluations: () => {} } as object)).toThrow(
    /"onEvaluation"/,
  );
});
