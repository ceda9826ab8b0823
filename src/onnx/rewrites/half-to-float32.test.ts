import { expect, test } from "vitest";
import { parseGraph } from "../text/parse.ts";
import { printGraph } from "../text/print.ts";
import { halfToFloat32, halfTypesOf } from "./half-to-float32.ts";

test("inputs, weights, conversions, constants and inner graphs become float32", () => {
  // 16-bit numbers are written as their bits: 0.5 and −3, 2.5, 1.5, 1.
  const graph = parseGraph(`g (float16[2] x, bool c) => (float16[2] y)
    <float16[2] w = {14336, 49664}, bfloat16[1] b = {16416}, int64[1] n = {2}>
    {
      wide = Cast <to = 1> (x)
      back = Cast <to = 10> (wide)
      wider = Cast <to = 16> (b)
      fill = ConstantOfShape <value = float16[1] {15872}> (n)
      a = Mul (back, w)
      s = If <then_branch: graph = t () => (float16[2] r) { r = Add (a, fill) },
              else_branch: graph = e () => (float16[2] q) { one = Constant <value = float16 {15360}> () q = Add (a, one) }> (c)
      y = Add (s, wider)
    }`);
  expect(halfTypesOf(graph)).toEqual(["bfloat16", "float16"]);
  const wide = halfToFloat32(graph);
  expect(halfTypesOf(wide)).toEqual([]);
  expect(printGraph(wide)).toBe(
    printGraph(
      parseGraph(`g (float[2] x, bool c) => (float[2] y)
    <float[2] w = {0.5, -3}, float[1] b = {2.5}, int64[1] n = {2}>
    {
      wide = Cast <to = 1> (x)
      back = Cast <to = 1> (wide)
      wider = Cast <to = 1> (b)
      fill = ConstantOfShape <value = float[1] {1.5}> (n)
      a = Mul (back, w)
      s = If <then_branch: graph = t () => (float[2] r) { r = Add (a, fill) },
              else_branch: graph = e () => (float[2] q) { one = Constant <value = float {1}> () q = Add (a, one) }> (c)
      y = Add (s, wider)
    }`),
    ),
  );
});

test("a graph in float32 is returned as it is", () => {
  const graph = parseGraph("g (float[2] x) => (float[2] y) { y = Relu (x) }");
  expect(halfToFloat32(graph)).toBe(graph);
});
