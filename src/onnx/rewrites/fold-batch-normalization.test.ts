import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { runModel, wave } from "../../../test/run-model.ts";
import { loadModelFile } from "../../node/models/load-model.ts";
import { type Tensor, tensorOf } from "../../tensor/tensor.ts";
import { initializerNamed, initializerOf, type Model, tensorOfInitializer } from "../model.ts";
import { parseGraph, parseModel } from "../text/parse.ts";
import { foldBatchNormalization } from "./fold-batch-normalization.ts";

const published = join(
  process.env.PERCEPTUAL_BALL_DATA ?? resolve(import.meta.dirname, "../../../../shared/data"),
  "models",
);

/** `text` with `weights` and the four parameters of a BatchNormalization over `channels` channels. */
function modelOf(text: string, channels: number, weights: Readonly<Record<string, readonly number[]>>): Model {
  const model = parseModel(`<ir_version: 8, opset_import: ["": 15]> ${text}`);
  const tensors: [string, Tensor][] = Object.entries(weights).map(([name, shape], i) => [name, wave(shape, i)]);
  for (const [i, name] of ["gamma", "beta", "mean"].entries()) tensors.push([name, wave([channels], 5 + i)]);
  const variance = Array.from({ length: channels }, (_, c) => 0.1 + c);
  tensors.push(["variance", tensorOf("float32", variance, [channels])]);
  const initializers = new Map(tensors.map(([name, tensor]) => [name, initializerOf(tensor)]));
  return { ...model, graph: { ...model.graph, initializers } };
}

const norm = "y = BatchNormalization <epsilon = 0.01> (a, gamma, beta, mean, variance)";

test("weights in a file and weights in memory give the same, and those in memory stay as they are", () => {
  const { graph } = modelOf(`g (float[1, 4, 6, 6] x) => (float[] y) { a = Conv (x, w) ${norm} }`, 6, {
    w: [6, 4, 3, 3],
  });
  const inline = initializerNamed(graph, "w");
  const before = tensorOfInitializer(inline).data.slice() as Float32Array;
  const bytes = new Uint8Array(before.slice().buffer);
  const storage = {
    kind: "external",
    location: "w",
    offset: 0,
    length: bytes.length,
    read: () => bytes.slice(),
  } as const;
  const external = new Map([...graph.initializers, ["w", { ...inline, storage }]]);
  const weightOf = (initializers: typeof graph.initializers) =>
    tensorOfInitializer(initializerNamed(foldBatchNormalization({ ...graph, initializers }).graph, "w_folded")).data;
  expect(weightOf(external)).toEqual(weightOf(graph.initializers));
  expect(weightOf(external)).not.toEqual(before);
  expect(tensorOfInitializer(inline).data).toEqual(before);
});

describe("the folded graph computes the same", () => {
  test.each([
    [
      "Conv",
      `g (float[2, 4, 6, 6] x) => (float[] y) { a = Conv <group = 2, pads = [1, 1, 1, 1]> (x, w, b) ${norm} }`,
      6,
      { w: [6, 2, 3, 3], b: [6] },
    ],
    ["Conv without bias", `g (float[2, 4, 6] x) => (float[] y) { a = Conv (x, w) ${norm} }`, 3, { w: [3, 4, 2] }],
    [
      "ConvTranspose in groups",
      `g (float[1, 4, 5, 5] x) => (float[] y) { a = ConvTranspose <group = 2, strides = [2, 2]> (x, w, b) ${norm} }`,
      6,
      { w: [4, 3, 2, 2], b: [6] },
    ],
    [
      "Gemm",
      `g (float[3, 4] x) => (float[] y) { a = Gemm <alpha = 0.5, beta = 2.0> (x, w, b) ${norm} }`,
      5,
      { w: [4, 5], b: [1, 5] },
    ],
    ["transposed Gemm", `g (float[3, 4] x) => (float[] y) { a = Gemm <transB = 1> (x, w) ${norm} }`, 5, { w: [5, 4] }],
    [
      "Gemm with a scalar bias",
      `g (float[3, 4] x) => (float[] y) { a = Gemm (x, w, b) ${norm} }`,
      5,
      { w: [4, 5], b: [1] },
    ],
  ])("%s", async (_, text, channels, weights) => {
    const model = modelOf(text, channels, weights as Record<string, number[]>);
    const { graph, folded, kept } = foldBatchNormalization(model.graph);
    expect([graph.nodes.length, folded.length, kept.length]).toEqual([1, 1, 0]);
    expect([...graph.initializers.keys()].every((name) => name.includes("_folded"))).toBe(true);
    const shape = model.graph.inputs[0].shape as number[];
    const feeds = { x: wave(shape, 0.3) };
    const [expected, got] = [await runModel(model, feeds), await runModel({ ...model, graph }, feeds)];
    expect(got.y.shape).toEqual(expected.y.shape);
    const [want, have] = [expected.y.data as Float32Array, got.y.data as Float32Array];
    const largest = Math.max(...want.map(Math.abs));
    for (let i = 0; i < want.length; i++) expect(Math.abs(have[i] - want[i])).toBeLessThan(2e-6 * largest);
  });
});

