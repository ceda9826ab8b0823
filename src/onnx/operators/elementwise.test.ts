import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { expectKernel, float32, int64, outputsOf } from "../../../test/expect-operator.ts";
import { UnsupportedError } from "../../errors.ts";
import { testTensor } from "../../testing/check-vjp.ts";
import { float } from "../attributes.ts";
import { evaluate } from "../evaluate.ts";
import { inferShapes } from "../infer-shapes.ts";
import { parseGraph } from "../text/parse.ts";
import { erf } from "./arithmetic/erf.ts";

/** Element-type numbers of ONNX files. */
const [floatType, int64Type, boolType] = [1, 7, 9];

describe("by hand", () => {
  test("integer division and casts go toward zero, float ones do not", () => {
    expect(outputsOf("Div", [int64([7, -7, 7, -7]), int64([2, 2, -2, -2])])).toEqual([[3, -3, -3, 3]]);
    expect(outputsOf("Div", [float32([7, -7]), float32([2, 2])])).toEqual([[3.5, -3.5]]);
    expect(outputsOf("Cast", [float32([1.9, -1.9, 0.5])], { attributes: { to: int64Type } })).toEqual([[1, -1, 0]]);
    expect(outputsOf("Cast", [float32([0.5, 0, -2])], { attributes: { to: boolType } })).toEqual([[1, 0, 1]]);
    expect(outputsOf("CastLike", [float32([2.7]), int64([0])])).toEqual([[2]]);
  });

  test("Mod has the divisor's sign, fmod the dividend's", () => {
    const inputs = [int64([-4, 7, 5, 4, -7, 8]), int64([3, -3, 8, -3, 3, 5])];
    expect(outputsOf("Mod", inputs)).toEqual([[2, -2, 5, -2, 2, 3]]);
    expect(outputsOf("Mod", inputs, { attributes: { fmod: 1 } })).toEqual([[-1, 1, 5, 1, -1, 3]]);
  });

  test("halves are rounded to even", () => {
    const [rounded] = outputsOf("Round", [float32([0.5, 1.5, 2.5, -0.5, -1.5, 2.4, -2.6])]);
    expect(rounded.map((x) => x + 0)).toEqual([0, 2, 2, 0, -2, 2, -3]);
  });

  test("where the bounds of Clip cross, the upper one wins", () => {
    expect(outputsOf("Clip", [float32([-1, 0, 5]), float32([3], []), float32([2], [])])).toEqual([[2, 2, 2]]);
  });

  test("erf to the digits of published tables", () => {
    // Abramowitz and Stegun, table 7.1.
    expect(erf(0)).toBe(0);
    expect(erf(0.5)).toBeCloseTo(0.520499877813047, 14);
    expect(erf(1)).toBeCloseTo(0.842700792949715, 14);
    expect(erf(-2)).toBeCloseTo(-0.995322265018953, 14);
    expect(1 - erf(3.5)).toBeCloseTo(7.43098372e-7, 15);
    expect(erf(7)).toBe(1);
    expect(Math.abs(erf(3 - 1e-9) - erf(3 + 1e-9))).toBeLessThan(1e-12);
    expect(erf(Number.NaN)).toBeNaN();
  });

  test("Sigmoid and Softplus do not overflow", () => {
    expect(outputsOf("Sigmoid", [float32([-1000, 1000])])).toEqual([[0, 1]]);
    expect(outputsOf("Softplus", [float32([-1000, 1000])])).toEqual([[0, 1000]]);
  });

  test("Dropout in training mode is refused", () => {
    const inputs = [float32([1]), float32([0.5], []), testTensor([], [1], "bool")];
    expect(() => outputsOf("Dropout", inputs)).toThrow(UnsupportedError);
    const graph = (ratio: number) =>
      parseGraph(`g (float[2] x) => (float[2] y) <float r = {${ratio}}, bool t = {1}> { y = Dropout (x, r, t) }`);
    expect(() => inferShapes(graph(0.5))).toThrow("Dropout (y): Dropout in training mode");
    expect(evaluate(graph(0), { x: float32([1, -1]) }).y.data).toEqual(Float64Array.of(1, -1));
    expect(outputsOf("Dropout", [float32([1, -1])], { outputCount: 2 })).toEqual([
      [1, -1],
      [1, 1],
    ]);
  });
});

