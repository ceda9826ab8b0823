import { describe, expect, test } from "vitest";
import { evaluate } from "../../onnx/evaluate.ts";
import { int64Tensor } from "../../onnx/int64.ts";
import { initializerOf, type Model } from "../../onnx/model.ts";
import { parseModel } from "../../onnx/text/parse.ts";
import { guessPreprocessing } from "../preprocessing/guess-preprocessing.ts";
import { prepareModel } from "./prepare-model.ts";

function prepare(text: string, opset = 13) {
  const model = parseModel(`<ir_version: 7, opset_import: ["": ${opset}]> ${text}`);
  return prepareModel(model, { where: "net.onnx" });
}

describe("the logits are the scores before a final Softmax", () => {
  test.each([
    ["which is last", "(float[1,3] p) { a = GlobalAveragePool (x)  s = Flatten (a)  p = Softmax (s) }", "s"],
    ["in the log domain", "(float[1,3] p) { a = GlobalAveragePool (x)  s = Flatten (a)  p = LogSoftmax (s) }", "s"],
    ["of a picture of one pixel", "(float[1,3,1,1] p) { s = GlobalAveragePool (x)  p = Softmax <axis = 1> (s) }", "s"],
    [
      "that is flattened",
      "(float[1,3] p) { s = GlobalAveragePool (x)  t = Softmax <axis = 1> (s)  p = Flatten (t) }",
      "s",
    ],
    [
      "that is reshaped",
      "(float[1,3] p) <int64[2] k = {-1, 3}> { s = GlobalAveragePool (x)  t = Softmax <axis = 1> (s)  p = Reshape (t, k) }",
      "s",
    ],
    [
      "beside other outputs",
      "(float[1,3,8,8] r, float[1,3] p, int64[1] c) { r = Relu (x)  a = GlobalAveragePool (r)  s = Flatten (a)  p = Softmax (s)  c = ArgMax <axis = 1, keepdims = 0> (p) }",
      "s",
    ],
  ])("%s", (_, body, logits) => {
    const prepared = prepare(`g (float[1,3,8,8] x) => ${body}`);
    expect(prepared).toMatchObject({ logits, classCount: 3, head: { kind: "softmax", count: 3 } });
    expect(prepared.graph.nodes.map(({ opType }) => opType)).not.toContain("Softmax");
  });

  test.each([
    [
      "of which only the best are given out",
      "(float[1,2] v, int64[1,2] i) <int64[1] k = {2}>",
      "p = Softmax (s)  v, i = TopK (p, k)",
      "s",
    ],
    ["of which only the class is given out", "(int64[1] c)", "c = ArgMax <axis = 1, keepdims = 0> (s)", "s"],
    ["converted to another type", "(float[1,3] y)", "p = Softmax (s)  q = Cast <to = 1> (p)  y = Identity (q)", "s"],
    ["without a batch axis", "(float[3] y) <int64[1] k = {0}>", "y = Squeeze (s, k)", "s"],
    ["with the classes last", "(float[1,1,1,3] y)", "y = Transpose <perm = [0, 2, 3, 1]> (a)", "head/Flatten"],
    [
      "computed from features that are given out first",
      "(float[1,3] s, float[1,2] y) <float[3,2] w = {1,2,3,4,5,6}>",
      "y = MatMul (s, w)",
      "y",
    ],
    [
      "beside the largest of them",
      "(float[1,3] s, float[1,2] v, int64[1,2] i) <int64[1] k = {2}>",
      "v, i = TopK (s, k)",
      "s",
    ],
    ["beside an output of an unknown operator", "(float[1,3] s, float[1,3] y)", "y = Loopless (s)", "s"],
  ])("scores %s", (_, outputs, body, logits) => {
    const prepared = prepare(
      `g (float[1,3,8,8] x) => ${outputs} { a = GlobalAveragePool (x)  s = Flatten (a)  ${body} }`,
    );
    expect(prepared.logits).toBe(logits);
    expect(prepared.typed(2).types.get(logits)?.shape).toEqual([2, prepared.classCount]);
  });

  test("a Sigmoid for each class is left out, and said", () => {
    const prepared = prepare(
      "g (float[1,3,8,8] x) => (float[1,3] p) { a = GlobalAveragePool (x)  s = Flatten (a)  p = Sigmoid (s) }",
    );
    expect(prepared).toMatchObject({ logits: "s", head: { kind: "multi-label", count: 3 } });
    expect(prepared.notes).toEqual([expect.stringMatching(/^each of the 3 labels is present or absent by itself/)]);
  });

  test("what is chosen by the picture itself is refused with what works instead, and that works", () => {
    const text = (
      rest: string,
    ) => `<ir_version: 8, opset_import: ["": 18, "my": 1]> g (float[1,3,8,8] x) => (float[1,3] y)
      <float half = {0.5}> { a = GlobalAveragePool (x)  z = Flatten (a)  m = ReduceMean <keepdims = 0> (x)  c = Greater (m, half)  ${rest} }`;
    const prepared = (rest: string) => prepareModel(parseModel(text(rest)), { where: "net.onnx" });
    const branch = (name: string, op: string) =>
      `${name}_branch = ${name} () => (float[1,3] ${name}y) { ${name}y = ${op} (z) }`;
    expect(() => prepared(`y = If (c) <${branch("then", "Relu")}, ${branch("else", "Neg")}>`)).toThrow(
      "net.onnx: 1 operator not supported: If (y). The condition of the If is computed from the picture. Compute both branches and choose between their values with Where (torch.where)",
    );
    expect(prepared("r = Relu (z)  n = Neg (z)  y = Where (c, r, n)")).toMatchObject({ logits: "y", warnings: [] });
    expect(() => prepared("y = my.Thing (z)")).toThrow(/my\.Thing \(y\)\. Operators of other domains are/);
    expect(() => prepared("n = NonZero (z)  y = GatherND (z, n)")).toThrow(
      /^NonZero \(n\): the number of its results depends .* Choose with Where or a mask/,
    );
  });

  test("a value that is named is taken, also one that the clean-up would do away with", () => {
    const text = `g (float[1,3,8,8] x) => (float[1,3] p)
      { a = GlobalAveragePool (x)  s = Flatten (a)  d = Dropout (s)  p = Softmax (d)  q = Loopless (p) }`;
    const model = parseModel(`<ir_version: 7, opset_import: ["": 13]> ${text}`);
    for (const logits of ["s", "d"])
      expect(prepareModel(model, { where: "net.onnx", logits })).toMatchObject({ logits });
    // Probabilities are not put through a softmax again, however they are asked for.
    expect(prepareModel(model, { where: "net.onnx", logits: "p" })).toMatchObject({ logits: "s" });
    expect(() => prepareModel(model, { where: "net.onnx", logits: "q" })).toThrow(
      "net.onnx: 1 operator not supported: Loopless (q).",
    );
    expect(() => prepareModel(model, { where: "net.onnx", logits: "sd" })).toThrow(/Did you mean "s"\?$/);
  });

  test("where there is none, the output is taken as it is", () => {
    const prepared = prepare("g (float[N,3,8,8] x) => (float[N,3] y) { a = GlobalAveragePool (x)  y = Flatten (a) }");
    expect(prepared).toMatchObject({ logits: "y", head: { value: "y", kind: "softmax" }, fixedBatch: undefined });
  });
});

