import { describe, expect, test } from "vitest";
import { runModel } from "../../../test/run-model.ts";
import { differentiate } from "../../autodiff/differentiate.ts";
import { gradientSteps } from "../../autodiff/gradient-steps.ts";
import { BadInputError, UnsupportedError } from "../../errors.ts";
import { type DataType, floatTensor, type Shape, sizeOf, type Tensor, tensorOf } from "../../tensor/tensor.ts";
import { evaluate } from "../evaluate.ts";
import { type NumericTensor, numeric } from "../numeric-tensor.ts";
import { parseModel } from "../text/parse.ts";
import { canonicalForm } from "./canonical-form.ts";

/** Integers over the whole range of a byte, in an order without period. */
function bytes(dtype: DataType, shape: Shape, seed: number): Tensor {
  const least = dtype === "int8" ? -128 : 0;
  const values = Array.from({ length: sizeOf(shape) }, (_, i) => least + ((i * 97 + seed * 31 + i * i * 7) % 256));
  return tensorOf(dtype, values, shape);
}

/** Of quantized models: operator set 13, onnxruntime's set, parameters of every operator. */
const parseQuantized = (signature: string, initializers: string, body: string) =>
  parseModel(
    `<ir_version: 8, opset_import: ["": 13, "com.microsoft": 1]> g ${signature} <${initializers}> { ${body} }`,
  );

/** Scales and zero points by name; several make one for each of four channels. */
const parameters: Readonly<Record<string, string>> = {
  as: "float as = {0.02}",
  az: "uint8 az = {110}",
  bs: "float bs = {0.03}",
  bz: "uint8 bz = {140}",
  ys: "float ys = {0.05}",
  yz: "uint8 yz = {120}",
  ws: "float ws = {0.01}",
  wz: "int8 wz = {3}",
  wss: "float[4] wss = {0.004, 0.01, 0.02, 0.007}",
  wzs: "int8[4] wzs = {0, 0, 0, 0}",
  zs: "int8[4] zs = {1, -2, 3, 0}",
  share: "float share = {0.00390625}",
  none: "uint8 none = {0}",
};

interface Case {
  readonly inputs: Readonly<Record<string, readonly [dtype: DataType, shape: Shape]>>;
  readonly call: string;
  /** Of the output y. */
  readonly dtype: DataType;
  readonly shape: Shape;
}

