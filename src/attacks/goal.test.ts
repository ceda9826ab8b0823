import { expect, test } from "vitest";
import { goalOf } from "./goal.ts";

const logits = [3, 1, 2];

test("a class to leave: reached by any other, the margin is that of the class", () => {
  const goal = goalOf({ label: 2 });
  expect(goal).toMatchObject({ classIndex: 2, targeted: false });
  expect([0, 1, 2].map(goal.isReached)).toEqual([true, true, false]);
  expect(goal.margin(logits)).toBe(2 - 3);
  expect(goalOf({ label: 0 }).margin(logits)).toBe(3 - 2);
});

test("a class to reach: reached by that one alone, the margin has the other sign", () => {
  const goal = goalOf({ label: 0, target: 2 });
  expect(goal).toMatchObject({ classIndex: 2, targeted: true });
  expect([0, 1, 2].map(goal.isReached)).toEqual([false, false, true]);
  expect(goal.margin(logits)).toBe(3 - 2);
  expect(goalOf({ label: 1, target: 0 }).margin(logits)).toBe(2 - 3);
  // Class 0 is a target like any other.
  expect(goalOf({ label: 1, target: 0 }).isReached(1)).toBe(false);
});