test("a softmax over the batch is no probability of classes", () => {
  const text =
    "g (float[1,3,8,8] x) => (float[1,3] y) { a = GlobalAveragePool (x)  s = Flatten (a)  y = Softmax <axis = 0> (s) }";
  expect(() => prepare(text)).toThrow("its Softmax goes over the pictures of a batch and not over the classes");
});

test("shapes written for the exported batch are opened for any other", () => {
  const text = (batch: number, body: string): string =>
    `g (float[${batch},3,8,8] x) => (float[${batch},3] y) <int64[2] k = {${batch}, 3}> { a = GlobalAveragePool (x)  ${body} }`;
  for (const batch of [1, 8]) {
    const prepared = prepare(text(batch, "y = Reshape (a, k)"));
    expect(prepared.fixedBatch).toBe(batch);
    for (const other of [1, 2, 8]) expect(prepared.typed(other).types.get("y")?.shape).toEqual([other, 3]);
  }
  const mixing = prepare(text(1, "m = ReduceMean <axes = [0], keepdims = 1> (a)  y = Reshape (m, k)"));
  expect(mixing.typed(1).types.get("y")?.shape).toEqual([1, 3]);
  expect(() => mixing.typed(2)).toThrow(
    "net.onnx: the model cannot take 2 images at a time, expected logits for a batch of 2, got shape [1, 3]",
  );
});

