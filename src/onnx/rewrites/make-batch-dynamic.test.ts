import { describe, expect, test } from "vitest";
import { evaluate } from "../evaluate.ts";
import { parseGraph } from "../text/parse.ts";
import { makeBatchDynamic, openBatch } from "./make-batch-dynamic.ts";

/** The graph opened for its input x, whose declared shape is the traced one. */
function opened(text: string) {
  const graph = parseGraph(text);
  const shape = graph.inputs[0].shape as readonly number[];
  return { graph, shape, result: makeBatchDynamic(graph, { input: "x", shape }) };
}

/** The outputs, one list for each picture, of a batch of the given numbers of pictures. */
function outputsFor({ result, shape }: ReturnType<typeof opened>, pictures: readonly (readonly number[])[]) {
  const data = Float64Array.from(pictures.flat());
  const found = evaluate(result, { x: { dtype: "float32", shape: [pictures.length, ...shape.slice(1)], data } });
  const [output] = Object.values(found);
  const length = output.data.length / pictures.length;
  return pictures.map((_, i) => [...output.data.slice(i * length, (i + 1) * length)]);
}

const first = [1, 2, 3, 4, 5, 6];
const second = [-7, 5, 0, 2, 9, -1];

describe("a batch of two gives what the pictures give alone", () => {
  test.each([
    [
      "of a Reshape traced for one picture",
      "g (float[1,2,3] x) => (float[] y) <int64[2] s = {1, 6}> { y = Reshape (x, s) }",
    ],
    [
      "with an open extent beside the traced one",
      "g (float[1,2,3] x) => (float[] y) <int64[3] s = {1, 3, -1}> { y = Reshape (x, s) }",
    ],
    ["with an axis copied", "g (float[1,2,3] x) => (float[] y) <int64[4] s = {1, 0, 3, 1}> { y = Reshape (x, s) }"],
    [
      "where the batch becomes the outer part of another axis and comes back",
      `g (float[1,2,3] x) => (float[] y) <int64[3] s = {2, 3, 1}, int64[3] t = {1, 2, 3}> {
        a = Reshape (x, s)  b = Relu (a)  y = Reshape (b, t)
      }`,
    ],
    [
      "where the pictures take turns",
      `g (float[1,2,3] x) => (float[] y) <int64[2] s = {2, 3}, int64[3] t = {2, 1, 3}> {
        a = Transpose <perm = [1, 0, 2]> (x)  b = Reshape (a, s)  c = Softmax <axis = 1> (b)
        d = Reshape (c, t)  y = Transpose <perm = [1, 0, 2]> (d)
      }`,
    ],
    [
      "of a running sum within each picture",
      `g (float[1,2,3] x) => (float[] y) <int64 i = {1}, int64[2] s = {1, 6}> { a = CumSum (x, i)  y = Reshape (a, s) }`,
    ],
    [
      "of a Resize to the traced shape",
      `g (float[1,2,3] x) => (float[] y) <int64[3] s = {1, 2, 6}> {
        y = Resize <mode = "linear", coordinate_transformation_mode = "asymmetric"> (x, "", "", s)
      }`,
    ],
    [
      "that get a constant token each",
      "g (float[1,2,3] x) => (float[] y) <float[1,1,3] k = {7, 8, 9}> { y = Concat <axis = 1> (k, x) }",
    ],
  ])("%s", (_, text) => {
    const open = opened(text);
    const together = outputsFor(open, [first, second]);
    expect(together).toEqual([...outputsFor(open, [first]), ...outputsFor(open, [second])]);
    // As traced, nothing has changed.
    expect([
      ...evaluate(open.graph, { x: { dtype: "float32", shape: open.shape, data: Float64Array.from(first) } }).y.data,
    ]).toEqual(together[0]);
  });

  test("of a graph traced for four", () => {
    const open = opened(
      "g (float[4,2,3] x) => (float[] y) <int64[2] s = {8, 3}, int64[2] t = {4, 6}> { a = Reshape (x, s)  y = Reshape (a, t) }",
    );
    expect(outputsFor(open, [first, second])).toEqual([first, second]);
  });
});

test("shapes that grow by themselves stay", () => {
  const { graph, result } = opened(`g (float[1,2,3] x) => (float[] y) <int64[2] s = {-1, 6}, int64[1] first = {0}> {
    a = Reshape (x, s)
    n = Shape <start = 0, end = 1> (x)
    k = Constant <value_ints = [6]> ()
    t = Concat <axis = 0> (n, k)
    y = Reshape (a, t)
  }`);
  expect(result).toEqual(graph);
});

describe("a graph in which pictures would mix is left alone", () => {
  test.each([
    ["a sum over the batch", "s = ReduceSum <keepdims = 1> (x, zero)  y = Reshape (s, k)"],
    ["a Softmax over an axis that holds it", "a = Reshape (x, flat)  s = Softmax <axis = 0> (a)  y = Reshape (s, k)"],
    ["a running sum over the batch", "a = CumSum (x, zero)  s = Mul (a, a)  y = Reshape (s, k)"],
    [
      "a running sum over an axis that is not known beforehand",
      "i = ArgMax <keepdims = 0> (line)  a = CumSum (x, i)  y = Reshape (a, k)",
    ],
    ["a constant for each picture of the traced batch", "a = Reshape (x, flat)  s = Add (a, each)  y = Reshape (s, k)"],
    [
      "products of one picture with another",
      "a = Reshape (x, flat)  s = MatMul (a, turned)  t = Transpose (a)  b = MatMul (a, t)  y = Reshape (b, two)",
    ],
  ])("%s", (_, body) => {
    const text = `g (float[1,2,3] x) => (float[] y)
      <int64[1] zero = {0}, int64[2] k = {1, 6}, int64[2] flat = {2, 3}, int64[2] two = {1, 4}, float[3,2] turned = {1, 2, 3, 4, 5, 6},
       float[2,3] each = {1, 2, 3, 4, 5, 6}> { ${body} }`;
    const { graph, result } = opened(text);
    expect(result).toBe(graph);
  });
});

describe("the node at which pictures of a batch meet is named", () => {
  const at = (body: string) => {
    const graph = parseGraph(
      `g (float[N,2,3] x) => (float[] y) <int64[1] zero = {0}, int64[2] flat = {-1, 3}> { ${body} }`,
    );
    return openBatch(graph, { input: "x", shape: [1, 2, 3] }).mixing?.outputs[0];
  };
  test.each([
    ["a mean over everything", "m = ReduceMean <keepdims = 0> (x)  y = Sub (x, m)", "m"],
    ["a Softmax over the batch", "y = Softmax <axis = 0> (x)", "y"],
    ["a largest number over the batch", "m = ReduceMax <keepdims = 1> (x, zero)  y = Div (x, m)", "m"],
    [
      "a mean over each picture",
      "one = Constant <value_ints = [1, 2]> ()  m = ReduceMean (x, one)  y = Sub (x, m)",
      undefined,
    ],
    ["a shape", "s = Shape (x)  y = Reshape (x, s)", undefined],
    ["rows of pictures one after the other", "a = Reshape (x, flat)  y = Softmax <axis = 1> (a)", undefined],
  ])("%s", (_, body, expected) => {
    expect(at(body)).toBe(expected);
  });
});
