import { expect, test } from "vitest";
import { runModel } from "../../../test/run-model.ts";
import type { Shape } from "../../tensor/tensor.ts";
import { floatTensor, sizeOf } from "../../tensor/tensor.ts";
import { evaluate } from "../evaluate.ts";
import { numeric } from "../numeric-tensor.ts";
import { parseModel } from "../text/parse.ts";
import { decomposeFusedOperators } from "./decompose-fused-operators.ts";

/** One operator of com.microsoft on these inputs, as text: "y" or "y, …" = call. */
interface Case {
  readonly inputs: Readonly<Record<string, Shape>>;
  readonly call: string;
  readonly outputs: Readonly<Record<string, Shape>>;
  /** Operators that onnxruntime keeps in the standard domain. */
  readonly domain?: string;
}

const cases: Readonly<Record<string, Case>> = {
  FusedConv: {
    inputs: { x: [1, 4, 6, 5], w: [6, 2, 3, 3], b: [6] },
    call: 'FusedConv <kernel_shape = [3, 3], pads = [1, 0, 1, 2], strides = [2, 1], group = 2, activation = "Relu"> (x, w, b)',
    outputs: { y: [1, 6, 3, 5] },
  },
  "FusedConv with a sum": {
    inputs: { x: [1, 3, 4, 4], w: [5, 3, 1, 1], b: [5], z: [1, 5, 4, 4] },
    call: 'FusedConv <kernel_shape = [1, 1], activation = "Relu"> (x, w, b, z)',
    outputs: { y: [1, 5, 4, 4] },
  },
  "FusedConv with parameters": {
    inputs: { x: [1, 3, 4, 4], w: [5, 3, 1, 1], b: [5] },
    call: 'FusedConv <kernel_shape = [1, 1], activation = "Clip", activation_params = [-0.5, 0.25]> (x, w, b)',
    outputs: { y: [1, 5, 4, 4] },
  },
  "FusedConv leaky": {
    inputs: { x: [1, 3, 4, 4], w: [5, 3, 1, 1], b: [5] },
    call: 'FusedConv <kernel_shape = [1, 1], activation = "LeakyRelu", activation_params = [0.3]> (x, w, b)',
    outputs: { y: [1, 5, 4, 4] },
  },
  FusedGemm: {
    inputs: { a: [3, 4], b: [5, 4], c: [5] },
    call: 'FusedGemm <transB = 1, alpha = 0.5, activation = "LeakyRelu", activation_alpha = 0.2> (a, b, c)',
    outputs: { y: [3, 5] },
  },
  FusedMatMul: {
    inputs: { a: [2, 4, 3], b: [2, 5, 4] },
    call: "FusedMatMul <transA = 1, transB = 1, alpha = 0.25> (a, b)",
    outputs: { y: [2, 3, 5] },
  },
  "FusedMatMul of exchanged batch axes": {
    inputs: { a: [4, 2, 3, 5], b: [6, 2, 3, 5] },
    call: "FusedMatMul <transBatchA = 1, transB = 1, transBatchB = 1> (a, b)",
    outputs: { y: [2, 3, 4, 6] },
  },
  Gelu: { inputs: { x: [2, 7] }, call: "Gelu (x)", outputs: { y: [2, 7] } },
  BiasGelu: { inputs: { x: [2, 7], b: [7] }, call: "BiasGelu (x, b)", outputs: { y: [2, 7] } },
  FastGelu: { inputs: { x: [2, 7], b: [7] }, call: "FastGelu (x, b)", outputs: { y: [2, 7] } },
  "FastGelu without bias": { inputs: { x: [2, 7] }, call: "FastGelu (x)", outputs: { y: [2, 7] } },
  QuickGelu: { inputs: { x: [2, 7] }, call: "QuickGelu <alpha = 1.5> (x)", outputs: { y: [2, 7] } },
  SkipLayerNormalization: {
    inputs: { x: [2, 3, 8], skip: [2, 3, 8], gamma: [8], beta: [8], bias: [8] },
    call: "SkipLayerNormalization <epsilon = 0.001> (x, skip, gamma, beta, bias)",
    outputs: { y: [2, 3, 8] },
  },
  "SkipLayerNormalization with the sum": {
    inputs: { x: [2, 3, 8], skip: [2, 3, 8], gamma: [8] },
    call: "SkipLayerNormalization <epsilon = 0.001> (x, skip, gamma)",
    outputs: { y: [2, 3, 8], "": [], " ": [], sum: [2, 3, 8] },
  },
  SkipSimplifiedLayerNormalization: {
    inputs: { x: [2, 3, 8], skip: [2, 3, 8], gamma: [8] },
    call: "SkipSimplifiedLayerNormalization <epsilon = 0.001> (x, skip, gamma)",
    outputs: { y: [2, 3, 8] },
  },
  SimplifiedLayerNormalization: {
    inputs: { x: [2, 3, 8], gamma: [8] },
    call: "SimplifiedLayerNormalization <axis = -1, epsilon = 0.001> (x, gamma)",
    outputs: { y: [2, 3, 8] },
    domain: "",
  },
};

