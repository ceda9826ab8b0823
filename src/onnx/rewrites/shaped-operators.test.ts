import { describe, expect, test } from "vitest";
import { expectGradient, expectUnfolded, unfoldedGraph } from "../../../test/expect-unfolded.ts";
import { runModel, wave } from "../../../test/run-model.ts";
import { BadInputError, UnsupportedError } from "../../errors.ts";
import { type Tensor, tensorOf } from "../../tensor/tensor.ts";
import { evaluate } from "../evaluate.ts";
import type { Model } from "../model.ts";
import { numeric } from "../numeric-tensor.ts";
import { parseModel } from "../text/parse.ts";

/** A model of one call, `y = …`, on the inputs that `feeds` has. */
function model(
  feeds: Readonly<Record<string, Tensor>>,
  call: string,
  options: { opset?: number; rank?: number; initializers?: string } = {},
): Model {
  const { opset = 20, rank = 3, initializers } = options;
  const types: Readonly<Record<string, string>> = { float32: "float" };
  const inputs = Object.entries(feeds).map(([name, { dtype, shape }]) => `${types[dtype] ?? dtype}[${shape}] ${name}`);
  const axes = ["A", "B", "C", "D", "E"].slice(0, rank);
  return parseModel(
    `<ir_version: 9, opset_import: ["": ${opset}, "com.microsoft": 1]> g (${inputs}) => (float[${axes}] y) ${initializers === undefined ? "" : `<${initializers}>`} { y = ${call} }`,
  );
}

describe("AffineGrid", () => {
  test.each([
    ["of pictures", [2, 2, 3], "2, 3, 4, 5", 0],
    ["of pictures, to the corners", [2, 2, 3], "2, 3, 4, 5", 1],
    ["of volumes", [2, 3, 4], "2, 1, 2, 3, 4", 0],
    ["of volumes, to the corners", [1, 3, 4], "1, 1, 2, 3, 4", 1],
  ] as const)("%s", async (_, shape, size, corners) => {
    const feeds = { theta: wave(shape) };
    const count = size.split(",").length;
    const call = `AffineGrid <align_corners = ${corners}> (theta, size)`;
    const one = model(feeds, call, { rank: count, initializers: `int64[${count}] size = {${size}}` });
    expectGradient(await expectUnfolded(one, feeds), feeds, "theta");
  });

  test("to the corners, the only sample along an axis lies at −1", () => {
    const feeds = { theta: tensorOf("float32", [1, 2, 3, 4, 5, 6], [1, 2, 3]) };
    const initializers = "int64[4] size = {1, 3, 1, 2}";
    const one = model(feeds, "AffineGrid <align_corners = 1> (theta, size)", { rank: 4, initializers });
    const { y } = evaluate(unfoldedGraph(one, feeds), { theta: numeric(feeds.theta) });
    expect(y.shape).toEqual([1, 1, 2, 2]);
    expect([...y.data]).toEqual([-1 - 2 + 3, -4 - 5 + 6, 1 - 2 + 3, 4 - 5 + 6]);
  });

  test("for any batch: the size's own is not written into the graph", () => {
    const theta = wave([3, 2, 3]);
    const one = model({ theta }, "AffineGrid (theta, size)", { rank: 4, initializers: "int64[4] size = {1, 3, 4, 5}" });
    const { nodes } = unfoldedGraph(one, { theta });
    expect(nodes.map(({ opType }) => opType)).toEqual(["Transpose", "MatMul", "Reshape"]);
  });

  test("a matrix that does not fit the size is refused", () => {
    const feeds = { theta: wave([1, 3, 4]) };
    const one = model(feeds, "AffineGrid (theta, size)", { rank: 4, initializers: "int64[4] size = {1, 3, 4, 5}" });
    expect(() => unfoldedGraph(one, feeds)).toThrow(BadInputError);
    expect(() => unfoldedGraph(one, feeds)).toThrow(/θ \[N, 2, 3\] with a size of 4.*got \[1, 3, 4\]/);
  });
});

