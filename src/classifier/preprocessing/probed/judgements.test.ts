import { expect, test } from "vitest";
import { isBlind, type Judgement, judgementOf } from "./judgements.ts";

/** What a network says whose class `label` leads all others by `lead`. */
const says = (label: number, lead: number, classes: number): Judgement =>
  judgementOf(
    Float32Array.from({ length: classes }, (_, k) => (k === label ? lead : 0)),
    undefined,
    false,
    String,
  );

test("a network that says the same of everything, and as surely, is blind", () => {
  expect(isBlind({ judgements: [says(1, 4, 10), says(1, 4.5, 10), says(1, 5, 10)] })).toBe(true);
  expect(isBlind({ judgements: [says(1, 4, 10), says(2, 4, 10), says(1, 4, 10)] })).toBe(false);
  // Of few classes any may be right, however unequally sure it is.
  expect(isBlind({ judgements: [says(1, 1, 10), says(1, 9, 10), says(1, 4, 10)] })).toBe(false);
});

test("of many classes, also where only how sure it is changes; not where it tells views apart", () => {
  expect(isBlind({ judgements: [says(7, 5, 1000), says(7, 7, 1000), says(7, 9, 1000)] })).toBe(true);
  expect(isBlind({ judgements: [says(7, 9, 1000), says(8, 9, 1000), says(7, 9, 1000)] })).toBe(false);
  // Two views say too little.
  expect(isBlind({ judgements: [says(7, 5, 1000), says(7, 9, 1000)] })).toBe(false);
});
