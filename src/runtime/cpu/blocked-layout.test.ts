import fc from "fast-check";
import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { differentiate } from "../../autodiff/differentiate.ts";
import { evaluate } from "../../onnx/evaluate.ts";
import { inferShapes } from "../../onnx/infer-shapes.ts";
import type { Graph } from "../../onnx/model.ts";
import { numeric } from "../../onnx/numeric-tensor.ts";
import { parseGraph } from "../../onnx/text/parse.ts";
import { floatTensor, sizeOf } from "../../tensor/tensor.ts";
import { createSession, modelOf } from "../session.ts";
import { blockedLayout } from "./blocked-layout.ts";
import { splitConvolutions } from "./split-convolutions.ts";

/** Small whole numbers: ties are frequent, and every sum is exact in float32. */
const whole = (count: number, seed: number): number[] =>
  Array.from({ length: count }, (_, i) => Math.round(2.4 * Math.sin(12.9898 * (i + 1) + 78.233 * seed)));

const arranged = (graph: Graph): Graph => blockedLayout(inferShapes(splitConvolutions(inferShapes(graph))));

function feedsOf(graph: Graph) {
  return Object.fromEntries(
    graph.inputs.map(({ name, shape }, i) => {
      const extents = shape as readonly number[];
      return [name, floatTensor(whole(sizeOf(extents), i + 0.5), extents)];
    }),
  );
}

/** All outputs in float64, with one kind of zero. */
function valuesOf(graph: Graph): Record<string, number[]> {
  const feeds = Object.entries(feedsOf(graph)).map(([name, tensor]) => [name, numeric(tensor)]);
  const results = Object.entries(evaluate(graph, Object.fromEntries(feeds)));
  return Object.fromEntries(results.map(([name, { data }]) => [name, Array.from(data, (value) => value + 0)]));
}

const operators = (graph: Graph): Set<string> => new Set(graph.nodes.map((node) => node.opType));

/** Mostly zeros, so that deep networks of whole numbers stay within what float32 holds exactly. */
const sparse = (count: number, seed: number): number[] =>
  whole(count, seed).map((value, i) => ((i * 5) % 7 === 0 ? value : 0));

/** The gradient of a network: a convolution to a [1, 16, …], `body` from there to y [1, `channels`, …], a convolution of that. */
function gradientOf(body: string, channels = 16, { more = "" } = {}): Graph {
  const weight = (name: string, shape: readonly number[], seed: number): string =>
    `float[${shape.join(", ")}] ${name} = {${sparse(sizeOf(shape), seed).join(", ")}}`;
  return differentiate(
    parseGraph(`
      net (float[1, 16, 9, 9] x) => (float[] z)
      <${weight("V", [16, 16, 3, 3], 1)}, ${weight("W", [16, channels, 1, 1], 2)}, ${weight("U", [16, 16, 1, 1], 3)},
       ${weight("S", [16, 32, 1, 1], 4)}, float low = {0}, float high = {6}${more}>
      { a = Conv <pads = [1, 1, 1, 1]> (x, V)  ${body}  z = Conv (y, W) }
    `),
  );
}

