import { describe, expect, test } from "vitest";
import { evaluate } from "../../onnx/evaluate.ts";
import { inferShapes } from "../../onnx/infer-shapes.ts";
import { parseGraph } from "../../onnx/text/parse.ts";
import { splitConvolutions } from "./split-convolutions.ts";

const numbers = (count: number): string =>
  Array.from({ length: count }, (_, i) => Math.round(8 * Math.sin(i * i + 1))).join(", ");

/** The graph of `body`, from x [1, 3, 4, 4] to p [1, 2, …] and q [1, 4, …], before and after. */
function split(body: string, outputs = "float[] p, float[] q") {
  const graph = parseGraph(`
    net (float[1, 3, 4, 4] x) => (${outputs})
    <float[6, 3, 3, 3] W = {${numbers(162)}}, float[6] b = {${numbers(6)}}, float[6, 1, 3, 3] D = {${numbers(54)}},
     int64[2] parts = {2, 4}, int64[2] halves = {1, 1}>
    { ${body} }
  `);
  const typed = inferShapes(graph);
  return { graph, typed, result: splitConvolutions(typed) };
}

const x = { dtype: "float32" as const, shape: [1, 3, 4, 4], data: Float64Array.from({ length: 48 }, (_, i) => i % 11) };

describe("the channels are parted before the convolution", () => {
  test.each([
    ["one", "c = Conv <pads = [1, 1, 1, 1]> (x, W, b)  p, q = Split <axis = 1> (c, parts)", 2],
    ["without a bias", "c = Conv (x, W)  p, q = Split <axis = 1> (c, parts)", 2],
    ["a sum of two", "c = Conv (x, W, b)  d = Conv (x, W)  s = Add (c, d)  p, q = Split <axis = 1> (s, parts)", 4],
  ])("%s", (_, body, convolutions) => {
    const { graph, result } = split(body);
    const operators = result.nodes.map((node) => node.opType);
    expect(operators).not.toContain("Split");
    expect(operators.filter((name) => name === "Conv")).toHaveLength(convolutions);
    const shapes = inferShapes(result).types;
    expect([shapes.get("p")?.shape[1], shapes.get("q")?.shape[1]]).toEqual([2, 4]);
    expect(evaluate(result, { x })).toEqual(evaluate(graph, { x }));
  });
});

describe("what has other readers, groups or another axis stays as it is", () => {
  test.each([
    [
      "read twice",
      "c = Conv (x, W, b)  p, q = Split <axis = 1> (c, parts)  r = Relu (c)",
      "float[] p, float[] q, float[] r",
    ],
    ["an output", "c = Conv (x, W, b)  p, q = Split <axis = 1> (c, parts)", "float[] p, float[] q, float[] c"],
    ["grouped", "c = Conv <group = 3> (x, D)  p, q = Split <axis = 1> (c, parts)", undefined],
    ["along the height", "c = Conv (x, W)  p, q = Split <axis = 2> (c, halves)", undefined],
  ])("%s", (_, body, outputs) => {
    const { typed, result } = split(body, outputs);
    expect(result).toBe(typed.graph);
  });
});
