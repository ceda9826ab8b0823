import { describe, expect, test } from "vitest";
import { parseModel } from "../onnx/parse.ts";
import { prepareModel } from "./prepare-model.ts";

function prepare(text: string, opset = 13) {
  const model = parseModel(`<ir_version: 7, opset_import: ["": ${opset}]> ${text}`);
  return prepareModel(model, { where: "net.onnx" });
}

describe("the logits are the scores before a final Softmax", () => {
  test.each([
    ["which is last", "(float[1,3] p) { a = GlobalAveragePool (x)  s = Flatten (a)  p = Softmax (s) }", "s"],
    ["in the log domain", "(float[1,3] p) { a = GlobalAveragePool (x)  s = Flatten (a)  p = LogSoftmax (s) }", "s"],
    ["of a picture of one pixel", "(float[1,3,1,1] p) { s = GlobalAveragePool (x)  p = Softmax <axis = 1> (s) }", "s"],
    [
      "that is flattened",
      "(float[1,3] p) { s = GlobalAveragePool (x)  t = Softmax <axis = 1> (s)  p = Flatten (t) }",
      "s",
    ],
    [
      "that is reshaped",
      "(float[1,3] p) <int64[2] k = {-1, 3}> { s = GlobalAveragePool (x)  t = Softmax <axis = 1> (s)  p = Reshape (t, k) }",
      "s",
    ],
    [
      "beside other outputs",
      "(float[1,3,8,8] r, float[1,3] p, int64[1] c) { r = Relu (x)  a = GlobalAveragePool (r)  s = Flatten (a)  p = Softmax (s)  c = ArgMax <axis = 1, keepdims = 0> (p) }",
      "s",
    ],
  ])("%s", (_, body, logits) => {
    const prepared = prepare(`g (float[1,3,8,8] x) => ${body}`);
    expect(prepared).toMatchObject({ logits, softmax: "p", classCount: 3 });
    expect(prepared.graph.nodes.map(({ opType }) => opType)).not.toContain("Softmax");
  });

  test("where there is none, the output is taken as it is", () => {
    const prepared = prepare("g (float[N,3,8,8] x) => (float[N,3] y) { a = GlobalAveragePool (x)  y = Flatten (a) }");
    expect(prepared).toMatchObject({ logits: "y", softmax: undefined, fixedBatch: undefined });
  });
});

test("shapes written for the exported batch are opened for any other", () => {
  const text = (batch: number, body: string): string =>
    `g (float[${batch},3,8,8] x) => (float[${batch},3] y) <int64[2] k = {${batch}, 3}> { a = GlobalAveragePool (x)  ${body} }`;
  for (const batch of [1, 8]) {
    const prepared = prepare(text(batch, "y = Reshape (a, k)"));
    expect(prepared.fixedBatch).toBe(batch);
    for (const other of [1, 2, 8]) expect(prepared.typed(other).types.get("y")?.shape).toEqual([other, 3]);
  }
  const mixing = prepare(text(1, "m = ReduceMean <axes = [0], keepdims = 1> (a)  y = Reshape (m, k)"));
  expect(mixing.typed(1).types.get("y")?.shape).toEqual([1, 3]);
  expect(() => mixing.typed(2)).toThrow(
    "net.onnx: the model cannot take 2 images at a time, expected logits for a batch of 2, got shape [1, 3]",
  );
});
