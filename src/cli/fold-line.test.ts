import fc from "fast-check";
import { expect, test } from "vitest";
import { foldLine } from "./fold-line.ts";

test("a line that fits stays as it is", () => {
  expect(foldLine("  one two", { width: 9, indent: 4 })).toEqual(["  one two"]);
  expect(foldLine("", { width: 9, indent: 4 })).toEqual([""]);
});

test("what does not fit goes on, farther in", () => {
  expect(foldLine("  one two three", { width: 9, indent: 4 })).toEqual(["  one two", "    three"]);
  expect(foldLine("  one two", { width: 8, indent: 4 })).toEqual(["  one", "    two"]);
});

test("a long word stays whole", () => {
  expect(foldLine("a model/with/a/long/path b", { width: 8, indent: 2 })).toEqual([
    "a",
    "  model/with/a/long/path",
    "  b",
  ]);
});

test("no word is lost, and no line is too long unless a word is", () => {
  const words = fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(words, fc.integer({ min: 16, max: 80 }), (given, width) => {
      const lines = foldLine(given.join(" "), { width, indent: 4 });
      expect(lines.flatMap((line) => line.trim().split(" "))).toEqual(given);
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(width);
    }),
  );
});
