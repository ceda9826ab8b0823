import { expect, test } from "vitest";
import { shapeHintsOf } from "./shape-hints.ts";
import { parseGraph } from "./text/parse.ts";

test("numbers of axes follow from the operators that classifiers are made of", () => {
  const graph = parseGraph(`g (float[N, 3, 8, 8] x, float[] u) => (float[N, 10] y)
    <float[4, 3, 3, 3] w, int64[3] to = {0, -1, 5}, float[7] known> {
    a = Conv (x, w)
    b = Relu (a)
    pooled = GlobalAveragePool (x)
    squeezed = Squeeze <axes = [2, 3]> (pooled)
    unsqueezed = Unsqueeze <axes = [0]> (squeezed)
    flat = Flatten (b)
    reshaped = Reshape (b, to)
    c = Constant <value = float[1, 2] {1, 2}> ()
    product = MatMul (b, squeezed)
    sum = Add (squeezed, b)
    kept = ReduceMean <axes = [1]> (b)
    reduced = ReduceMean <axes = [1, 2], keepdims = 0> (b)
    all = ReduceMean <keepdims = 0> (b)
    unknown = Relu (u)
    other = com.example.Relu (b)
    vague = Add (u, b)
    y = Gemm (flat, flat)
  }`);
  const hints = shapeHintsOf(graph);
  const none = undefined;
  expect(Object.fromEntries([...hints].filter(([name]) => name !== "to"))).toEqual({
    x: ["N", 3, 8, 8],
    w: [4, 3, 3, 3],
    known: [7],
    a: [none, none, none, none],
    b: [none, none, none, none],
    pooled: ["N", 3, 1, 1],
    squeezed: [none, none],
    unsqueezed: [none, none, none],
    flat: [none, none],
    reshaped: [none, none, 5],
    c: [1, 2],
    product: [none, none, none, none],
    sum: [none, none, none, none],
    kept: [none, none, none, none],
    reduced: [none, none],
    y: ["N", 10],
  });
});
