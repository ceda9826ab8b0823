import { describe, expect, test } from "vitest";
import { runModel, wave } from "../../../../test/run-model.ts";
import { BadInputError } from "../../../errors.ts";
import { evaluate } from "../../evaluate.ts";
import { parseModel } from "../../text/parse.ts";
import { cleanUp } from "../clean-up.ts";
import { upgradeOpset } from "./upgrade-opset.ts";

function modelOf(opset: number, graph: string) {
  return parseModel(`<ir_version: 7, opset_import: ["": ${opset}]> ${graph}`);
}

const matrix = "(float[4, 6] x) => (float[] y)";
const image = "(float[2, 3, 4, 6] x) => (float[] y)";

describe("onnxruntime computes the same before and after", () => {
  test.each([
    [
      7,
      "BatchNormalization",
      `g ${image} <float[3] s = {1, 2, -1}, float[3] b = {0, 1, 2}, float[3] m = {0.5, 0, 1}, float[3] v = {1, 2, 0.5}> { y = BatchNormalization <epsilon = 0.1> (x, s, b, m, v) }`,
    ],
    [8, "Clip with both bounds", `g ${matrix} { y = Clip <min = -0.5, max = 0.75> (x) }`],
    [10, "Clip with an upper bound", `g ${matrix} { y = Clip <max = 0.75> (x) }`],
    [7, "Clip without bounds", `g ${matrix} { y = Clip (x) }`],
    [7, "Dropout", `g ${matrix} { d = Dropout <ratio = 0.3> (x)  y = Neg (d) }`],
    [10, "Pad with a value", `g ${matrix} { y = Pad <pads = [1, 0, 2, 3], value = 1.5> (x) }`],
    [9, "Pad by reflection", `g ${matrix} { y = Pad <pads = [1, 0, 2, 3], mode = "reflect"> (x) }`],
    [9, "Slice", `g ${matrix} { y = Slice <axes = [1], starts = [-5], ends = [9223372036854775807]> (x) }`],
    [7, "Slice of all axes", `g ${matrix} { y = Slice <starts = [1, 2], ends = [3, -1]> (x) }`],
    [11, "Squeeze", "g (float[1, 4, 1] x) => (float[] y) { y = Squeeze <axes = [0]> (x) }"],
    [12, "Squeeze of all axes", "g (float[1, 4, 1] x) => (float[] y) { y = Squeeze (x) }"],
    [12, "Unsqueeze", `g ${matrix} { y = Unsqueeze <axes = [0, 3]> (x) }`],
    [12, "Split by sizes", `g ${matrix} { a, y = Split <axis = 1, split = [2, 4]> (x) }`],
    [13, "Split equally", `g ${matrix} { a, y = Split <axis = 1> (x) }`],
    [11, "Split equally, long ago", `g ${matrix} { a, y = Split (x) }`],
    [9, "TopK", "g (float[4, 6] x) => (float[] y, int64[] i) { y, i = TopK <k = 3, axis = 0> (x) }"],
    [
      10,
      "TopK with k as input",
      "g (float[4, 6] x) => (float[] y, int64[] i) <int64[1] k = {2}> { y, i = TopK (x, k) }",
    ],
    [9, "Scatter", `g ${matrix} <int64[1, 2] i = {2, 0}, float[1, 2] u = {7, 8}> { y = Scatter <axis = 0> (x, i, u) }`],
    [12, "Softmax of a matrix", `g ${matrix} { y = Softmax (x) }`],
    [11, "Softmax over all but the first axis", `g ${image} { y = Softmax (x) }`],
    [9, "LogSoftmax over the last two axes", `g ${image} { y = LogSoftmax <axis = 2> (x) }`],
    [12, "Hardmax over everything", `g ${matrix} { y = Hardmax <axis = 0> (x) }`],
    [12, "Softmax with a negative axis", `g ${image} { y = Softmax <axis = -2> (x) }`],
    [12, "Softmax over the last axis", `g ${image} { y = Softmax <axis = 3> (x) }`],
    [12, "Softmax before extents of one", "g (float[2, 5, 1, 1] x) => (float[] y) { y = Softmax <axis = 1> (x) }"],
    [7, "Upsample by attribute", `g ${image} { y = Upsample <scales = [1.0, 1.0, 2.0, 3.0]> (x) }`],
    [9, "Upsample by input", `g ${image} <float[4] s = {1, 1, 2, 1.5}> { y = Upsample <mode = "nearest"> (x, s) }`],
    [9, "linear Upsample", `g ${image} <float[4] s = {1, 1, 2, 3}> { y = Upsample <mode = "linear"> (x, s) }`],
    [10, "Resize that enlarges", `g ${image} <float[4] s = {1, 1, 2.5, 2}> { y = Resize (x, s) }`],
    [10, "Resize that shrinks", `g ${image} <float[4] s = {1, 1, 0.6, 0.7}> { y = Resize (x, s) }`],
    [10, "linear Resize", `g ${image} <float[4] s = {1, 1, 0.5, 2}> { y = Resize <mode = "linear"> (x, s) }`],
    ...["L1", "L2", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare"].map(
      (name): [number, string, string] => [
        11,
        `Reduce${name}`,
        `g ${image} { y = Reduce${name} <axes = [1, -1], keepdims = 0> (x) }`,
      ],
    ),
    [12, "ReduceMean over everything", `g ${image} { y = ReduceMean (x) }`],
    [13, "ReduceSum with axes as input", `g ${image} <int64[1] a = {1}> { y = ReduceSum (x, a) }`],
    [
      15,
      "RoiAlign",
      `g ${image} <float[1, 4] r = {0, 0, 3, 3}, int64[1] b = {1}> { y = RoiAlign <output_height = 2, output_width = 2> (x, r, b) }`,
    ],
    [
      7,
      "MaxPool and AveragePool",
      `g ${image} { a = MaxPool <kernel_shape = [2, 2]> (x)  y = AveragePool <kernel_shape = [2, 2]> (a) }`,
    ],
    [
      11,
      "an inner graph",
      `g ${matrix} <bool c = {1}> { y = If <then_branch = t () => (float[] a) { a = Softmax <axis = 0> (x) }, else_branch = e () => (float[] b) { b = Unsqueeze <axes = [0]> (x) }> (c) }`,
    ],
  ])("opset %i: %s", async (opset, _, graph) => {
    const model = modelOf(opset, graph);
    const upgraded = upgradeOpset(model);
    expect([...upgraded.opsets]).toEqual([["", 18]]);
    expect(upgraded.irVersion).toBe(8);
    const feeds = { x: wave(model.graph.inputs[0].shape as number[], 0.2) };
    const expected = await runModel(model, feeds);
    expect(await runModel(upgraded, feeds)).toEqual(expected);
    expect(await runModel({ ...upgraded, graph: cleanUp(upgraded.graph) }, feeds)).toEqual(expected);
  });
});

