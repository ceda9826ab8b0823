import { describe, expect, test } from "vitest";
import { runModel, wave } from "../../../test/run-model.ts";
import { BadInputError } from "../../errors.ts";
import { parseGraph, parseModel } from "../text/parse.ts";
import { printGraph } from "../text/print.ts";
import { inlineFunctions } from "./inline-functions.ts";

const text = `
  <ir_version: 8, opset_import: ["": 18, "local": 1]>
  g (float[2, 3] x) => (float[2, 3] y, float[2, 3] z)
  {
    [first] a = local.Outer <slope = 0.5> (x)
    y, z = local.Outer (a, x)
  }
  <domain: "local", opset_import: ["": 18, "local": 1]>
  Outer <slope: float = 0.25> (u, v) => (w, u)
  {
    [act] t = LeakyRelu <alpha: float = @slope> (u)
    w = local.Inner <by = 1> (t)
  }
  <domain: "local", opset_import: ["": 18]>
  Inner <by, unset> (t) => (s)
  {
    u = Softmax <axis: int = @by, ignored: int = @unset> (t)
    c = Constant <value = bool {1}> ()
    s = If <then_branch: graph = b () => (float[] r) { r = LeakyRelu (u) }, else_branch: graph = e () => (float[] q) { q = Neg (u) }> (c)
  }
`;
const model = parseModel(text);

test("calls are replaced by bodies, with the call's values, attributes and defaults", () => {
  const { graph, functions, opsets } = inlineFunctions(model);
  expect(functions).toEqual([]);
  expect(opsets).toEqual(new Map([["", 18]]));
  const branches = (u: string) =>
    `then_branch: graph = b () => (float[] r) { r = LeakyRelu (${u}) }, else_branch: graph = e () => (float[] q) { q = Neg (${u}) }`;
  expect(printGraph(graph)).toBe(
    printGraph(
      parseGraph(`g (float[2, 3] x) => (float[2, 3] y, float[2, 3] z) {
        ["first/act"] "first/t" = LeakyRelu <alpha = 0.5> (x)
        "a/u" = Softmax <axis = 1> ("first/t")
        "a/c" = Constant <value = bool {1}> ()
        a = If <${branches('"a/u"')}> ("a/c")
        ["y/act"] "y/t" = LeakyRelu <alpha = 0.25> (a)
        "y/u" = Softmax <axis = 1> ("y/t")
        "y/c" = Constant <value = bool {1}> ()
        y = If <${branches('"y/u"')}> ("y/c")
        z = Identity (a)
      }`),
    ),
  );
});

test("onnxruntime computes the same", async () => {
  // onnxruntime takes no function that returns a parameter, so the second output is left out.
  const single = text.replace("(w, u)", "(w)").replace("y, z = ", "y = ").replace(", float[2, 3] z)", ")");
  const plain = parseModel(single);
  const feeds = { x: wave([2, 3]) };
  expect(await runModel(inlineFunctions(plain), feeds)).toEqual(await runModel(plain, feeds));
});

test("a graph that is passed on keeps what it reads where it was written", async () => {
  const nested = parseModel(`
    <ir_version: 8, opset_import: ["": 18, "local": 1]>
    g (float[2, 3] x) => (float[2, 3] y) {
      u = Neg (x)
      y = local.Outer <body: graph = b () => (float[] r) { r = LeakyRelu <alpha = 0.5> (u) }> (x)
    }
    <domain: "local", opset_import: ["": 18, "local": 1]>
    Outer <body> (u) => (w) { t = Relu (u)  w = local.Inner <body: graph = @body> (t) }
    <domain: "local", opset_import: ["": 18]>
    Inner <body> (u) => (s) {
      c = Constant <value = bool {1}> ()
      s = If <then_branch: graph = @body, else_branch: graph = e () => (float[] q) { q = Neg (u) }> (c)
    }
  `);
  const text = printGraph(inlineFunctions(nested).graph).replaceAll(/\s+/g, " ");
  expect(text).toContain("then_branch: graph = b () => (float[] r) { r = LeakyRelu <alpha = 0.5> (u) }");
  expect(text).toContain('else_branch: graph = e () => (float[] q) { q = Neg ("y/t") }');
});

