import { expect, test } from "vitest";
import { namesInOrder } from "./list-of-names.ts";
import { byNumbersIn, isOrderOpen } from "./order-of-names.ts";

test.each([
  ["b\na\n", ["b", "a"]],
  ["\uFEFFB\r\nA\r\n\r\n", ["b", "a"]],
  ["1 a\n0 b\n", ["b", "a"]],
  ["2: a\n1: b\n", ["b", "a"]],
  ["a,1\nb,0", ["b", "a"]],
  ["a\n", undefined],
  ["a\nc\n", undefined],
  ["a\na\n", undefined],
  ["5 a\n6 b\n", undefined],
])("%j says the order of a and b: %j", (text, order) => {
  expect(namesInOrder(text, ["a", "b"])).toEqual(order);
});

test("the numbers in names count as numbers", () => {
  expect(["f10", "f9", "f1_b", "f1_a"].sort(byNumbersIn)).toEqual(["f1_a", "f1_b", "f9", "f10"]);
  expect(isOrderOpen(["f1", "f10", "f2"])).toBe(true);
  expect(isOrderOpen(["f01", "f02", "f10"])).toBe(false);
  expect(isOrderOpen(["a", "b"])).toBe(false);
  // The order is the data's own.
  expect(isOrderOpen(["f1", "f2", "f10"])).toBe(false);
});