test("a node keeps its name, and Softmax after a matrix product stays one node", () => {
  const model = modelOf(12, `g (float[2, 3, 4, 4] x) => (float[] y) <float[5, 3] w> {
    a = GlobalAveragePool (x)
    [probabilities] p = Softmax <axis = 1> (a)
    f = Flatten (p)
    z = Gemm <transB = 1> (f, w)
    d = Dropout (z)
    [last] y = Softmax (d)
  }`); // biome-ignore format: as text
  expect(upgradeOpset(model).graph.nodes.map(({ opType, name }) => [opType, name])).toEqual([
    ["GlobalAveragePool", ""],
    ["Softmax", "probabilities"],
    ["Flatten", ""],
    ["Gemm", ""],
    ["Dropout", ""],
    ["Softmax", "last"],
  ]);
});

test("models of the canonical version or a newer one are left as they are", () => {
  for (const opset of [18, 21]) {
    const model = modelOf(opset, `g ${matrix} { y = Relu (x) }`);
    expect(upgradeOpset(model)).toBe(model);
  }
  expect(upgradeOpset(modelOf(18, `g ${matrix} { y = Relu (x) }`), { target: 20 }).opsets).toEqual(new Map([["", 20]]));
});

test("operators of other domains are not touched", () => {
  const model = parseModel(`<ir_version: 7, opset_import: ["": 7, "com.example": 1]>
    g ${matrix} { y = com.example.Clip <min = 0.0> (x) }`);
  expect(upgradeOpset(model).graph.nodes).toEqual(model.graph.nodes);
  expect(upgradeOpset(model).opsets).toEqual(new Map([["", 18], ["com.example", 1]])); // biome-ignore format: short
});

test("a model of other domains alone imports the standard one, for what its operators are written in", () => {
  const model = parseModel(`<ir_version: 3, opset_import: ["com.example": 1]> g ${matrix} { y = com.example.Op (x) }`);
  const opsets = new Map([["com.example", 1], ["", 18]]); // biome-ignore format: short
  expect(upgradeOpset(model)).toEqual({ ...model, irVersion: 8, opsets });
});

