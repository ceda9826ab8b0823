import { expect, test } from "vitest";
import { BadInputError } from "../errors.ts";
import { parseGraph, parseModel } from "./text/parse.ts";
import { sortTopologically, validateModel } from "./validate.ts";

test("a valid model comes back as it is", () => {
  const model = parseModel(`g (float[1] x) => (float[1] y) <float[1] w = {1}> {
    a = Add (x, w)
    y = If <then_branch = t () => (float b) { b = Neg (a) }> (x)
  }`);
  expect(validateModel(model)).toBe(model);
});

test("everything that is wrong is said at once", () => {
  const model =
    parseModel(`<ir_version: 9, opset_import: ["": 99]> g (float x, float w) => (float gone) <float w = {1}> {
    a = Add (x, missing)
    a = If <then_branch = t () => (float b) { b = Neg (captured) }> (x)
    c = Relu (d)
    d = Tanh (c)
    e = com.example.Op (x)
  }`);
  expect(() => validateModel(model, { where: "m.onnx" })).toThrow(BadInputError);
  expect(() => validateModel(model, { where: "m.onnx" })).toThrow(
    "m.onnx: not a valid ONNX model: opset 99 is newer than the newest that is known, 28; " +
      "operator sets that are not imported: com.example; " +
      'values defined more than once: "w", "a"; ' +
      'values that nothing defines: "missing" (read by Add (a)), "captured" (read by If (a)), "gone" (read by the graph\'s outputs); ' +
      "nodes in a cycle: Relu (c), Tanh (d). Export it again.",
  );
  const later = parseModel(`<ir_version: 99, opset_import: ["": 13]> g (float x) => (float y) { y = Relu (x) }`);
  expect(() => validateModel(later)).toThrow("IR version 99 is newer than the newest that is known, 14.");
  const silent = parseModel("g (float x) => () { y = Relu (x) }");
  expect(() => validateModel(silent)).toThrow("the graph has no outputs");
});

test("nodes are sorted stably, through the graphs in attributes too", () => {
  const graph = parseGraph(`g (float x) => (float d) {
    d = If <then_branch = t () => (float u) { u = Neg (c) }> (b)
    a = Relu (x)
    c = Tanh (a)
    b = Exp (a)
    e = Sin (x)
  }`);
  const sorted = sortTopologically(graph);
  expect(sorted.nodes.map(({ outputs }) => outputs[0])).toEqual(["a", "b", "c", "d", "e"]);
  expect(sortTopologically(sorted)).toBe(sorted);
  const model = { ...parseModel("g () => (float y) { y = Op () }"), graph };
  expect(validateModel(model).graph).toEqual(sorted);
});

test("a long chain in reverse is sorted without recursion, and a cycle is named", () => {
  const length = 5_000;
  const names = Array.from({ length }, (_, i) => i);
  const nodes = names.map((i) => `v${i} = Relu (v${i + 1})`).join("\n");
  const graph = parseGraph(`g (float v${length}) => (float v0) { ${nodes} }`);
  expect(sortTopologically(graph).nodes.map(({ outputs }) => outputs[0])).toEqual(names.map((i) => `v${i}`).reverse());
  const loop = parseGraph("g () => (float a) { a = Relu (b)  b = Relu (c)  c = Relu (b) }");
  expect(() => sortTopologically(loop)).toThrow("graph g: nodes in a cycle: Relu (b), Relu (c), expected none");
});