describe("as onnxruntime does", () => {
  const numbers = fc.array(fc.integer({ min: -6, max: 6 }), { minLength: 6, maxLength: 6 });
  const runs = { numRuns: 15 };

  test.each(["Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal"])("%s, of floats and integers", (opType) =>
    fc.assert(
      fc.asyncProperty(numbers, numbers, async (a, b) => {
        await expectKernel(opType, [float32(a, [2, 3]), float32(b.slice(3), [3])]);
        await expectKernel(opType, [int64(a, [2, 3]), int64(b.slice(0, 2), [2, 1])]);
      }),
      runs,
    ),
  );

  test.each(["And", "Or", "Xor"])("%s", (opType) =>
    expectKernel(opType, [testTensor([2, 1], [0, 1], "bool"), testTensor([2], [0, 1], "bool")]),
  );

  test("Not", () => expectKernel("Not", [testTensor([2], [0, 1], "bool")]));

  test.each(["Add", "Sub", "Mul", "Max", "Min"])("%s, of integers", (opType) =>
    fc.assert(
      fc.asyncProperty(numbers, numbers, (a, b) => expectKernel(opType, [int64(a), int64(b)])),
      runs,
    ),
  );

  test.each([
    ["Div", {}],
    ["Mod", {}],
    ["Mod", { fmod: 1 }],
  ])("%s %j, of integers of both signs", (opType, attributes) =>
    fc.assert(
      fc.asyncProperty(numbers, numbers, (a, b) =>
        expectKernel(opType, [int64(a), int64(b.map((x) => x || 7))], { attributes }),
      ),
      runs,
    ),
  );

  test.each(["Sign", "Floor", "Ceil", "Round", "IsNaN", "IsInf", "Abs", "Neg", "Reciprocal", "Sqrt", "Log"])(
    "%s, of whole, half and extreme numbers",
    (opType) =>
      expectKernel(opType, [float32([-2.5, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2.5, Infinity, -Infinity, Number.NaN])]),
  );

  test("IsInf of one sign", async () => {
    const x = float32([Infinity, -Infinity, 1]);
    await expectKernel("IsInf", [x], { attributes: { detect_negative: 0 } });
    await expectKernel("IsInf", [x], { attributes: { detect_positive: 0 } });
  });

  test("Cast between numbers, booleans and integers", async () => {
    for (const to of [floatType, int64Type, boolType]) {
      await expectKernel("Cast", [float32([-1.5, 0, 0.4, 2.9])], { attributes: { to } });
      await expectKernel("Cast", [int64([-2, 0, 3])], { attributes: { to } });
      await expectKernel("Cast", [testTensor([2], [0, 1], "bool")], { attributes: { to } });
    }
  });

  test("Pow with integers", async () => {
    await expectKernel("Pow", [int64([2, -3, 5]), int64([3, 2, 0])]);
    await expectKernel("Pow", [int64([4, 9]), float32([0.5, 0.5])]);
    await expectKernel("Pow", [float32([-2, 0.5]), int64([3, -2])]);
  });

  test("activations at and beyond their kinks", async () => {
    const x = float32([-100, -3, -1, -0.5, 0, 0.5, 1, 3, 6, 100]);
    for (const opType of [
      "Relu",
      "HardSwish",
      "HardSigmoid",
      "Elu",
      "Selu",
      "Celu",
      "Softplus",
      "Softsign",
      "Mish",
      "Erf",
    ]) {
      await expectKernel(opType, [x]);
    }
    await expectKernel("ThresholdedRelu", [x], { attributes: { alpha: float(0.5) } });
    await expectKernel("Shrink", [x], { attributes: { lambd: float(0.5), bias: float(0.25) } });
    await expectKernel("PRelu", [x, float32([0.25], [1])]);
    await expectKernel("Clip", [x, float32([-0.5], []), float32([3], [])]);
    for (const approximate of ["none", "tanh"])
      await expectKernel("Gelu", [x], { attributes: { approximate }, opset: 20 });
  });
});