const cases: Readonly<Record<string, Case>> = {
  QLinearConv: {
    inputs: { x: ["uint8", [1, 2, 6, 5]], w: ["int8", [4, 2, 3, 3]], b: ["int32", [4]] },
    call: "QLinearConv <pads = [1, 0, 1, 2], strides = [2, 1], kernel_shape = [3, 3]> (x, as, az, w, ws, wz, ys, yz, b)",
    dtype: "uint8",
    shape: [1, 4, 3, 5],
  },
  "QLinearConv with a scale per channel, in groups, without a bias": {
    inputs: { x: ["uint8", [2, 4, 4, 4]], w: ["int8", [4, 2, 3, 3]] },
    call: "QLinearConv <group = 2> (x, as, az, w, wss, wzs, ys, yz)",
    dtype: "uint8",
    shape: [2, 4, 2, 2],
  },
  QLinearMatMul: {
    inputs: { a: ["uint8", [3, 6]], b: ["uint8", [6, 4]] },
    call: "QLinearMatMul (a, as, az, b, bs, bz, ys, yz)",
    dtype: "uint8",
    shape: [3, 4],
  },
  "QLinearMatMul with a scale per column": {
    inputs: { a: ["uint8", [3, 6]], b: ["int8", [6, 4]] },
    call: "QLinearMatMul (a, as, az, b, wss, wzs, ys, yz)",
    dtype: "uint8",
    shape: [3, 4],
  },
  QGemm: {
    inputs: { a: ["uint8", [3, 6]], b: ["int8", [4, 6]], c: ["int32", [4]] },
    call: "com.microsoft.QGemm <transB = 1, alpha = 0.5> (a, as, az, b, wss, wzs, c, ys, yz)",
    dtype: "uint8",
    shape: [3, 4],
  },
  "QGemm to real numbers": {
    inputs: { a: ["uint8", [6, 3]], b: ["int8", [6, 4]], c: ["int32", [4]] },
    call: "com.microsoft.QGemm <transA = 1, alpha = 2.0> (a, as, az, b, wss, wzs, c)",
    dtype: "float32",
    shape: [3, 4],
  },
  QLinearAdd: {
    inputs: { a: ["uint8", [2, 3, 4]], b: ["uint8", [3, 1]] },
    call: "com.microsoft.QLinearAdd (a, as, az, b, bs, bz, ys, yz)",
    dtype: "uint8",
    shape: [2, 3, 4],
  },
  QLinearMul: {
    inputs: { a: ["uint8", [2, 3, 4]], b: ["uint8", [2, 3, 4]] },
    call: "com.microsoft.QLinearMul (a, as, az, b, bs, bz, ys, yz)",
    dtype: "uint8",
    shape: [2, 3, 4],
  },
  QLinearSigmoid: {
    inputs: { x: ["uint8", [2, 20]] },
    call: "com.microsoft.QLinearSigmoid (x, bs, bz, ws, az)",
    dtype: "uint8",
    shape: [2, 20],
  },
  QLinearLeakyRelu: {
    inputs: { x: ["uint8", [2, 20]] },
    call: "com.microsoft.QLinearLeakyRelu <alpha = 0.3> (x, bs, bz, ys, yz)",
    dtype: "uint8",
    shape: [2, 20],
  },
  QLinearSoftmax: {
    inputs: { x: ["uint8", [3, 5]] },
    call: "com.microsoft.QLinearSoftmax <axis = -1, opset = 13> (x, bs, bz, share, none)",
    dtype: "uint8",
    shape: [3, 5],
  },
  QLinearGlobalAveragePool: {
    inputs: { x: ["uint8", [2, 3, 4, 5]] },
    call: "com.microsoft.QLinearGlobalAveragePool (x, as, az, ws, bz)",
    dtype: "uint8",
    shape: [2, 3, 1, 1],
  },
  QLinearAveragePool: {
    inputs: { x: ["uint8", [1, 2, 5, 5]] },
    call: "com.microsoft.QLinearAveragePool <kernel_shape = [3, 2], strides = [2, 1], pads = [1, 0, 1, 1], count_include_pad = 1> (x, as, az, ws, bz)",
    dtype: "uint8",
    shape: [1, 2, 3, 5],
  },
  QLinearConcat: {
    inputs: { a: ["uint8", [2, 3]], b: ["uint8", [2, 2]] },
    call: "com.microsoft.QLinearConcat <axis = 1> (ys, yz, a, as, az, b, bs, bz)",
    dtype: "uint8",
    shape: [2, 5],
  },
  ConvInteger: {
    inputs: { x: ["uint8", [1, 2, 5, 5]], w: ["uint8", [3, 2, 3, 3]] },
    call: "ConvInteger <pads = [1, 1, 0, 0], strides = [2, 2]> (x, w, az, bz)",
    dtype: "int32",
    shape: [1, 3, 2, 2],
  },
  "ConvInteger without zero points": {
    inputs: { x: ["uint8", [1, 2, 4, 4]], w: ["uint8", [3, 2, 2, 2]] },
    call: "ConvInteger (x, w)",
    dtype: "int32",
    shape: [1, 3, 3, 3],
  },
  MatMulInteger: {
    inputs: { a: ["uint8", [2, 3, 6]], b: ["int8", [6, 4]] },
    call: "MatMulInteger (a, b, az, wz)",
    dtype: "int32",
    shape: [2, 3, 4],
  },
  "MatMulInteger with a zero point per column": {
    inputs: { a: ["uint8", [3, 6]], b: ["int8", [6, 4]] },
    call: "MatMulInteger (a, b, az, zs)",
    dtype: "int32",
    shape: [3, 4],
  },
};