describe("Col2Im", () => {
  test.each([
    ["of blocks side by side", "6, 4", "3, 2", "strides = [3, 2]", 4],
    [
      "of blocks that overlap, with gaps in them and padding",
      "5, 6",
      "2, 3",
      "strides = [2, 1], dilations = [2, 1], pads = [1, 0, 0, 1]",
      10,
    ],
    ["with rows that no block reaches", "7, 5", "2, 2", "strides = [3, 2]", 4],
    ["along one axis, at each place", "7", "3", "", 5],
  ] as const)("%s", async (_, image, block, attributes, positions) => {
    const size = block.split(",").reduce((product, extent) => product * Number(extent), 1);
    const feeds = { x: wave([2, 2 * size, positions]) };
    const rank = image.split(",").length;
    const initializers = `int64[${rank}] image = {${image}}, int64[${rank}] block = {${block}}`;
    const call = `Col2Im ${attributes === "" ? "" : `<${attributes}> `}(x, image, block)`;
    expectGradient(await expectUnfolded(model(feeds, call, { rank: rank + 2, initializers }), feeds), feeds, "x");
  });

  test("columns that do not fit the picture are refused", () => {
    const feeds = { x: wave([1, 8, 5]) };
    const initializers = "int64[2] image = {4, 4}, int64[2] block = {2, 2}";
    const call = "Col2Im <strides = [2, 2]> (x, image, block)";
    expect(() => unfoldedGraph(model(feeds, call, { rank: 4, initializers }), feeds)).toThrow(
      /expected \[batch, channels · block, positions of the block\], got \[1, 8, 5\], \[4, 4\], \[2, 2\]/,
    );
  });
});

describe("RotaryEmbedding", () => {
  const [batch, heads, positions, size] = [2, 3, 4, 8];
  const angles = (features: number, ...shape: number[]): Record<string, Tensor> => ({
    cos: wave([...shape, features], 0.4),
    sin: wave([...shape, features], 1.3),
  });
  const ids = tensorOf("int64", [0, 1, 2, 3, 5, 4, 0, 2], [batch, positions]);
  test.each([
    ["with a head axis", [batch, heads, positions, size], angles(4, batch, positions), ""],
    [
      "with heads beside one another",
      [batch, positions, heads * size],
      angles(4, batch, positions),
      `num_heads = ${heads}`,
    ],
    ["interleaved", [batch, heads, positions, size], angles(4, batch, positions), "interleaved = 1"],
    [
      "of a part of each head",
      [batch, heads, positions, size],
      angles(2, batch, positions),
      "rotary_embedding_dim = 4",
    ],
    [
      "of a part of each head, interleaved, beside one another",
      [batch, positions, heads * size],
      angles(3, batch, positions),
      `rotary_embedding_dim = 6, interleaved = 1, num_heads = ${heads}`,
    ],
    ["with positions", [batch, heads, positions, size], { ...angles(4, 6), ids }, ""],
  ] as const)("%s", async (_, shape, given, attributes) => {
    const feeds: Record<string, Tensor> = { x: wave(shape, 0.1), ...given };
    const list = attributes === "" ? "" : `<${attributes}>`;
    const one = model(feeds, `RotaryEmbedding ${list} (${Object.keys(feeds)})`, { opset: 23, rank: shape.length });
    expectGradient(await expectUnfolded(one, feeds), feeds, "x");
  });
});

describe("DequantizeLinear in blocks", () => {
  test.each([
    ["along the last axis", "axis = -1, block_size = 4", [3, 2], true],
    ["along the first axis, the last block cut short", "axis = 0, block_size = 2", [2, 8], true],
    ["without zero points", "axis = 1, block_size = 2", [3, 4], false],
  ] as const)("%s", async (_, attributes, shape, hasZero) => {
    const x = tensorOf(
      "int8",
      Array.from({ length: 24 }, (_, i) => ((i * 97) % 256) - 128),
      [3, 8],
    );
    const count = shape[0] * shape[1];
    const scale = tensorOf(
      "float32",
      Array.from({ length: count }, (_, i) => 0.01 + 0.003 * i),
      shape,
    );
    const zero = tensorOf(
      "int8",
      Array.from({ length: count }, (_, i) => i - 4),
      shape,
    );
    const feeds: Record<string, Tensor> = hasZero ? { x, scale, zero } : { x, scale };
    const one = model(feeds, `DequantizeLinear <${attributes}> (${Object.keys(feeds)})`, { opset: 21, rank: 2 });
    expectGradient(await expectUnfolded(one, feeds), feeds, "scale");
  });

  test("parameters that do not fit are refused", () => {
    const feeds = { x: tensorOf("int8", [1, 2, 3, 4], [1, 4]), scale: wave([1, 3]) };
    const one = model(feeds, "DequantizeLinear <axis = 1, block_size = 2> (x, scale)", { opset: 21, rank: 2 });
    expect(() => unfoldedGraph(one, feeds)).toThrow(/a scale for each 2 elements along axis 1.*got \[1, 4\], \[1, 3\]/);
  });
});

