import { expect, test } from "vitest";
import { type MeasuredRun, workersFor } from "./share-of-cores.ts";

const run: MeasuredRun = {
  cores: 8,
  open: 100,
  secondsPerItem: 1,
  startSeconds: 2,
  peakBytes: 5e8,
  freeBytes: 16e9,
};

test("as many processes as cores, where the work is long beside their start", () => {
  expect(workersFor(run)).toBe(8);
  expect(workersFor({ ...run, cores: 1 })).toBe(1);
});

test("a start that takes longer than what is saved is not made", () => {
  // A fifth of the time is saved: of 10 s, as much as the start takes.
  expect(workersFor({ ...run, open: 10 })).toBe(1);
  expect(workersFor({ ...run, open: 11 })).toBe(8);
  expect(workersFor({ ...run, secondsPerItem: 0.01 })).toBe(1);
});

test("no more processes than items, nor than fit into what is free of the memory", () => {
  expect(workersFor({ ...run, open: 3, secondsPerItem: 60 })).toBe(3);
  expect(workersFor({ ...run, peakBytes: 4e9 })).toBe(3);
  expect(workersFor({ ...run, peakBytes: 7e9 })).toBe(1);
});