describe("agrees with onnxruntime to one step of the output", () => {
  test.each(Object.keys(cases))("%s", async (name) => {
    const { inputs, call, dtype, shape } = cases[name];
    const read = new Set(call.match(/\w+/g));
    const typeOf = (type: DataType): string => (type === "float32" ? "float" : type);
    const signature = Object.entries(inputs).map(([key, [type, extents]]) => `${typeOf(type)}[${extents}] ${key}`);
    const feeds = Object.fromEntries(
      Object.entries(inputs).map(([key, [type, extents]], i): [string, Tensor] => [
        key,
        type === "int32" ? tensorOf(type, [900, -2500, 40, -7], extents) : bytes(type, extents, i + 1),
      ]),
    );
    const model = parseQuantized(
      `(${signature.join(", ")}) => (${typeOf(dtype)}[${shape}] y)`,
      Object.keys(parameters)
        .filter((key) => read.has(key))
        .map((key) => parameters[key])
        .join(", ") || "float unused = {0}",
      `y = ${call}`,
    );
    const expected = numeric((await runModel(model, feeds)).y);
    const { graph } = canonicalForm(model).model;
    const real = Object.fromEntries(Object.entries(feeds).map(([key, tensor]) => [key, numeric(tensor)]));
    const { y } = evaluate(graph, real);
    expect([y.dtype, y.shape]).toEqual([dtype, shape]);
    const errors = y.data.map((value, i) => Math.abs(value - expected.data[i]));
    if (dtype === "float32") expect(Math.max(...errors)).toBeLessThan(1e-5);
    else if (dtype === "int32") expect(Math.max(...errors)).toBe(0);
    else {
      expect(Math.max(...errors)).toBeLessThanOrEqual(1);
      expect(errors.filter((error) => error > 0).length).toBeLessThanOrEqual(0.05 * errors.length);
    }
    expect(new Set(expected.data).size).toBeGreaterThan(2);
  });

  test.each([
    ["of both signs", [-1.5, 0.3, 2.75, 1]],
    ["above zero only", [0.5, 0.3, 2.75, 1]],
    ["below zero only", [-1.5, -0.3, -2.75, -1]],
  ])("DynamicQuantizeLinear of numbers %s", async (_, x) => {
    const outputs = "(uint8[4] y, float s, uint8 z)";
    const model = parseQuantized(
      `(float[4] x) => ${outputs}`,
      "float unused = {0}",
      "y, s, z = DynamicQuantizeLinear (x)",
    );
    const feeds = { x: floatTensor(x, [4]) };
    const expected = await runModel(model, feeds);
    const found = evaluate(canonicalForm(model).model.graph, { x: numeric(feeds.x) });
    for (const name of ["y", "z"]) expect([...found[name].data]).toEqual([...numeric(expected[name]).data]);
    expect(found.s.data[0]).toBeCloseTo(numeric(expected.s).data[0], 8);
    expect(Object.values(found).map(({ dtype, shape }) => [dtype, shape])).toEqual([
      ["uint8", [4]],
      ["float32", []],
      ["uint8", []],
    ]);
  });
});

/** The gradient of Σ v y with respect to x. */
function gradientOf(model: ReturnType<typeof parseQuantized>, x: NumericTensor, v: NumericTensor): number[] {
  const { graph } = canonicalForm(model).model;
  return [...evaluate(differentiate(graph), { x, cotangent: v }, ["x_gradient"]).x_gradient.data];
}