describe("the values stay, the operators outside of the layout go", () => {
  test.each([
    ["ReLU", "y = Relu (a)", ["Where", "Greater"]],
    ["LeakyReLU", "y = LeakyRelu <alpha = 0.25> (a)", ["Where", "Greater"]],
    ["ReLU6", "y = Clip (a, low, high)", ["Where", "Greater", "Less"]],
    ["max pooling", "y = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (a)", ["Less", "Cast"]],
    [
      "overlapping max pooling",
      "r = Relu (a) y = MaxPool <kernel_shape = [3, 3], strides = [2, 2]> (r)",
      ["Where", "Less", "Cast"],
    ],
    [
      "padded max pooling",
      "y = MaxPool <kernel_shape = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1]> (a)",
      ["Less", "Cast", "Sub"],
    ],
    ["SiLU", "s = Sigmoid (a) y = Mul (a, s)", ["Sub"]],
    ["a difference", "b = Relu (a) c = Conv (b, U) y = Sub (b, c)", ["Sub", "Where"]],
  ])("%s", (_, body, gone) => {
    const graph = gradientOf(body);
    const result = arranged(graph);
    expect(valuesOf(result)).toEqual(valuesOf(graph));
    expect(gone.filter((name) => operators(graph).has(name))).not.toEqual([]);
    expect(gone.filter((name) => operators(result).has(name))).toEqual([]);
    expect(result.inputs).toEqual(graph.inputs);
    expect(result.outputs).toEqual(graph.outputs);
  });

  test("a product with one number is a convolution, where the layout goes on", () => {
    const isByNumber = ({ opType, inputs }: Graph["nodes"][number], { initializers }: Graph): boolean =>
      opType === "Mul" && inputs.some((name) => initializers.get(name)?.shape.every((extent) => extent === 1));
    const graph = gradientOf("h = HardSigmoid <alpha = 0.25, beta = 0.5> (a) y = Mul (a, h)");
    const result = arranged(graph);
    expect(graph.nodes.some((node) => isByNumber(node, graph))).toBe(true);
    expect(result.nodes.some((node) => isByNumber(node, result))).toBe(false);
    expect(valuesOf(result)).toEqual(valuesOf(graph));
  });

  test("what cuts off little along one axis is a Split, which has all threads; other Slices stay", () => {
    const sliced = (bounds: string) =>
      parseGraph(`
        g (float[2, 3, 4, 8] x) => (float[] y)
        <int64[1] from = {${bounds.split(" ")[0]}}, int64[1] to = {${bounds.split(" ")[1]}}, int64[1] axis = {3}, int64[1] step = {${bounds.split(" ")[2] ?? 1}}>
        { y = Slice (x, from, to, axis, step) }
      `);
    for (const [bounds, operator] of [
      ["0 7", "Split"],
      ["1 8", "Split"],
      ["1 -1", "Split"],
      ["3 8", "Slice"],
      ["0 8 2", "Slice"],
    ]) {
      const graph = sliced(bounds);
      const result = arranged(graph);
      expect([...operators(result)], bounds).toEqual([operator]);
      expect(valuesOf(result), bounds).toEqual(valuesOf(graph));
      expect([...operators(blockedLayout(inferShapes(graph), 12))], bounds).toEqual(["Slice"]);
    }
  });

  test("the mask of an output is made outside of the layout where the cotangent is", () => {
    const graph = parseGraph(`
      g (float[1, 16, 5, 5] x, float[1, 16, 5, 5] dy) => (float[] y, float[] dx)
      <float[16, 16, 1, 1] V = {${sparse(256, 1).join(", ")}}, float zero = {0}>
      { a = Conv (x, V)  y = Relu (a)  above = Greater (y, zero)  dx = Where (above, dy, zero) }
    `);
    const result = arranged(graph);
    expect(result.nodes.map(({ opType }) => opType)).toEqual(["Conv", "Relu", "Reshape", "HardSigmoid", "Mul"]);
    expect(valuesOf(result)).toEqual(valuesOf(graph));
  });

  test("what was concatenated is split before its convolution", () => {
    const graph = gradientOf("b = Relu (a) c = Conv (b, U) d = Add (b, c) y = Concat <axis = 1> (d, c)", 32);
    const result = arranged(graph);
    expect(operators(graph)).toContain("Split");
    expect(operators(result)).not.toContain("Split");
    expect(valuesOf(result)).toEqual(valuesOf(graph));
  });
});

test("max pooling behind a padding of its own, filled with −∞", async () => {
  const graph = gradientOf("p = Pad (a, around, least) y = MaxPool <kernel_shape = [3, 3], strides = [2, 2]> (p)", 16, {
    more: ", int64[8] around = {0, 0, 1, 1, 0, 0, 0, 0}, float least = {-inf}",
  });
  const expected = valuesOf(graph);
  expect(valuesOf(arranged(graph))).toEqual(expected);
  for (const values of Object.values(expected)) expect(values.every(Number.isFinite)).toBe(true);
  const session = await createSession(modelOf(graph), { runtime: ort, threads: 1, blocked: true });
  const results = await session.run(feedsOf(graph));
  await session.dispose();
  for (const [name, { data }] of Object.entries(results)) {
    expect(Array.from(data as Float32Array, (value) => value + 0)).toEqual(expected[name]);
  }
});