describe("the sets before version 7", () => {
  const run = (version: number, text: string, x: readonly number[], shape: readonly number[]) => {
    const graph = cleanUp(upgradeOpset(modelOf(version, text)).graph);
    return Array.from(evaluate(graph, { x: { dtype: "float32", shape, data: Float64Array.from(x) } }).y.data);
  };
  const four = Array.from({ length: 8 }, (_, i) => i);
  test.each([
    [
      "broadcasting along an axis",
      6,
      "g (float[1,2,2,2] x) => (float[1,2,2,2] y) <float[2] b = {10, 20}> { y = Add <broadcast = 1, axis = 1> (x, b) }",
      [10, 11, 12, 13, 24, 25, 26, 27],
    ],
    [
      "broadcasting from behind",
      6,
      "g (float[1,2,2,2] x) => (float[1,2,2,2] y) <float[2] b = {10, 20}> { y = Sub <broadcast = 1> (x, b) }",
      [-10, -19, -8, -17, -6, -15, -4, -13],
    ],
    ["a shape as an attribute", 1, "g (float[1,2,2,2] x) => (float[2,4] y) { y = Reshape <shape = [2, 4]> (x) }", four],
    [
      "results in place",
      1,
      "g (float[1,2,2,2] x) => (float[1,2,2,2] y) { y = Relu <consumed_inputs = [0]> (x) }",
      four,
    ],
    [
      "slopes for each channel",
      6,
      "g (float[1,2,2,2] x) => (float[1,2,2,2] y) <float[2] s = {2, 3}> { n = Neg (x) y = PRelu (n, s) }",
      [0, -2, -4, -6, -12, -15, -18, -21],
    ],
    [
      "a scaled image",
      7,
      "g (float[1,2,2,2] x) => (float[1,2,2,2] y) { y = ImageScaler <scale = 2.0, bias = [1.0, -1.0]> (x) }",
      [1, 3, 5, 7, 7, 9, 11, 13],
    ],
    ["channels joined", 3, "g (float[1,2,2,2] x) => (float[1,4,2,2] y) { y = Concat (x, x) }", [...four, ...four]],
    [
      "inference",
      6,
      "g (float[1,2,2,2] x) => (float[1,2,2,2] y) <float[2] o = {1, 1}, float[2] z = {0, 1}> { y = BatchNormalization <is_test = 1, epsilon = 0.0, spatial = 1> (x, o, z, z, o) }",
      [0, 1, 2, 3, 4, 5, 6, 7],
    ],
    [
      "named types",
      5,
      'g (float[1,2,2,2] x) => (float[1,2,2,2] y) { i = Cast <to = "INT32"> (x) y = Cast <to = "FLOAT"> (i) }',
      four,
    ],
    [
      "padding",
      1,
      "g (float[1,2,2,2] x) => (float[1,2,2,3] y) { y = Pad <paddings = [0, 0, 0, 0, 0, 0, 0, 1]> (x) }",
      [0, 1, 0, 2, 3, 0, 4, 5, 0, 6, 7, 0],
    ],
    [
      "enlarging",
      1,
      "g (float[1,2,1,2] x) => (float[1,2,2,2] y) { y = Upsample <height_scale = 2.0, width_scale = 1.0> (x) }",
      [0, 1, 0, 1, 2, 3, 2, 3],
    ],
  ])("%s", (_, version, text, wanted) => {
    const isSmall = text.includes("x) => (float[1,2,2,2] y) { y = Upsample");
    const shape = isSmall ? [1, 2, 1, 2] : [1, 2, 2, 2];
    expect(
      run(version, text, four.slice(0, isSmall ? 4 : 8), shape).map((value) => Math.round(value * 1e6) / 1e6 + 0),
    ).toEqual(wanted);
  });
});

test("a BatchNormalization with further outputs is in training mode", () => {
  const { graph } = upgradeOpset(
    modelOf(9, `g ${image} { y, n, w, a, b = BatchNormalization <epsilon = 0.1> (x, s, b, m, v) }`),
  );
  expect(graph.nodes).toMatchObject([{ outputs: ["y", "n", "w"], attributes: { training_mode: { value: 1 } } }]);
});

test("what cannot be upgraded is said", () => {
  const none = parseModel(`<ir_version: 7, opset_import: ["com.example": 1]>
    g ${matrix} { h = com.example.Op (x)  y = Relu (h) }`);
  expect(() => upgradeOpset(none)).toThrow(BadInputError);
  const normalization = (outputs: string, attributes: string) =>
    modelOf(7, `g ${image} { ${outputs} = BatchNormalization <${attributes}> (x, s, b, m, v) }`);
  expect(() => upgradeOpset(normalization("y", "spatial = 0"))).toThrow("statistics per activation");
  const mixed = modelOf(10, `g ${image} <float[4] s = {1, 1, 2, 0.5}> { y = Resize (x, s) }`);
  expect(() => upgradeOpset(mixed)).toThrow("enlarges one axis and shrinks another");
});