describe("gradients go straight through", () => {
  const weights = [3, -5, 7, 11, -2, 4];

  test("a dynamically quantized product: that of the real weights, the scale that is computed from x cancels", () => {
    const model = parseQuantized(
      "(float[1,3] x) => (float[1,2] y)",
      `int8[3,2] w = {${weights}}, int8 wz = {1}, float ws = {0.5}`,
      `q, s, z = DynamicQuantizeLinear (x) i = MatMulInteger (q, w, z, wz) f = Cast <to = 1> (i)
       t = Mul (s, ws) y = Mul (f, t)`,
    );
    const x = numeric(floatTensor([0.5, -1, 2], [1, 3]));
    const gradient = gradientOf(model, x, numeric(floatTensor([1, 10], [1, 2])));
    const real = weights.map((weight) => 0.5 * (weight - 1));
    const expected = [0, 1, 2].map((k) => real[2 * k] + 10 * real[2 * k + 1]);
    expect(gradient).toEqual(expected.map((value) => expect.closeTo(value, 4)));
    const { graph, notes } = { ...canonicalForm(model).model, notes: canonicalForm(model).notes };
    expect(notes).toEqual(["quantized (1 QuantizeLinear nodes): gradients pass straight through the rounding"]);
    const { arrives, straightThrough } = gradientSteps(graph);
    expect(arrives).toBe(true);
    expect(straightThrough.map(({ opType }) => opType)).toContain("QuantizeLinear");
  });

  test("the same in QDQ form", () => {
    const model = parseQuantized(
      "(float[4] x) => (float[4] y)",
      "float two = {2}",
      "q, s, z = DynamicQuantizeLinear (x) d = DequantizeLinear (q, s, z) y = Mul (d, two)",
    );
    const x = numeric(floatTensor([0.5, -1, 2, 0.1], [4]));
    const gradient = gradientOf(model, x, numeric(floatTensor([1, 2, 3, 4], [4])));
    expect(gradient).toEqual([2, 4, 6, 8].map((value) => expect.closeTo(value, 5)));
  });

  test("a quantized convolution: that of the real kernel, but nothing where a number saturates", () => {
    const model = parseQuantized(
      "(float[1,1,1,4] x) => (float[1,1,1,3] y)",
      `float s = {0.1}, uint8 z = {100}, int8[1,1,1,2] w = {4, -6}, float ws = {0.5}, int8 wz = {0}, float ys = {1},
       uint8 yz = {5}, int32[1] b = {20}`,
      `q = QuantizeLinear (x, s, z) c = QLinearConv (q, s, z, w, ws, wz, ys, yz, b) y = DequantizeLinear (c, ys, yz)`,
    );
    // y = 2 x₀ − 3 x₁ + 1, and at least −5: the second window has 2 − 9 + 1, below it.
    const x = numeric(floatTensor([1, 1, 3, 0.5], [1, 1, 1, 4]));
    const gradient = gradientOf(model, x, numeric(floatTensor([1, 10, 100], [1, 1, 1, 3])));
    expect(gradient).toEqual([2, -3, 200, -300].map((value) => expect.closeTo(value, 3)));
  });
});

describe("what cannot be rewritten is refused in words", () => {
  test.each([
    ["channels_last", "com.microsoft.QLinearGlobalAveragePool <channels_last = 1> (x, s, z, s, z)"],
    ["axis", "com.microsoft.QLinearSoftmax <axis = 1> (x, s, z, s, z)"],
  ])("%s", (name, call) => {
    const model = parseQuantized(
      "(uint8[1,2,3,3] x) => (uint8[N] y)",
      "float s = {1}, uint8 z = {0}",
      `[n] y = ${call}`,
    );
    expect(() => canonicalForm(model)).toThrow(UnsupportedError);
    expect(() => canonicalForm(model)).toThrow(
      new RegExp(`\\(n\\): this form of the quantized operator.*expected ${name}`),
    );
  });

  test("an input that is missing", () => {
    const model = parseQuantized("(uint8[1,2] x) => (uint8[N] y)", "float s = {1}", "[n] y = QLinearMatMul (x, s)");
    expect(() => canonicalForm(model)).toThrow(BadInputError);
    expect(() => canonicalForm(model)).toThrow("QLinearMatMul (n): input 3 is left out");
  });
});
