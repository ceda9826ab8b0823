import * as node from "onnxruntime-node";
import * as web from "onnxruntime-web";
import { expect, test } from "vitest";
import { differentiate } from "../autodiff/differentiate.ts";
import { AbortedError, UnsupportedError } from "../errors.ts";
import { evaluate } from "../onnx/evaluate.ts";
import { readModel } from "../onnx/file/read-model.ts";
import { numeric } from "../onnx/numeric-tensor.ts";
import { parseGraph } from "../onnx/text/parse.ts";
import { floatTensor } from "../tensor/tensor.ts";
import { referenceRuntime } from "./reference-runtime.ts";
import { describeRuntime, type Runtime } from "./runtime.ts";
import { createSession, modelOf } from "./session.ts";

const runtimes: [string, Runtime][] = [
  ["onnxruntime-node", node],
  ["onnxruntime-web", web],
  ["reference", referenceRuntime],
];

const weights = Array.from({ length: 5 * 2 * 9 }, (_, i) => Math.sin(3 * i) / 3);
const graph = differentiate(
  parseGraph(`
    net (float[1, 2, 7, 7] x) => (float[1, 5] y)
    <float[5, 2, 3, 3] W = {${weights.join(", ")}}, float[5] b = {0.1, -0.2, 0.3, 0, 0.1}>
    {
      a = Conv <strides = [2, 2], pads = [1, 1, 1, 1]> (x, W, b)
      r = LeakyRelu <alpha = 0.1> (a)
      m = MaxPool <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]> (r)
      g = GlobalAveragePool (m)
      f = Flatten (g)
      y = LogSoftmax (f)
    }
  `),
);
/** With as many channels as a block has. */
const wide = differentiate(
  parseGraph(`
    net (float[1, 2, 7, 7] x) => (float[1, 16, 7, 7] y)
    <float[16, 2, 1, 1] W = {${weights.slice(0, 32).join(", ")}}>
    { a = Conv (x, W)  y = Relu (a) }
  `),
);
const x = floatTensor(
  Float32Array.from({ length: 98 }, (_, i) => Math.cos(i * i)),
  [1, 2, 7, 7],
);
const cotangent = floatTensor([1, -2, 0.5, 3, -1], [1, 5]);

test.each(runtimes)("%s computes what the float64 evaluator does", async (_, runtime) => {
  const session = await createSession(modelOf(graph), { runtime, threads: 1 });
  const result = await session.run({ x, cotangent });
  await session.dispose();
  await session.dispose();
  const exact = evaluate(graph, { x: numeric(x), cotangent: numeric(cotangent) });
  for (const name of ["y", "x_gradient"]) {
    expect(result[name].shape).toEqual(exact[name].shape);
    const data = result[name].data as Float32Array;
    data.forEach((value, i) => {
      expect(Math.abs(value - exact[name].data[i])).toBeLessThan(2e-6);
    });
  }
});

test("outputs that are not asked for are not returned", async () => {
  const session = await createSession(modelOf(graph), { runtime: node });
  expect(Object.keys(await session.run({ x, cotangent }, ["x_gradient"]))).toEqual(["x_gradient"]);
  await session.dispose();
});

test("an aborted signal rejects before and during a run, and disposing waits for the run", async () => {
  const session = await createSession(modelOf(graph), { runtime: node });
  await expect(session.run({ x, cotangent }, undefined, { signal: AbortSignal.abort() })).rejects.toThrow(AbortedError);
  const controller = new AbortController();
  const running = session.run({ x, cotangent }, undefined, { signal: controller.signal });
  controller.abort();
  await expect(running).rejects.toMatchObject({ name: "AbortError" });
  await session.dispose();
});

test("a provider that is not there is an error in the runtime's own words", async () => {
  const creation = createSession(modelOf(graph), { runtime: node, providers: ["coreml"] });
  await expect(creation).rejects.toThrow(UnsupportedError);
  await expect(creation).rejects.toThrow("Providers asked for: coreml.");
});

test("a runtime describes itself", () => {
  expect(describeRuntime(node)).toMatch(/^onnxruntime-node \d+\.\d+\.\d+/);
  expect(describeRuntime(web)).toMatch(/^onnxruntime-web \d+\.\d+\.\d+/);
  expect(describeRuntime(referenceRuntime)).toBe("reference");
});

test.each([
  ["onnxruntime-node", { runtime: node }, false],
  ["its CPU provider", { runtime: node, providers: ["cpu"] }, false],
  ["another provider first", { runtime: node, providers: ["cuda", "cpu"] }, true],
  ["onnxruntime-web", { runtime: web }, true],
  ["a refusal", { runtime: node, blocked: false }, true],
])("graphs are arranged for the blocked layout where there is one: %s", async (_, options, hasComparisons) => {
  let operators: string[] = [];
  const InferenceSession = {
    create: async (bytes: Uint8Array) => {
      operators = readModel(bytes).graph.nodes.map((each) => each.opType);
      return { inputNames: [], outputNames: [], run: async () => ({}), release: async () => {} };
    },
  };
  await createSession(modelOf(wide), { ...options, runtime: { ...options.runtime, InferenceSession } as Runtime });
  expect(operators.includes("Where")).toBe(hasComparisons);
  expect(operators.includes("HardSigmoid")).toBe(!hasComparisons);
});
