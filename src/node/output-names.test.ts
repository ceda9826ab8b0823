import { expect, test } from "vitest";
import { outputName, uniqueNames } from "./output-names.ts";

test.each([
  ["dog", "dog"],
  ["Müller & Söhne (2)", "Müller-Söhne-2"],
  ["a:b*c?<d>|e", "a-b-c-d-e"],
  ["..hidden..", "hidden"],
  ["con", "_con"],
  ["COM1.x", "_COM1.x"],
  ["lpt¹", "_lpt¹"],
  ["console", "console"],
  ["name. ", "name"],
  ["", "picture"],
  ["///", "picture"],
  ["\ud800x\udce9", "x"],
  ["\u001b[31mred", "31mred"],
])("%j becomes %j", (text, expected) => {
  expect(outputName(text)).toBe(expected);
});

test("names are cut by characters, not in the middle of one", () => {
  expect(outputName("𝐚".repeat(100))).toBe("𝐚".repeat(80));
});

test("names differ even where letter case does not count", () => {
  const unique = uniqueNames(["index.html"]);
  expect(["a", "A", "a", "index.html", "a-2", "a"].map(unique)).toEqual([
    "a",
    "A-2",
    "a-3",
    "index.html-2",
    "a-2-2",
    "a-4",
  ]);
});