test("a layout that takes a side for the channels is refused", () => {
  const model = parseModel(`<ir_version: 7, opset_import: ["": 13]> g (float[1,3,32,32] x) => (float[1,3] y) {
    a = GlobalAveragePool (x)  y = Flatten (a) }`);
  expect(() => prepareModel(model, { where: "net.onnx", layout: "nhwc" })).toThrow(
    "net.onnx: the layout nhwc makes 32 channels of a side of the picture, expected nchw for a model that takes",
  );
  expect(prepareModel(model, { where: "net.onnx", layout: "nchw" })).toMatchObject({ channels: 3, height: 32 });
});

describe("an input that leaves all axes open", () => {
  const opened = (body: string, weights: string, options: object = {}) => {
    const model =
      parseModel(`<ir_version: 7, opset_import: ["": 13]> g (float[N,A,B,C] x) => (float[N,K] y) <${weights}, float k = {255}> {
      ${body} a = GlobalAveragePool (c)  y = Flatten (a) }`);
    return prepareModel(model, { where: "net.onnx", inputSize: [32, 32], ...options });
  };
  const colors = `float[2,3,1,1] w = {1, 2, 3, 4, 5, 6}`;

  test.each([
    ["channels last", "t = Transpose <perm = [0, 3, 1, 2]> (x) c = Conv (t, w)", colors, "nhwc", 3],
    [
      "channels last, and scaled",
      "d = Div (x, k) t = Transpose <perm = [0, 3, 1, 2]> (d) c = Conv (t, w)",
      colors,
      "nhwc",
      3,
    ],
    ["colors", "c = Conv (x, w)", colors, "nchw", 3],
    ["gray", "d = Div (x, k) c = Conv (d, w)", "float[2,1,1,1] w = {1, 2}", "nchw", 1],
    ["groups", "c = Conv <group = 3> (x, w)", "float[3,1,1,1] w = {1, 2, 3}", "nchw", 3],
  ])("is of what its first convolution reads: %s", (_, body, weights, layout, channels) => {
    expect(opened(body, weights)).toMatchObject({ layout, channels, height: 32 });
  });
});

describe("an image of bytes", () => {
  const mean = "m = GlobalAveragePool (f)  y = Flatten (m)";

  test("is computed with real numbers, from its Cast on", () => {
    const prepared = prepare(`g (uint8[N,8,8,3] x) => (float[N,3] y) {
      t = Transpose <perm = [0, 3, 1, 2]> (x)  f = Cast <to = 1> (t)  ${mean} }`);
    expect(prepared).toMatchObject({ layout: "nhwc", height: 8 });
    expect(prepared.graph.inputs[0].dtype).toBe("float32");
    expect(prepared.notes).toEqual(["the whole numbers of the input are computed as real ones"]);
  });

  test("is refused where the model computes with the bytes", () => {
    const text = `g (uint8[1,3,8,8] x) => (float[1,3] y) <uint8 z = {3}> {
      [sum] s = Add (x, z)  f = Cast <to = 1> (s)  ${mean} }`;
    expect(() => prepare(text)).toThrow(
      "net.onnx: Add (sum): computes with the bytes of the image, which have no derivative",
    );
    const channels = `g (uint8[1,3,8,8] x) => (float[1,3] y) <float[3] s = {0.5, 1, 2}, uint8[3] z = {0, 1, 2}> {
      [each] f = DequantizeLinear <axis = 1> (x, s, z)  ${mean} }`;
    expect(() => prepare(channels)).toThrow("DequantizeLinear (each): computes with the bytes");
  });

  test("is (x − zero point) · scale where a model that was quantized as a whole begins", () => {
    const text = (type: string) => `g (${type}[1,3,8,8] x) => (float[1,3] y) <float s = {0.5}, ${type} z = {3}> {
      f = DequantizeLinear (x, s, z)  ${mean} }`;
    const prepared = prepare(text("uint8"));
    const x = { dtype: "float32" as const, shape: [1, 3, 8, 8], data: new Float64Array(192).fill(7.5) };
    const { [prepared.logits]: logits } = evaluate(prepared.graph, { x }, [prepared.logits]);
    expect(Array.from(logits.data)).toEqual([2.25, 2.25, 2.25]);
    const guess = (type: string) => {
      const of = prepare(text(type));
      return guessPreprocessing(of, of.typed(1), { normalization: {} });
    };
    expect(guess("uint8")).toMatchObject({ name: "bytes", reason: "the model takes bytes" });
    expect(guess("int8")).toMatchObject({
      reason: "the model takes whole numbers (int8), pixels less 128",
      preprocessing: { scale: 255, mean: [128, 128, 128] },
      isUncertain: false,
    });
  });
});