test.each(Object.keys(cases))("%s: the rewrite computes what onnxruntime's own operator does", async (name) => {
  const { inputs, call, outputs, domain = "com.microsoft." } = cases[name];
  const declare = (values: Readonly<Record<string, Shape>>): string =>
    Object.entries(values)
      .filter(([value]) => value.trim() !== "")
      .map(([value, shape]) => `float[${shape.join(", ")}] ${value}`)
      .join(", ");
  const results = Object.keys(outputs).map((value) => value.trim() || '""');
  const text = `<ir_version: 8, opset_import: ["": 18, "com.microsoft": 1]>
    g (${declare(inputs)}) => (${declare(outputs)}) { ${results.join(", ")} = ${domain}${call} }`;
  const model = parseModel(text);
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([value, shape], i) => {
      const data = Float32Array.from({ length: sizeOf(shape) }, (_, j) => 1.2 * Math.sin(1 + 2.3 * j + 0.7 * i));
      return [value, floatTensor(data, shape)];
    }),
  );
  const expected = await runModel(model, feeds);
  const rewritten = decomposeFusedOperators(model.graph);
  expect(new Set(rewritten.nodes.map((node) => node.name)).size).toBe(rewritten.nodes.length);
  expect(rewritten.nodes.map((node) => node.domain)).toEqual(rewritten.nodes.map(() => ""));
  const actual = evaluate(rewritten, Object.fromEntries(Object.entries(feeds).map(([k, v]) => [k, numeric(v)])));
  for (const [value, { shape, data }] of Object.entries(expected)) {
    expect(actual[value].shape).toEqual(shape);
    (data as Float32Array).forEach((element, i) => {
      expect(Math.abs(actual[value].data[i] - element)).toBeLessThan(2e-6 * Math.max(1, Math.abs(element)));
    });
  }
});

test("other operators of the domain stay, and an activation that is not known is refused by name", () => {
  const { graph } = parseModel(`<ir_version: 8, opset_import: ["": 18, "com.microsoft": 1]>
    g (float[2] x) => (float[2] y) { y = com.microsoft.Inverse (x) }`);
  expect(decomposeFusedOperators(graph)).toBe(graph);
  const fused = parseModel(`<ir_version: 8, opset_import: ["": 18, "com.microsoft": 1]>
    g (float[1, 1, 2, 2] x, float[1, 1, 1, 1] w) => (float[1, 1, 2, 2] y) {
      [last] y = com.microsoft.FusedConv <activation = "Selu"> (x, w)
    }`);
  expect(() => decomposeFusedOperators(fused.graph)).toThrow(
    /FusedConv \(last\): the fused activation Selu is not supported/,
  );
});
