import { describe, expect, test } from "vitest";
import { parseModel } from "../../onnx/text/parse.ts";
import { referenceRuntime } from "../../runtime/reference-runtime.ts";
import { createClassifier } from "../classifier.ts";
import { anatomyOf } from "./feature-grids.ts";

const list = (count: number): string => `{${Array(count).fill(0.1)}}`;

/** The grid of the layer called `name` of a network whose patches are made by `patches` and whose tokens by `tokens`. */
function gridAt(name: string, patches: string, tokens: string, constants = "") {
  const text = `<ir_version: 8, opset_import: ["": 18]> g (float[1,3,24,24] x) => (float[1,4] y)
    <float[4,3,8,8] k = ${list(768)}, float[4,3,7,7] o = ${list(588)}, float[4,4] w = ${list(16)}, float[4] g1 = ${list(4)}, int64[3] flat = {1, 4, -1}, int64[1] one = {1}${constants}>
    { ${patches} r = Reshape (c, flat) t = Transpose <perm = [0, 2, 1]> (r) ${tokens} m = ReduceMean <keepdims = 0> (z, one) y = MatMul (m, w) }`;
  const { layers, prepared } = createClassifier(parseModel(text), { runtime: referenceRuntime });
  const grid = anatomyOf({ layers, prepared }).grids.find(({ layer }) => layer.name === name);
  return grid && { height: grid.height, width: grid.width, tokens: grid.offset / grid.channels };
}

const tiles = "c = Conv <strides = [8, 8]> (x, k)";
const block = "n = LayerNormalization (j, g1) v = MatMul (n, w) z = Add (j, v)";

test("cells that are merged between the stages of a Swin transformer lie on a grid of half the sides", () => {
  const text = `<ir_version: 8, opset_import: ["": 18]> g (float[1,3,32,48] x) => (float[1,4] y)
    <float[4,3,8,8] k = ${list(768)}, float[16,4] w = ${list(64)}, int64[6] cut = {1, 2, 2, 3, 2, 4}, int64[4] joined = {1, 2, 3, 16}, int64[2] sides = {1, 2}, int64[3] tokens = {1, 24, 4}, int64[4] cells = {1, 4, 6, 4}>
    { c = Conv <strides = [8, 8]> (x, k) t = Transpose <perm = [0, 2, 3, 1]> (c) f = Reshape (t, tokens) l = Reshape (f, cells) a = Reshape (l, cut)
      b = Transpose <perm = [0, 1, 3, 4, 2, 5]> (a) j = Reshape (b, joined) z = MatMul (j, w) r = Relu (z)
      y = ReduceMean <keepdims = 0> (r, sides) }`;
  const { layers, prepared } = createClassifier(parseModel(text), { runtime: referenceRuntime });
  const { grids } = anatomyOf({ layers, prepared });
  const grid = grids.find(({ layer }) => layer.name === "z");
  expect(grid).toMatchObject({ height: 2, width: 3, channels: 4, channelStride: 1, cellStride: 4 });
  expect(grids.some(({ layer }) => layer.name === "a" || layer.name === "b")).toBe(false);
});

describe("tokens without a convolution lie where their patches were cut out", () => {
  /** Patches of 8 × 6 pixels of a picture of 16 × 24, cut out as einops does, and other tokens before them. */
  const gridOfPatches = (layout: "nchw" | "nhwc", others: number) => {
    const [shape, split, perm] =
      layout === "nchw"
        ? ["1,3,16,24", "1, 3, 2, 8, 4, 6", "0, 2, 4, 3, 5, 1"]
        : ["1,16,24,3", "1, 2, 8, 4, 6, 3", "0, 1, 3, 2, 4, 5"];
    const text = `<ir_version: 8, opset_import: ["": 18]> g (float[${shape}] x) => (float[1,4] y)
      <float[144,4] k = ${list(576)}, float[4,4] w = ${list(16)}, float[4] g1 = ${list(4)}, int64[6] split = {${split}},
       int64[3] flat = {1, 8, 144}, int64[1] one = {1}, float half = {0.5}, float[1,${others},4] cls = ${list(4 * others)}>
      { s = Sub (x, half) a = Reshape (s, split) b = Transpose <perm = [${perm}]> (a) p = Reshape (b, flat) t = MatMul (p, k)
        j = Concat <axis = 1> (cls, t) ${block} m = ReduceMean <keepdims = 0> (z, one) y = MatMul (m, w) }`;
    const { layers, prepared } = createClassifier(parseModel(text), { runtime: referenceRuntime });
    const grid = anatomyOf({ layers, prepared }).grids.find(({ layer }) => layer.name === "z");
    return grid && { height: grid.height, width: grid.width, tokens: grid.offset / grid.channels };
  };

  test.each([
    ["nchw", 1],
    ["nchw", 5],
    ["nhwc", 4],
  ] as const)("%s, %d other tokens", (layout, others) => {
    expect(gridOfPatches(layout, others)).toEqual({ height: 2, width: 4, tokens: others });
  });
});