describe("an open input size", () => {
  const dense = (features: number) =>
    `g (float[N,3,h,w] x) => (float[N,2] y) <float[2,3,3,3] k = {${Array(54).fill(0.1)}}, float[${features},2] v = {${Array(2 * features).fill(0.01)}}>
      { c = Conv <pads = [1, 1, 1, 1], strides = [2, 2]> (x, k) f = Flatten (c) y = MatMul (f, v) }`;

  test("is the one at which the dense layer fits, the roundest of several", () => {
    const prepared = prepare(dense(2 * 24 * 24));
    // 47 fits as well.
    expect(prepared).toMatchObject({ height: 48, width: 48 });
    expect(prepared.notes).toEqual(["the input size is open, and the layers fit 48x48"]);
    expect(prepare(dense(2 * 13 * 13))).toMatchObject({ height: 26, width: 26 });
  });

  test("is asked for where none fits, and 224 where any does", () => {
    expect(() => prepare(dense(7))).toThrow(/no square size from 8 to 640 fits the layers.*--input-size/);
    const any = "g (float[N,3,h,w] x) => (float[N,3] y) { a = GlobalAveragePool (x)  y = Flatten (a) }";
    const message =
      "the file leaves height and width open, and 224x224 is taken, as usual (--input-size gives another)";
    const assumed = { height: 224, width: 224, isSizeAssumed: true };
    const warned = { notes: [], warnings: [{ code: "input-size-assumed", message }] };
    expect(prepare(any)).toMatchObject({ ...assumed, ...warned });
    // Of ImageNet's classes it nearly always is that size.
    const classes = (count: number) =>
      `g (float[N,3,h,w] x) => (float[N,${count}] y) <float[${count},3,1,1] k = {${Array(3 * count).fill(0.1)}}>
        { a = GlobalAveragePool (x)  c = Conv (a, k)  y = Flatten (c) }`;
    expect(prepare(classes(1000))).toMatchObject({ ...assumed, notes: [message], warnings: [] });
    expect(prepare(classes(9))).toMatchObject({ ...assumed, ...warned });
    // What is resized by the model itself may be of any size.
    const resized = `g (float[N,3,h,w] x) => (float[N,3] y) <float[0] r = {}, float[0] s = {}, int64[2] o = {0, 1}, int64[1] b = {0}, int64[1] e = {2}, int64[2] z = {8, 8}>
      { d = Shape (x) n = Slice (d, b, e) t = Concat <axis = 0> (n, z) c = Resize (x, r, s, t) a = GlobalAveragePool (c)  y = Flatten (a) }`;
    expect(prepare(resized)).toMatchObject({ ...assumed, notes: [message], warnings: [] });
  });

  test("is no assumption where it is given, stated or declared", () => {
    const any = (sides: string) =>
      parseModel(`<ir_version: 7, opset_import: ["": 13]> g (float[N,3,${sides}] x) => (float[N,3] y) {
        a = GlobalAveragePool (x)  y = Flatten (a) }`);
    const none = { isSizeAssumed: false, notes: [] };
    const given = prepareModel(any("h,w"), { where: "net.onnx", inputSize: [32, 40] });
    expect(given).toMatchObject({ height: 32, width: 40, ...none });
    const stated = prepareModel(any("h,w"), { where: "net.onnx", usualSize: [384, 384] });
    expect(stated).toMatchObject({ height: 384, width: 384, ...none });
    expect(prepareModel(any("8,8"), { where: "net.onnx" })).toMatchObject({ height: 8, width: 8, ...none });
  });
});

