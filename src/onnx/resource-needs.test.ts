import { expect, test } from "vitest";
import { inferShapes } from "./infer-shapes.ts";
import { resourceNeeds } from "./resource-needs.ts";
import { parseModel } from "./text/parse.ts";

function needsOf(text: string) {
  return resourceNeeds(inferShapes(parseModel(`<ir_version: 8, opset_import: ["": 18]> ${text}`).graph));
}

test("weights, values and products of a convolution and a matrix product", () => {
  const needs = needsOf(`g (float[1, 2, 6, 6] x) => (float[1, 5] y)
    <float[3, 2, 3, 3] k = {${Array(54).fill(1)}}, float[5, 48] w = {${Array(240).fill(1)}}> {
      c = Conv (x, k)  r = Relu (c)  f = Flatten (r)  y = Gemm <transB = 1> (f, w) }`);
  expect(needs).toEqual({
    parameters: 54 + 240,
    weightBytes: 4 * (54 + 240),
    // c and r, each 3 x 4 x 4, at once; or the picture, 72, and c.
    peakBytes: 4 * (72 + 48),
    // The flat view takes no memory of its own.
    valueBytes: 4 * (72 + 48 + 48 + 5),
    operations: 48 * 18 + 48 + 5 * 48,
  });
});

test.each([
  ["a grouped convolution", "Conv <group = 2> (x, k)", "float[4, 1, 3, 3] k", 36, 4 * 16 * 9],
  ["its adjoint", "ConvTranspose (x, k)", "float[2, 3, 2, 2] k", 24, 2 * 36 * 3 * 4],
  ["a batch of products", "MatMul (x, k)", "float[6, 7] k", 42, 2 * 6 * 7 * 6],
  ["a contraction", 'Einsum <equation = "nchw,wk->nchk"> (x, k)', "float[6, 7] k", 42, 2 * 36 * 7],
])("%s", (_, node, weight, size, operations) => {
  const text = `g (float[1, 2, 6, 6] x) => (float y) <${weight} = {${Array(size).fill(1)}}> { y = ${node} }`;
  expect(needsOf(text).operations).toBe(operations);
});

test("taps of windows, no more than the plane has", () => {
  const pool = (side: number, pad: number) =>
    needsOf(`g (float[1, 2, 6, 6] x) => (float y) {
      y = MaxPool <kernel_shape = [${side}, ${side}], pads = [${Array(4).fill(pad)}]> (x) }`).operations;
  expect(pool(2, 0)).toBe(2 * 25 * 4);
  expect(pool(11, 5)).toBe(2 * 36 * 36);
});

test("values that are known beforehand and shapes take nothing", () => {
  const needs = needsOf(`g (float[1, 8] x) => (float y) <int64[1] two = {2}> {
    s = Shape (x)  t = Mul (s, two)  u = Cast <to = 1> (t)  y = Add (x, x) }`);
  expect([needs.peakBytes, needs.valueBytes, needs.operations]).toEqual([64, 64, 8]);
});

test("a reduction reads all of its input; what is read last is freed", () => {
  const needs = needsOf(`g (float[1, 100] x) => (float y) {
    a = Relu (x)  b = Relu (a)  c = Relu (b)  y = ReduceSum (c) }`);
  expect(needs.operations).toBe(400);
  expect(needs.peakBytes).toBe(800);
  expect(needs.valueBytes).toBe(4 * 401);
});
