import { expect, test } from "vitest";
import { createTimeEstimate } from "./time-estimate.ts";

const many = (name: string, count: number) => Array.from({ length: count }, () => name);

test("each method counts with what its own items take, and the first of it, which opens sessions, does not", () => {
  const estimate = createTimeEstimate([...many("cheap", 100), ...many("costly", 10)]);
  expect(estimate.left()).toBeUndefined();
  // 20 s to open, and 1 s: by the mean of all items the others would take 38 minutes.
  estimate.add({ method: "costly", items: 1, seconds: 21 });
  expect(estimate.left()).toBeUndefined();
  estimate.add({ method: "costly", items: 1, seconds: 1 });
  // What the cheap one takes nobody knows yet.
  expect(estimate.left()).toEqual({ seconds: 8, isLowerBound: true });
  estimate.add({ method: "cheap", items: 1, seconds: 2 });
  estimate.add({ method: "cheap", items: 9, seconds: 0.9 });
  expect(estimate.left()?.seconds).toBeCloseTo(8 + 9);
  expect(estimate.left()?.isLowerBound).toBe(false);
  estimate.add({ method: "costly", items: 8, seconds: 8 });
  estimate.add({ method: "cheap", items: 90, seconds: 9 });
  expect(estimate.left()).toEqual({ seconds: 0, isLowerBound: false });
});

test("a first batch of many items tells enough, and every process has a first one", () => {
  const batches = createTimeEstimate(many("a", 24));
  batches.add({ method: "a", items: 8, seconds: 16 });
  expect(batches.left()).toEqual({ seconds: 32, isLowerBound: false });
  const workers = createTimeEstimate(many("a", 10));
  for (const worker of [1, 2]) workers.add({ method: "a", items: 1, seconds: 30 }, worker);
  expect(workers.left()).toBeUndefined();
  workers.add({ method: "a", items: 2, seconds: 4 }, 2);
  expect(workers.left()).toEqual({ seconds: 12, isLowerBound: false });
});