describe("Attention of onnxruntime", () => {
  const x = wave([2, 4, 6], 0.2);
  const weights = wave([6, 18], 0.7);
  const b = wave([18], 1.4);
  test.each([
    ["", { x, weights, b }, "num_heads = 2", ""],
    ["causal, with a scale", { x, weights, b }, "num_heads = 3, unidirectional = 1, scale = 0.3", ""],
    ["with a mask", { x, weights, b, m: tensorOf("int32", [1, 1, 1, 0, 1, 0, 1, 1], [2, 4]) }, "num_heads = 2", ""],
    ["with a bias of scores", { x, weights, b, s: wave([1, 2, 4, 4], 0.5) }, "num_heads = 2", '"", "", '],
    [
      "with values of their own size",
      { x, weights: wave([6, 20], 0.7), b: wave([20]) },
      "num_heads = 2, qkv_hidden_sizes = [6, 6, 8]",
      "",
    ],
  ] as const)("%s", async (_, feeds: Record<string, Tensor>, attributes, skipped) => {
    const { s, ...rest } = feeds;
    const inputs = [...Object.keys(rest), ...(s === undefined ? [] : [`${skipped}s`])];
    const one = model(feeds, `com.microsoft.Attention <${attributes}> (${inputs})`);
    expectGradient(await expectUnfolded(one, feeds), feeds, "x");
  });

  test("a past is refused in words", () => {
    const feeds = { x, weights, b, p: wave([2, 2, 2, 1, 3]) };
    const one = model(feeds, 'com.microsoft.Attention <num_heads = 2> (x, weights, b, "", p)');
    expect(() => unfoldedGraph(one, feeds)).toThrow(UnsupportedError);
    expect(() => unfoldedGraph(one, feeds)).toThrow(/caches of keys and values are not supported/);
  });
});

describe("MultiHeadAttention of onnxruntime", () => {
  const [q, k, v] = [wave([2, 4, 6], 0.2), wave([2, 5, 6], 0.9), wave([2, 5, 8], 1.9)];
  const none = '""';
  test.each([
    ["", { q, k, v }, ["q", "k", "v"], ""],
    ["with a bias", { q, k, v, b: wave([20], 0.4) }, ["q", "k", "v", "b"], ""],
    ["with a scale", { q, k, v }, ["q", "k", "v"], ", scale = 0.2"],
    ["causal", { q, k: wave([2, 4, 6], 0.9), v: wave([2, 4, 6], 1.9) }, ["q", "k", "v"], ", unidirectional = 1"],
    [
      "with a mask of the keys",
      { q, k, v, m: tensorOf("int32", [1, 1, 0, 1, 1, 0, 1, 1, 1, 0], [2, 5]) },
      ["q", "k", "v", none, "m"],
      "",
    ],
    ["with a bias of scores", { q, k, v, s: wave([2, 2, 4, 5]) }, ["q", "k", "v", none, none, "s"], ""],
    ["with heads of keys and values", { q, k: wave([2, 2, 5, 3]), v: wave([2, 2, 5, 3], 0.8) }, ["q", "k", "v"], ""],
  ] as const)("%s", async (_, feeds: Record<string, Tensor>, inputs, attributes) => {
    const one = model(feeds, `com.microsoft.MultiHeadAttention <num_heads = 2${attributes}> (${inputs})`);
    expectGradient(await expectUnfolded(one, feeds), feeds, "q");
  });

  /** Part `index` of [batch, positions, heads, parts, size], as [batch, positions, heads · size]. */
  function part({ shape, data }: Tensor, index: number): Tensor {
    const [batch, positions, heads, parts, size] = shape;
    const values = Array.from({ length: batch * positions * heads * size }, (_, i) => {
      const [head, c] = [Math.floor(i / size), i % size];
      return Number((data as Float32Array)[(head * parts + index) * size + c]);
    });
    return tensorOf("float32", values, [batch, positions, heads * size]);
  }

  test.each([
    ["all packed", { q: wave([2, 4, 2, 3, 3], 0.3) }, 0],
    ["keys and values packed", { q, k: wave([2, 5, 2, 2, 3], 0.3) }, 1],
  ] as const)("%s: as when they are given one by one", async (_, feeds: Record<string, Tensor>, source) => {
    const packed = feeds[["q", "k"][source]];
    const one = model(feeds, `com.microsoft.MultiHeadAttention <num_heads = 2> (${Object.keys(feeds)})`);
    const parts =
      source === 0 ? [part(packed, 0), part(packed, 1), part(packed, 2)] : [q, part(packed, 0), part(packed, 1)];
    const single = { q: parts[0], k: parts[1], v: parts[2] };
    const made = model(single, "com.microsoft.MultiHeadAttention <num_heads = 2> (q, k, v)");
    expectGradient(await expectUnfolded(one, feeds, await runModel(made, single)), feeds, "q");
  });
});

