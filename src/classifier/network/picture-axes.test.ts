import { describe, expect, test } from "vitest";
import { evaluate } from "../../onnx/evaluate.ts";
import { parseModel } from "../../onnx/text/parse.ts";
import { type PrepareModelOptions, prepareModel } from "./prepare-model.ts";

function prepare(input: string, body: string, options: Partial<PrepareModelOptions> = {}) {
  const weights =
    "float[3,3] W = {6, -2, 1, 0, 5, -3, 2, 1, 4}, float[1,2] v = {3, -1}, int64[1] first = {0}, int64[2] firsts = {0, 1}";
  const text = `<ir_version: 8, opset_import: ["": 18]> g (${input}) => (float[3] y) <${weights}> { ${body} }`;
  return prepareModel(parseModel(text), { where: "net.onnx", ...options });
}

/** The logits of a picture whose element number i is i / 10. */
function logitsOf(prepared: ReturnType<typeof prepare>, shape: readonly number[]): readonly number[] {
  const size = shape.reduce((product, extent) => product * extent, 1);
  const image = { dtype: "float32" as const, shape, data: Float64Array.from({ length: size }, (_, i) => i / 10) };
  const { [prepared.logits]: result } = evaluate(prepared.graph, { [prepared.input]: image }, [prepared.logits]);
  expect(result.shape).toEqual([shape[0], 3]);
  return Array.from(result.data);
}