test("weights are folded in float64 and rounded once", () => {
  const graph = parseGraph(`g (float[1, 1, 1] x) => (float[] y)
    <float[1, 1, 1] w = {3}, float[1] b = {0.7}, float[1] gamma = {0.1}, float[1] beta = {0.2}, float[1] mean = {0.3},
     float[1] variance = {0.9}> { a = Conv (x, w, b)  ${norm} }`);
  const folded = foldBatchNormalization(graph).graph.initializers;
  const f = Math.fround;
  const scale = f(0.1) / Math.sqrt(f(0.9) + f(0.01));
  expect([...folded.values()].map((initializer) => tensorOfInitializer(initializer).data)).toEqual([
    Float32Array.of(scale * 3),
    Float32Array.of(scale * f(0.7) + (f(0.2) - scale * f(0.3))),
  ]);
});

test("shared weights are not touched, and the value after BatchNormalization keeps its name", () => {
  const model = modelOf(
    `g (float[1, 2, 4, 4] x) => (float[] z) {
      [first] a = Conv (x, w, b)
      y = BatchNormalization (a, gamma, beta, mean, variance)
      [second] c = Conv (y, w, b)
      z = BatchNormalization (c, gamma, beta, mean, variance)
      u = Conv (z, w, b)
    }`,
    2,
    { w: [2, 2, 1, 1], b: [2] },
  );
  const { graph, folded } = foldBatchNormalization(model.graph);
  expect(folded.length).toBe(2);
  expect(graph.nodes.map(({ name, inputs, outputs }) => [name, ...inputs, ...outputs])).toEqual([
    ["first", "x", "w_folded", "b_folded_bias", "y"],
    ["second", "y", "w_folded_1", "b_folded_bias_1", "z"],
    ["", "z", "w", "b", "u"],
  ]);
  expect(graph.initializers.get("w")).toBe(model.graph.initializers.get("w"));
  expect(graph.initializers.has("gamma")).toBe(false);
});

test.each([
  ["a = Relu (x)", [], {}, "its input comes from Relu (a)"],
  ["a = Conv (x, w)", ["a"], {}, "the value a before it is asked for"],
  ["a = Conv (x, w)  r = Relu (a)", [], {}, "the value a before it is read elsewhere too"],
  ["v = Relu (w)  a = Conv (x, v)", [], {}, "v is no initializer"],
  ["a = Conv (x, w)", [], { w: [3, 2, 1, 1] }, "it has 2 channels, its weights have 3"],
  ["a = Gemm <beta = 0.0> (x, w)", [], { w: [2, 2] }, "the Gemm before it ignores its bias"],
  ["a = Gemm (x, w, b)", [], { w: [2, 2], b: [2, 1] }, "the bias of the Gemm before it is not one number per channel"],
])("%s is left alone", (before, keep, weights, reason) => {
  const text = `g (float[1, 2, 1, 1] x) => (float[] z) { ${before} ${norm} z = Neg (y) }`;
  const { graph } = modelOf(text, 2, { w: [2, 2, 1, 1], ...weights });
  const result = foldBatchNormalization(graph, { keep });
  expect(result.graph).toBe(graph);
  expect(result.kept).toEqual([{ node: graph.nodes.find(({ outputs }) => outputs[0] === "y"), reason }]);
});

test("training mode and unknown statistics are left alone", () => {
  const base = "a = Conv (x, w) ";
  for (const [normalization, reason] of [
    ["y, m, v = BatchNormalization <training_mode = 1> (a, gamma, beta, mean, variance)", "it is in training mode"],
    ["y, m = BatchNormalization (a, gamma, beta, mean, variance)", "it updates its statistics"],
    ["y = BatchNormalization (a, gamma, beta, x, u)", "x, u are no initializer"],
  ]) {
    const { graph } = modelOf(`g (float[1, 2, 1, 1] x) => (float[] y) { ${base}${normalization} }`, 2, {
      w: [2, 2, 1, 1],
    });
    expect(foldBatchNormalization(graph).kept.map((entry) => entry.reason)).toEqual([reason]);
  }
});

test.skipIf(!existsSync(join(published, "cifar10_resnet20_bn.onnx")))(
  "a published residual network computes the same",
  async () => {
    const { model } = loadModelFile(join(published, "cifar10_resnet20_bn.onnx"));
    const inline = {
      ...model,
      graph: {
        ...model.graph,
        initializers: new Map(
          [...model.graph.initializers].map(([name, initializer]) => [
            name,
            initializerOf(tensorOfInitializer(initializer)),
          ]),
        ),
      },
    };
    const { graph, folded, kept } = foldBatchNormalization(inline.graph);
    expect([folded.length, kept.length]).toEqual([19, 0]);
    const feeds = { input: wave([1, 3, 32, 32]) };
    const [{ logits: want }, { logits: have }] = [
      await runModel(inline, feeds),
      await runModel({ ...inline, graph }, feeds),
    ];
    const difference = (want.data as Float32Array).map((value, i) => Math.abs(value - (have.data as Float32Array)[i]));
    const largest = Math.max(...(want.data as Float32Array).map(Math.abs));
    expect(Math.max(...difference)).toBeLessThan(1e-5 * largest);
  },
);