describe("inputs beside the picture", () => {
  const mean = "a = GlobalAveragePool (x) f = Flatten (a)";
  const withInputs = (text: string, inputs?: Readonly<Record<string, number>>) =>
    prepareModel(parseModel(`<ir_version: 7, opset_import: ["": 13]> ${text}`), { where: "net.onnx", inputs });

  test("are left out where nothing reads them, and bound where their value is evident", () => {
    const unused = withInputs(`g (float[N,3,8,8] x, int64[N,2] size) => (float[N,3] y) { ${mean} y = Neg (f) }`);
    expect(unused.graph.inputs.map(({ name }) => name)).toEqual(["x"]);
    expect(unused.notes).toEqual(['input "size" is read by nothing']);
    const phase = withInputs(`g (bool keras_learning_phase, float[N,3,8,8] x) => (float[N,3] y) {
      ${mean} y = If <then_branch = t () => (float[N,3] u) { u = Exp (f) }, else_branch = e () => (float[N,3] v) { v = Neg (f) }> (keras_learning_phase) }`);
    expect(phase.graph.nodes.map(({ opType }) => opType)).toContain("Neg");
    expect(phase.notes).toEqual(['input "keras_learning_phase" is false (the network is not trained here)']);
  });

  test("are asked for where it is not, and can be given", () => {
    const text = `g (float[N,3,8,8] x, float t) => (float[N,3] y) { ${mean} y = Div (f, t) }`;
    expect(() => withInputs(text)).toThrow(/the model has 2 inputs, .* Give the others values: --input t=…/);
    expect(withInputs(text, { t: 2 }).notes).toEqual(['input "t" is 2 (as given)']);
    expect(() => withInputs(text, { u: 2 })).toThrow(/the model has no input "u", expected one of x, t/);
  });
});

describe("what the model denotes its input to be", () => {
  const two =
    parseModel(`<ir_version: 8, opset_import: ["": 18]> g (float[1,8,4,4] a, float[1,4,4,8] b) => (float[1,8] y) {
    p = Transpose <perm = [0, 3, 1, 2]> (b) s = Add (a, p) m = ReduceMean <keepdims = 0> (s, axes) y = Identity (m)
  }`);
  const denoted = (index: number, denotation: string, axisDenotations?: readonly string[]): Model => {
    const inputs = two.graph.inputs.map((info, i) => (i === index ? { ...info, denotation, axisDenotations } : info));
    const axes = initializerOf(int64Tensor([2, 3]));
    return { ...two, graph: { ...two.graph, inputs, initializers: new Map([["axes", axes]]) } };
  };

  test("the axis of the channels", () => {
    const model = denoted(1, "IMAGE", ["DATA_BATCH", "DATA_FEATURE", "DATA_FEATURE", "DATA_CHANNEL"]);
    expect(prepareModel(model, { where: "m", inputs: { a: 0 } })).toMatchObject({ layout: "nhwc", channels: 8 });
    const other = denoted(1, "IMAGE", ["DATA_BATCH", "DATA_CHANNEL", "DATA_FEATURE", "DATA_FEATURE"]);
    expect(prepareModel(other, { where: "m", inputs: { a: 0 } })).toMatchObject({ layout: "nchw", channels: 4 });
  });

  test("which of several inputs is the picture", () => {
    expect(() => prepareModel(denoted(1, ""), { where: "m" })).toThrow(/the model has 2 inputs/);
    const model = denoted(1, "IMAGE");
    expect(() => prepareModel(model, { where: "m" })).toThrow(/Give the others values: --input a=…/);
  });
});