test("a step is a step at the least normal differences, and a masked infinity is NaN", () => {
  const graph = parseGraph(`
    net (float[1, 16, 1, 1] x, float[1, 16, 1, 1] v) => (float[1, 16, 1, 1] y)
    <float[16, 1, 1, 1] ones = {${new Array(16).fill(1).join(", ")}}, float zero = {0}>
    { c = Conv <group = 16> (x, ones) w = Greater (c, zero) y = Where (w, v, zero) }
  `);
  const result = arranged(graph);
  expect([...operators(result)].toSorted()).toEqual(["Conv", "HardSigmoid", "Mul"]);
  const xs = [2 ** -126, -(2 ** -126), 3e38, -3e38, 0, -0, 1, -1];
  const [x, v] = [
    numeric(floatTensor([...xs, ...xs], [1, 16, 1, 1])),
    numeric(floatTensor([...new Array(8).fill(5), ...new Array(8).fill(Infinity)], [1, 16, 1, 1])),
  ];
  const { y } = evaluate(result, { x, v });
  expect(Array.from(y.data, (value) => value + 0)).toEqual([
    ...[5, 0, 5, 0, 0, 0, 5, 0],
    ...[Infinity, Number.NaN, Infinity, Number.NaN, Number.NaN, Number.NaN, Infinity, Number.NaN],
  ]);
});

/** One layer from value `from` to value `to`, both of 16 channels. */
const layers: readonly ((from: string, to: string) => string)[] = [
  (from, to) => `${to} = Relu (${from})`,
  (from, to) => `${to} = LeakyRelu <alpha = 0.5> (${from})`,
  (from, to) => `${to} = Clip (${from}, low, high)`,
  (from, to) => `${to} = Conv (${from}, U)`,
  (from, to) => `${to} = MaxPool <kernel_shape = [2, 2], strides = [2, 2], pads = [0, 0, 1, 1]> (${from})`,
  (from, to) => `${to} = MaxPool <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]> (${from})`,
  (from, to) => `${to} = MaxPool <kernel_shape = [3, 2], strides = [1, 2], pads = [1, 0, 1, 1]> (${from})`,
  (from, to) => `${to} = AveragePool <kernel_shape = [2, 2], pads = [0, 0, 1, 1], count_include_pad = 1> (${from})`,
  (from, to) => `${to}b = Relu (${from}) ${to}c = Conv (${to}b, U) ${to} = Add (${to}b, ${to}c)`,
  (from, to) => `${to}b = Relu (${from}) ${to}c = Conv (${to}b, U) ${to} = Sub (${to}c, ${from})`,
  (from, to) => `${to}b = Conv (${from}, U) ${to}c = Relu (${to}b) ${to}d = Relu (${from})
                 ${to}e = Concat <axis = 1> (${to}d, ${to}c) ${to} = Conv (${to}e, S)`,
];

test("on random networks nothing changes, in float64 and in onnxruntime", async () => {
  const network = fc.array(fc.constantFrom(...layers), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(network, async (chosen) => {
      const names = ["a", ...chosen.slice(1).map((_, i) => `h${i}`), "y"];
      const graph = gradientOf(chosen.map((layer, i) => layer(names[i], names[i + 1])).join("\n"));
      const expected = valuesOf(graph);
      expect(valuesOf(arranged(graph))).toEqual(expected);
      const session = await createSession(modelOf(graph), { runtime: ort, threads: 1, blocked: true });
      const results = await session.run(feedsOf(graph));
      await session.dispose();
      for (const [name, { data }] of Object.entries(results)) {
        expect(Array.from(data as Float32Array, (value) => value + 0)).toEqual(expected[name]);
      }
    }),
    { numRuns: 15 },
  );
});

test("what is added has no name that a node of the graph has, be the node's output called otherwise", () => {
  const graph = gradientOf("y = Relu (a)");
  const added = arranged(graph).nodes.map(({ name }) => name.replace(/^.*\//, ""));
  for (const name of ["HardSigmoid", "Conv"]) {
    expect(added).toContain(name);
    const last = graph.nodes.length - 1;
    const nodes = graph.nodes.map((node, i) => ({ ...node, name: i === last ? name : `node ${i}` }));
    const names = arranged({ ...graph, nodes }).nodes.map((node) => node.name);
    expect(new Set(names).size).toBe(names.length);
  }
});