describe("operators with channels last, which onnxruntime has on other devices only: as what they were made from", () => {
  const x = wave([2, 5, 4, 6], 0.2);
  const toPlanes = "p = Transpose <perm = [0, 3, 1, 2]> (x)";

  test("NhwcConv", async () => {
    const feeds = { x, w: wave([4, 3, 2, 3], 0.7), b: wave([4]) };
    const attributes = "group = 2, pads = [1, 0, 1, 0], strides = [2, 1], kernel_shape = [3, 2]";
    const one = model(feeds, `com.microsoft.NhwcConv <${attributes}> (x, w, b)`, { rank: 4 });
    const made = parseModel(
      `<ir_version: 9, opset_import: ["": 20]> g (float[2,5,4,6] x, float[4,3,2,3] w, float[4] b) => (float[N,H,W,C] y) {
        ${toPlanes} k = Transpose <perm = [0, 3, 1, 2]> (w) c = Conv <${attributes}> (p, k, b) y = Transpose <perm = [0, 2, 3, 1]> (c)
      }`,
    );
    expectGradient(await expectUnfolded(one, feeds, await runModel(made, feeds)), feeds, "x");
  });

  test.each([
    ["", 0, "y = Transpose <perm = [0, 2, 3, 1]> (n)"],
    ["with SiLU", 1, "s = Sigmoid (n) a = Mul (n, s) y = Transpose <perm = [0, 2, 3, 1]> (a)"],
  ] as const)("GroupNorm %s", async (_, activation, end) => {
    const feeds = { x, g: wave([6], 0.7), b: wave([6], 1.6) };
    const one = model(
      feeds,
      `com.microsoft.GroupNorm <groups = 3, epsilon = 0.001, activation = ${activation}> (x, g, b)`,
      { rank: 4 },
    );
    const made = parseModel(
      `<ir_version: 10, opset_import: ["": 21]> g (float[2,5,4,6] x, float[6] g, float[6] b) => (float[N,H,W,C] y) {
        ${toPlanes} n = GroupNormalization <num_groups = 3, epsilon = 0.001> (p, g, b) ${end}
      }`,
    );
    expectGradient(await expectUnfolded(one, feeds, await runModel(made, feeds)), feeds, "x");
  });

  test("GroupNorm with channels first, and an activation that there is not", async () => {
    const feeds = { x: wave([2, 6, 3, 4]), g: wave([6], 0.7), b: wave([6], 1.6) };
    const one = model(feeds, "com.microsoft.GroupNorm <groups = 2, activation = 0, channels_last = 0> (x, g, b)", {
      rank: 4,
    });
    const made = parseModel(
      `<ir_version: 10, opset_import: ["": 21]> g (float[2,6,3,4] x, float[6] g, float[6] b) => (float[N,C,H,W] y) {
        y = GroupNormalization <num_groups = 2> (x, g, b)
      }`,
    );
    await expectUnfolded(one, feeds, await runModel(made, feeds));
    const unknown = model(feeds, "com.microsoft.GroupNorm <groups = 2, activation = 2> (x, g, b)", { rank: 4 });
    expect(() => unfoldedGraph(unknown, feeds)).toThrow(/unknown activation.*0 \(none\) or 1 \(SiLU\), got 2/);
  });
});
