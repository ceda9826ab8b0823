import { expect, test } from "vitest";
import { GraphBuilder, type Value } from "../onnx/builder.ts";
import { evaluate } from "../onnx/evaluate.ts";
import { testTensor } from "../testing/check-vjp.ts";
import { type Arithmetic, arithmeticOn } from "./arithmetic.ts";

/** What `expression` is at a = (−2, 0.5, 3) and b = (4, 2, 3). */
function at(expression: (arithmetic: Arithmetic, a: Value, b: Value) => Value): number[] {
  const g = new GraphBuilder();
  const [a, b] = [g.input("a", "float32", [3]), g.input("b", "float32", [3])];
  g.output(expression(arithmeticOn(g), a, b), "result");
  const feeds = { a: testTensor([3], [-2, 0.5, 3]), b: testTensor([3], [4, 2, 3]) };
  return Array.from(evaluate(g.toGraph(), feeds).result.data);
}

test("each function computes what it is called", () => {
  expect(at(({ add }, a, b) => add(a, b))).toEqual([2, 2.5, 6]);
  expect(at(({ sub }, a) => sub(1, a))).toEqual([3, 0.5, -2]);
  expect(at(({ mul }, a) => mul(a, 2))).toEqual([-4, 1, 6]);
  expect(at(({ div }, _, b) => div(8, b))).toEqual([2, 4, 8 / 3]);
  expect(at(({ pow }, a) => pow(a, 2))).toEqual([4, 0.25, 9]);
  expect(at(({ square }, a) => square(a))).toEqual([4, 0.25, 9]);
  expect(at(({ neg }, a) => neg(a))).toEqual([2, -0.5, -3]);
  expect(at(({ abs }, a) => abs(a))).toEqual([2, 0.5, 3]);
  expect(at(({ sign }, a) => sign(a))).toEqual([-1, 1, 1]);
  expect(at(({ exp }, a) => exp(a))).toEqual([-2, 0.5, 3].map(Math.exp));
  expect(at(({ log }, _, b) => log(b))).toEqual([4, 2, 3].map(Math.log));
  expect(at(({ sqrt }, _, b) => sqrt(b))).toEqual([4, 2, 3].map(Math.sqrt));
  expect(at(({ tanh }, a) => tanh(a))).toEqual([-2, 0.5, 3].map(Math.tanh));
  expect(at(({ sigmoid }, a) => sigmoid(a))).toEqual(
    [-2, 0.5, 3].map((x) => expect.closeTo(1 / (1 + Math.exp(-x)), 12)),
  );
  expect(at(({ sumOver }, a) => sumOver(a, [0]))).toEqual([1.5]);
  expect(at(({ select, less }, a, b) => select(less(a, 1), a, b))).toEqual([-2, 0.5, 3]);
  expect(at(({ select, greater }, a) => select(greater(a, 1), 7, a))).toEqual([-2, 0.5, 7]);
  expect(at(({ indicator, equal }, a, b) => indicator(equal(a, b), a))).toEqual([0, 0, 1]);
});

test("numbers take the element type of the other operand, and a factor of 1 costs nothing", () => {
  const g = new GraphBuilder();
  const x = g.input("x", "float64", [2]);
  const { add, sub, scalar, scaled, sumOver, indicator, less } = arithmeticOn(g);
  expect([add(x, 1), sub(1, x), scaled(x, 2), scalar(3, x)].map(({ dtype }) => dtype)).toEqual(
    Array(4).fill("float64"),
  );
  expect(indicator(less(x, 0), x).dtype).toBe("float64");
  expect(scaled(x, 1)).toBe(x);
  expect(sumOver(x, [])).toBe(x);
});
