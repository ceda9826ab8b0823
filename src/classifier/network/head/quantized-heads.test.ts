import { describe, expect, test } from "vitest";
import { evaluate } from "../../../onnx/evaluate.ts";
import { canonicalForm } from "../../../onnx/rewrites/canonical-form.ts";
import { parseModel } from "../../../onnx/text/parse.ts";
import { softmax } from "../../logits.ts";
import { prepareModel } from "../prepare-model.ts";

/** How onnxruntime's quantizers write a last layer with a bias whose result is z. */
const lastLayers = {
  float: "z = Gemm (f, W, B)",
  // quantize_dynamic: the scale is found anew from all that the layer reads, so that it depends on the whole picture.
  dynamic: `q, s, o = DynamicQuantizeLinear (f)  both = Mul (s, ws)  i = MatMulInteger (q, Wq, o, wz)
    c = Cast <to = 1> (i)  m = Mul (c, both)  z = Add (m, B)`,
  "dynamic, one scale after the other": `q, s, o = DynamicQuantizeLinear (f)  i = MatMulInteger (q, Wq, o, wz)
    c = Cast <to = 1> (i)  u = Mul (ws, c)  m = Mul (u, s)  z = Add (m, B)`,
  // quantize_static in the QDQ format.
  static: `q = QuantizeLinear (f, fs, fz)  d = DequantizeLinear (q, fs, fz)  w = DequantizeLinear (Wq, ws, wz)
    g = Gemm (d, w, B)  p = QuantizeLinear (g, zs, zz)  z = DequantizeLinear (p, zs, zz)`,
} as const;

type Form = keyof typeof lastLayers;
const forms = Object.keys(lastLayers) as Form[];

const constants =
  "float ws = {0.05}, int8 wz = {0}, float fs = {0.004}, uint8 fz = {0}, float zs = {0.1}, int8 zz = {3}, float ys = {0.003921568859}, uint8 yz = {0}, float ys2 = {0.003921568859}, uint8 yz2 = {0}";

/** A network whose first layer is quantized as its last one, with `tail` making y [1, count] of z. */
function network(form: Form, tail: string, count: number, { of = count, size = 8 } = {}) {
  const weights = Array.from({ length: 3 * of }, (_, i) => ((i * 37) % 101) - 50);
  const first = form.startsWith("dynamic")
    ? "xq, xs, xo = DynamicQuantizeLinear (x)  xr = DequantizeLinear (xq, xs, xo)"
    : "xr = Relu (x)";
  const model = parseModel(
    `<ir_version: 7, opset_import: ["": 13, "com.microsoft": 1]> g (float[1,3,${size},${size}] x) => (float[1,${count}] y)
    <int8[3,${of}] Wq = {${weights}}, float[3,${of}] W = {${weights.map((weight) => (0.05 * weight).toFixed(2))}}, float[${of}] B = {${weights.slice(0, of).map((_, i) => 0.3 * i - 0.4)}}, ${constants}>
    { ${first}  a = GlobalAveragePool (xr)  f = Flatten (a)  ${lastLayers[form]}  ${tail} }`,
  );
  const prepared = prepareModel(model, { where: "net.onnx" });
  return { model, prepared };
}

/** The logits at a picture, and values of the model itself. */
function valuesOf({ model, prepared }: ReturnType<typeof network>) {
  const data = Float64Array.from({ length: 192 }, (_, i) => [0.9, 0.3, 0.5][Math.floor(i / 64)] + 0.001 * (i % 64));
  const feeds = { x: { dtype: "float32" as const, shape: [1, 3, 8, 8], data } };
  const { y, z } = evaluate(canonicalForm(model, { keep: ["y", "z"] }).model.graph, feeds, ["y", "z"]);
  const logits = evaluate(prepared.graph, feeds, [prepared.logits])[prepared.logits];
  return { logits: Array.from(logits.data), y: Array.from(y.data), z: Array.from(z.data) };
}

const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));

const endings = {
  "as it is": (activation: string) => `y = ${activation} (z)`,
  "rounded to steps": (activation: string) =>
    `r = ${activation} (z)  yq = QuantizeLinear (r, ys, yz)  y = DequantizeLinear (yq, ys, yz)`,
  "rounded with parameters that are written twice": (activation: string) =>
    `r = ${activation} (z)  yq = QuantizeLinear (r, ys, yz)  y = DequantizeLinear (yq, ys2, yz2)`,
  "rounded, and laid out between": (activation: string) =>
    `r = ${activation} (z)  yq = QuantizeLinear (r, ys, yz)  v = Flatten (yq)  y = DequantizeLinear (v, ys, yz)`,
} as const;