describe("tokens lie on the grid of their patches", () => {
  test.each([
    [
      "no other tokens",
      tiles,
      `j = Identity (t) n = LayerNormalization (t, g1) v = MatMul (n, w) z = Add (t, v)`,
      "",
      3,
      3,
      0,
    ],
    ["a class token", tiles, `j = Concat <axis = 1> (cls, t) ${block}`, ", float[1,1,4] cls = {1,1,1,1}", 3, 3, 1],
    [
      "class, distillation and four register tokens",
      tiles,
      `j = Concat <axis = 1> (cls, t) ${block}`,
      `, float[1,6,4] cls = ${list(24)}`,
      3,
      3,
      6,
    ],
    [
      "registers behind",
      tiles,
      `j = Concat <axis = 1> (cls, t, reg) ${block}`,
      `, float[1,1,4] cls = ${list(4)}, float[1,4,4] reg = ${list(16)}`,
      3,
      3,
      1,
    ],
    [
      "as many registers as would make another square",
      tiles,
      `j = Concat <axis = 1> (cls, t) ${block}`,
      `, float[1,7,4] cls = ${list(28)}`,
      3,
      3,
      7,
    ],
    [
      "overlapping patches",
      "c = Conv <strides = [4, 4], pads = [2, 2, 2, 2]> (x, o)",
      `j = Concat <axis = 1> (cls, t) ${block}`,
      `, float[1,1,4] cls = ${list(4)}`,
      6,
      6,
      1,
    ],
    [
      "the class token taken off again",
      tiles,
      `q = Concat <axis = 1> (cls, t) j = Slice (q, one, far, one) ${block}`,
      `, float[1,1,4] cls = ${list(4)}, int64[1] far = {100}`,
      3,
      3,
      0,
    ],
  ])("%s", (_, patches, tokens, constants, height, width, offset) => {
    expect(gridAt("z", patches, tokens, constants)).toEqual({ height, width, tokens: offset });
    expect(gridAt("v", patches, tokens, constants)).toEqual({ height, width, tokens: offset });
  });

  test("what has lost cells is no grid of them", () => {
    const part = `q = Concat <axis = 1> (cls, t) j = Slice (q, one, six, one) ${block}`;
    expect(gridAt("z", tiles, part, `, float[1,1,4] cls = ${list(4)}, int64[1] six = {6}`)).toBeUndefined();
  });
});

describe("rows of the picture as tokens are no grid of squares", () => {
  test.each([
    ["rows of gray", "float[1,1,16,16] x", "t = Squeeze (x, one)", 16, { height: 16, width: 1 }],
    [
      "columns of gray",
      "float[1,1,16,16] x",
      "q = Transpose <perm = [0, 1, 3, 2]> (x) t = Squeeze (q, one)",
      16,
      { height: 1, width: 16 },
    ],
    [
      "rows of colors",
      "float[1,3,16,16] x",
      "q = Transpose <perm = [0, 2, 1, 3]> (x) t = Reshape (q, rows)",
      48,
      { height: 16, width: 1 },
    ],
  ])("%s", (_, input, tokens, columns, expected) => {
    const text = `<ir_version: 8, opset_import: ["": 18]> g (${input}) => (float[1,4] y)
      <float[${columns},4] k = ${list(4 * columns)}, int64[1] one = {1}, int64[3] rows = {1, 16, 48}>
      { ${tokens} z = MatMul (t, k) r = Relu (z) y = ReduceMean <keepdims = 0> (r, one) }`;
    const { layers, prepared } = createClassifier(parseModel(text), { runtime: referenceRuntime });
    expect(anatomyOf({ layers, prepared }).grids.find(({ layer }) => layer.name === "z")).toMatchObject(expected);
  });
});