test("functions for another operator set are upgraded with the model", () => {
  const mixed = parseModel(`
    <ir_version: 8, opset_import: ["": 11, "local": 1]>
    g (float[2, 3] x) => (float[2, 3] y) { s = Clip (x)  y = local.F (s) }
    <domain: "local", opset_import: ["": 13]>
    F (u) => (w) { w = Relu (u) }
  `);
  const { opsets, graph } = inlineFunctions(mixed);
  expect(opsets).toEqual(new Map([["", 13]]));
  expect(graph.nodes.map(({ opType }) => opType)).toEqual(["Clip", "Relu"]);
});

describe("before anything is inlined, functions are refused", () => {
  const call = (definitions: string, call = "local.F0 (x)") =>
    parseModel(
      `<ir_version: 8, opset_import: ["": 18, "local": 1]> g (float x) => (float y) { y = ${call} } ${definitions}`,
    );
  const define = (name: string, body: string) =>
    `<domain: "local", opset_import: ["": 18, "local": 1]> ${name} (u) => (w) { ${body} } `;
  const chain = (length: number, body: (next: string) => string) =>
    Array.from({ length }, (_, i) => define(`F${i}`, body(`local.F${i + 1}`))).join("") +
    define(`F${length}`, "w = Relu (u)");

  test.each([
    ["that call themselves", call(define("F0", "w = local.G (u)") + define("G", "w = local.F0 (u)")), "calls itself"],
    ["that double at each step", call(chain(40, (next) => `v = ${next} (u)  w = ${next} (v)`)), "at most 18200 nodes"],
    [
      "that double the graph that they are passed",
      call(
        Array.from(
          { length: 40 },
          (_, i) =>
            `<domain: "local", opset_import: ["": 18, "local": 1]> F${i} <body> (u) => (w) {
            w = local.F${i + 1} <body: graph = b () => (float r) {
              c = Constant <value = bool {1}> () r = If <then_branch: graph = @body, else_branch: graph = @body> (c) }> (u) } `,
        ).join("") +
          `<domain: "local", opset_import: ["": 18]> F40 <body> (u) => (w) {
            c = Constant <value = bool {1}> () w = If <then_branch: graph = @body, else_branch: graph = @body> (c) }`,
        "local.F0 <body: graph = b () => (float r) { r = Neg (x) }> (x)",
      ),
      "once they are inlined",
    ],
    ["that nest too deep", call(chain(300, (next) => `w = ${next} (u)`)), "at most 200 calls within one another"],
    ["that are defined twice", call(define("F0", "w = Relu (u)").repeat(2)), "function local.F0: defined twice"],
    ["that take fewer values", call(define("F0", "w = Relu (u)"), "local.F0 (x, x)"), "expected at most 1, got 2"],
  ])("%s", (_, model, message) => {
    expect(() => inlineFunctions(model)).toThrow(BadInputError);
    expect(() => inlineFunctions(model)).toThrow(message);
  });
});

test("names of values do not grow with every call around them", () => {
  const depth = 150;
  const definitions = Array.from(
    { length: depth },
    (_, i) =>
      `<domain: "local", opset_import: ["": 18, "local": 1]> F${i} (u) => (w) { [call_of_a_function] v = ${i + 1 < depth ? `local.F${i + 1}` : "Relu"} (u)  w = Neg (v) } `,
  );
  const { graph } = inlineFunctions(
    parseModel(
      `<ir_version: 8, opset_import: ["": 18, "local": 1]> g (float x) => (float y) { y = local.F0 (x) } ${definitions.join("")}`,
    ),
  );
  const names = graph.nodes.flatMap(({ name, outputs }) => [name, ...outputs]);
  expect(names.length).toBeGreaterThan(depth);
  expect(Math.max(...names.map(({ length }) => length))).toBeLessThan(1100);
  expect(new Set(graph.nodes.flatMap(({ outputs }) => outputs)).size).toBe(depth + 1);
});