describe.each(forms)("the head of a network whose last layer is %s", (form) => {
  describe.each(Object.entries(endings))("and whose end is %s", (_, ending) => {
    test.each([2, 5])("%d sigmoids are labels, each present or absent", (count) => {
      const found = network(form, ending("Sigmoid"), count);
      expect(found.prepared).toMatchObject({ logits: "z", head: { kind: "multi-label", count }, warnings: [] });
      expect(found.prepared.head.reason).toMatch(/^a Sigmoid for each label/);
      const { logits, y, z } = valuesOf(found);
      expect(logits).toEqual(z);
      // Half a step of 1/255.
      for (const [k, value] of y.entries()) expect(Math.abs(sigmoid(logits[k]) - value)).toBeLessThan(0.002);
    });

    test("one sigmoid decides between two classes", () => {
      const found = network(form, ending("Sigmoid"), 1);
      expect(found.prepared).toMatchObject({ classCount: 2, head: { value: "z", kind: "sigmoid" }, warnings: [] });
      const { logits, y, z } = valuesOf(found);
      expect(logits).toEqual([0, z[0]]);
      expect(Math.abs(softmax(logits)[1] - y[0])).toBeLessThan(0.002);
    });

    test.each([2, 5])("a softmax of %d is of classes that exclude each other", (count) => {
      const found = network(form, ending("Softmax"), count);
      expect(found.prepared).toMatchObject({ logits: "z", head: { kind: "softmax", count }, warnings: [] });
      const { logits, y } = valuesOf(found);
      for (const [k, share] of softmax(logits).entries()) expect(Math.abs(share - y[k])).toBeLessThan(0.002);
    });
  });

  test("sigmoids of a score and its opposite are two classes", () => {
    const pair = "n = Neg (z)  k = Concat <axis = 1> (n, z)  ";
    for (const ending of [endings["as it is"], endings["rounded to steps"]]) {
      const found = network(form, pair + ending("Sigmoid").replace("(z)", "(k)"), 2, { of: 1 });
      expect(found.prepared.head).toMatchObject({ kind: "softmax", count: 2 });
      const { logits, y } = valuesOf(found);
      for (const [k, share] of softmax(logits).entries()) expect(Math.abs(share - y[k])).toBeLessThan(0.004);
    }
  });

  test("scores stay scores, also rounded to steps", () => {
    for (const tail of ["y = Identity (z)", "t = QuantizeLinear (z, ys, yz)  y = DequantizeLinear (t, ys, yz)"]) {
      expect(network(form, tail, 5).prepared.head).toMatchObject({ kind: "softmax", count: 5 });
      expect(network(form, tail, 1).prepared.head).toMatchObject({ kind: "sigmoid", count: 2 });
      expect(network(form, tail, 5).prepared.head.reason).toMatch(/^scores as they are given out/);
    }
  });

  test("pictures that are too large to be drawn at random say the same", () => {
    const large = { size: 640 };
    expect(network(form, "y = Sigmoid (z)", 2, large).prepared).toMatchObject({
      logits: "z",
      head: { kind: "multi-label", count: 2 },
    });
    expect(network(form, "y = Softmax (z)", 2, large).prepared).toMatchObject({
      logits: "z",
      head: { kind: "softmax" },
    });
    expect(network(form, "y = Sigmoid (z)", 1, large).prepared.head).toMatchObject({ value: "z", kind: "sigmoid" });
  });
});

test("QLinearSigmoid and QLinearSoftmax are read by what they read, in real numbers", () => {
  const quantized = "zq = QuantizeLinear (z, zs, zz8)  ";
  const end = "y = DequantizeLinear (yq, ys, yz8)";
  const of = (operator: string) => {
    const tail = `zz8 = Constant <value = uint8 {120}> ()  yz8 = Constant <value = uint8 {0}> ()  ${quantized}${operator}  ${end}`;
    return network("float", tail, 3);
  };
  const labels = of("yq = com.microsoft.QLinearSigmoid (zq, zs, zz8, ys, yz8)");
  expect(labels.prepared.head).toMatchObject({ kind: "multi-label", count: 3 });
  const { logits, y } = valuesOf(labels);
  for (const [k, value] of y.entries()) expect(Math.abs(sigmoid(logits[k]) - value)).toBeLessThan(0.002);
  const classes = of("yq = com.microsoft.QLinearSoftmax <axis = -1, opset = 13> (zq, zs, zz8, ys, yz8)");
  expect(classes.prepared.head).toMatchObject({ kind: "softmax", count: 3 });
});

test("weights that are dequantized, too many to be known beforehand, are weights", () => {
  const count = 1400;
  const weights = Array.from({ length: 3 * count }, (_, i) => ((i * 37) % 101) - 50);
  const model = parseModel(
    `<ir_version: 7, opset_import: ["": 13]> g (float[1,3,640,640] x) => (float[1,${count}] y) <int8[3,${count}] Wq = {${weights}}, ${constants}>
    { a = GlobalAveragePool (x)  f = Flatten (a)  w = DequantizeLinear (Wq, ws, wz)  z = MatMul (f, w)  y = HardSigmoid (z) }`,
  );
  expect(prepareModel(model, { where: "net.onnx" }).head).toMatchObject({ kind: "multi-label", count });
});
