import { expect, test } from "vitest";
import { queueLoad, type Scenario, simulate } from "../scripts/cluster/simulate.ts";

const even: Scenario = {
  ...{ pictures: 100, workers: 10, secondsPerPicture: 6, spread: 0, speeds: 0, startSeconds: 5 },
  ...{ lifetime: Number.POSITIVE_INFINITY, replacement: 30, seed: 1 },
};
const batches = (size: number): number[][] =>
  Array.from({ length: 100 / size }, (_, n) => Array.from({ length: size }, (_unused, k) => n * size + k));

test("even pictures on even machines take pictures over machines, and the start", () => {
  const { makespan, efficiency, deaths } = simulate(even, { tasks: batches(5), keeps: false, delay: 60 });
  expect(makespan).toBeCloseTo(5 + (100 / 10) * 6);
  expect(efficiency).toBeCloseTo(60 / 65);
  expect(deaths).toBe(0);
});

test("three tasks for two machines take two turns", () => {
  const tasks = [[0], [1], [2]];
  expect(simulate({ ...even, workers: 2 }, { tasks, keeps: false, delay: 60 }).makespan).toBeCloseTo(5 + 2 * 6);
});

test("where machines die everything is done in the end, later, and what is kept is not done twice", () => {
  const mortal = { ...even, lifetime: 100 };
  const tasks = batches(10);
  const [anew, goesOn] = [false, true].map((keeps) => simulate(mortal, { tasks, keeps, delay: 60 }));
  expect(anew.deaths).toBeGreaterThan(0);
  expect(anew.makespan).toBeGreaterThan(65);
  expect(goesOn.makespan).toBeLessThan(anew.makespan);
});

test("the server's load grows with workers and shrinks with larger batches", () => {
  const load = (workers: number, batchSeconds: number): number =>
    queueLoad({ workers, batchSeconds, lockSeconds: 60, batches: 100 }).commandsPerSecond;
  expect(load(200, 120)).toBeCloseTo(2 * load(100, 120));
  expect(load(100, 1200)).toBeLessThan(load(100, 12));
});