describe("pictures in fewer than four axes", () => {
  test("planes of a single picture; the scores of its classes lie in one row", () => {
    const body =
      "u = Unsqueeze (x, first) g = GlobalAveragePool (u) f = Flatten (g) r = Squeeze (f, first) y = MatMul (r, W)";
    const prepared = prepare("float[3,8,8] x", body);
    expect(prepared).toMatchObject({ layout: "nchw", channels: 3, height: 8, width: 8, classCount: 3 });
    expect(prepared.head).toMatchObject({ value: "y", count: 3 });
    expect(prepared.notes).toContain("input x: float32[3, 8, 8] is one picture, its channels first");
    const means = [3.15, 9.55, 15.95];
    const expected = [6, -2, 1].map((_, k) =>
      means.reduce((sum, mean, c) => sum + mean * [6, -2, 1, 0, 5, -3, 2, 1, 4][3 * c + k], 0),
    );
    logitsOf(prepared, [1, 3, 8, 8]).forEach((logit, k) => {
      expect(logit).toBeCloseTo(expected[k], 9);
    });
    // One at a time, whatever is wanted.
    expect(prepared.batchFor(4)).toBe(1);
  });

  test("a softmax over the only axis is one over the classes", () => {
    const body =
      "u = Unsqueeze (x, first) g = GlobalAveragePool (u) f = Flatten (g) r = Squeeze (f, first) z = MatMul (r, W) y = Softmax <axis = 0> (z)";
    expect(prepare("float[3,8,8] x", body).head).toMatchObject({
      value: "z",
      kind: "softmax",
      count: 3,
      reason: expect.stringContaining("before a Softmax"),
    });
  });

  test("channels last, as bytes too", () => {
    const body =
      "c = Cast <to = 1> (x) t = Transpose <perm = [2, 0, 1]> (c) u = Unsqueeze (t, first) g = GlobalAveragePool (u) f = Flatten (g) y = Gemm (f, W)";
    expect(prepare("uint8[8,9,3] x", body)).toMatchObject({ layout: "nhwc", channels: 3, height: 8, width: 9 });
  });

  test("gray pictures without an axis for channels, any number of them", () => {
    const gray = (input: string, pixels: number) =>
      prepareModel(
        parseModel(
          `<ir_version: 8, opset_import: ["": 18]> g (${input}) => (float[N,3] y) <float[${pixels},3] G = {${Array.from({ length: 3 * pixels }, (_, i) => i % 7)}}> { f = Flatten (x) y = Gemm (f, G) }`,
        ),
        { where: "net.onnx" },
      );
    // Sides of four are as few as channels are.
    expect(() => gray("float[N,4,4] x", 16)).toThrow(/no image input/);
    const large = gray("float[N,8,8] x", 64);
    expect(large).toMatchObject({ layout: "nchw", channels: 1, height: 8, width: 8, fixedBatch: undefined });
    expect(logitsOf(large, [2, 1, 8, 8])).toHaveLength(6);
    expect(gray("float[1,8,8] x", 64)).toMatchObject({ channels: 1, height: 8, width: 8, fixedBatch: 1 });
  });

  test("one gray picture", () => {
    const body =
      "u = Unsqueeze (x, firsts) g = GlobalAveragePool (u) f = Flatten (g) c = Concat <axis = 1> (f, f, f) y = Gemm (c, W)";
    expect(prepare("float[8,8] x", body)).toMatchObject({ channels: 1, height: 8, width: 8 });
  });

  test("pixels in one row, whose size and order are given", () => {
    const row = (options: Partial<PrepareModelOptions>, pixels = 108) =>
      prepareModel(
        parseModel(
          `<ir_version: 8, opset_import: ["": 18]> g (float[N,${pixels}] x) => (float[N,3] y) <float[${pixels},3] G = {${Array.from({ length: 3 * pixels }, (_, i) => i % 7)}}> { y = Gemm (x, G) }`,
        ),
        { where: "net.onnx", ...options },
      );
    expect(() => row({})).toThrow(
      "If these are the pixels of pictures in one row, say their size: --input-size HEIGHTxWIDTH",
    );
    expect(() => row({})).toThrow("where they have colors, as --input-size 6x6.");
    expect(() => row({}, 75)).toThrow("as --input-size 5x5.");
    expect(() => row({ inputSize: [6, 6] })).toThrow("Say --layout nchw (planes) or --layout nhwc (pixels)");
    expect(() => row({ inputSize: [7, 6] })).toThrow("the pixels do not make a picture of this size");
    expect(row({ inputSize: [6, 6], layout: "nhwc" })).toMatchObject({ layout: "nhwc", channels: 3, height: 6 });
    expect(row({ inputSize: [6, 6] }, 36)).toMatchObject({ channels: 1, width: 6 });
    expect(logitsOf(row({ inputSize: [6, 6], layout: "nchw" }), [2, 3, 6, 6])).toHaveLength(6);
  });

  test.each(["float[N,4] x", "float[N,48] x", "float[1,110] x", "float[N,128] x"])(
    "numbers that make no square picture are a table's: %s",
    (input) => {
      const count = /,(\d+)/.exec(input)?.[1];
      const text = `<ir_version: 8, opset_import: ["": 18]> g (${input}) => (float[N,${count}] y) { y = Relu (x) }`;
      const open = () => prepareModel(parseModel(text), { where: "net.onnx" });
      expect(open).toThrow(`It takes rows of ${count} numbers, as of a table or of vectors, not pictures`);
      expect(open).not.toThrow(/pixels|--input-size/);
    },
  );

  test("an open number of numbers may be one of pixels", () => {
    const text = `<ir_version: 8, opset_import: ["": 18]> g (float[N,K] x) => (float[N,K] y) { y = Relu (x) }`;
    expect(() => prepareModel(parseModel(text), { where: "net.onnx" })).toThrow(
      /pixels of pictures in one row.* where they have colors\.$/,
    );
  });

  test("784 numbers are digits' pixels", () => {
    const digits = (options: Partial<PrepareModelOptions> = {}) =>
      prepareModel(
        parseModel(
          `<ir_version: 8, opset_import: ["": 18]> g (float[N,784] x) => (float[N,10] y) <float[784,10] G = {${Array.from({ length: 7840 }, (_, i) => i % 7)}}> { y = Gemm (x, G) }`,
        ),
        { where: "net.onnx", ...options },
      );
    expect(digits()).toMatchObject({ channels: 1, height: 28, width: 28 });
    expect(digits().notes.join()).toContain("taken as 28x28, as MNIST's digits are");
    const wide = digits({ inputSize: [14, 56] });
    expect(wide).toMatchObject({ height: 14, width: 56 });
    expect(wide.notes.join()).not.toContain("taken as");
  });

  test.each([
    ["planes", "float[N,108] x", "r = Reshape (x, planes)", { layout: "nchw", channels: 3, height: 6, width: 6 }],
    ["pixels", "float[N,108] x", "d = Div (x, byte) r = Reshape (d, last)", { layout: "nhwc", channels: 3, height: 6 }],
    ["gray pixels", "float[1,36] x", "r = Reshape (x, gray)", { channels: 1, height: 6, width: 6, fixedBatch: 1 }],
    ["a gray picture", "float[N,36] x", "r = Reshape (x, rows)", { channels: 1, height: 6, width: 6 }],
    ["a channel left open", "float[N,108] x", "r = Reshape (x, open)", { layout: "nhwc", channels: 3, width: 6 }],
  ])("pixels in one row that the model lays out itself: %s", (_, input, body, expected) => {
    const pixels = input.includes("108") ? 108 : 36;
    const shapes =
      "int64[4] planes = {-1, 3, 6, 6}, int64[4] last = {-1, 6, 6, 3}, int64[4] gray = {1, 1, 6, 6}, int64[3] rows = {-1, 6, 6}, int64[4] open = {0, 6, 6, -1}";
    const text = `<ir_version: 8, opset_import: ["": 18]> g (${input}) => (float[N,3] y) <${shapes}, float byte = {255}, float[${pixels},3] G = {${Array.from({ length: 3 * pixels }, (_, i) => i % 7)}}> { ${body} f = Flatten (r) y = Gemm (f, G) }`;
    const prepared = prepareModel(parseModel(text), { where: "net.onnx" });
    expect(prepared).toMatchObject(expected);
    expect(prepared.notes.join()).toMatch(/pictures with their pixels in one row/);
    const { channels, layout } = prepared;
    expect(logitsOf(prepared, layout === "nhwc" ? [1, 6, 6, channels] : [1, channels, 6, 6])).toHaveLength(3);
  });

  test("a Reshape into patches lays out no picture", () => {
    const text = `<ir_version: 8, opset_import: ["": 18]> g (float[N,108] x) => (float[N,3] y) <int64[4] patches = {-1, 9, 2, 6}, float[108,3] G = {${Array.from({ length: 324 }, (_, i) => i % 7)}}> { r = Reshape (x, patches) f = Flatten (r) y = Gemm (f, G) }`;
    expect(() => prepareModel(parseModel(text), { where: "net.onnx" })).toThrow(/pixels of pictures in one row/);
  });

  test("a shape that the file does not declare is what a convolution reads, or what a layout says", () => {
    const undeclared = (body: string, layout?: "nchw" | "nhwc") =>
      prepareModel(
        parseModel(
          `<ir_version: 8, opset_import: ["": 18]> g (float[] x) => (float[] y) <float[2,1,3,3] K = {${Array(18).fill(0.1).join(", ")}}, float[3,2] W = {1, 0, 0, 1, 2, 2}> { ${body} }`,
        ),
        { where: "net.onnx", layout },
      );
    const read = undeclared("c = Conv (x, K) g = GlobalAveragePool (c) y = Flatten (g)");
    expect(read).toMatchObject({ layout: "nchw", channels: 1, height: 224, width: 224, classCount: 2 });
    expect(read.notes).toContain("input x: float32 takes pictures in four axes, as its layers read them");
    const unread = "g = GlobalAveragePool (x) f = Flatten (g) y = MatMul (f, W)";
    expect(() => undeclared(unread)).toThrow(/say where their channels are: --layout nchw or --layout nhwc/);
    expect(undeclared(unread, "nchw")).toMatchObject({ layout: "nchw", channels: 3, classCount: 2 });
  });

  test("tokens are no picture", () => {
    const body = "m = ReduceMean <keepdims = 0> (x, first) y = Gemm (m, W)";
    expect(() => prepare("float[1,16,3] x", body)).toThrow(
      /say where its channels are: --layout nchw or --layout nhwc/,
    );
  });
});
