import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { expectRule, float32, gradientsAt, outputsOf, over } from "../../../test/expect-operator.ts";
import type { NumericTensor } from "../../onnx/numeric-tensor.ts";
import { checkVjp, testTensor } from "../../testing/check-vjp.ts";
import { isNonDifferentiable, vjpRules } from "./index.ts";

describe("one input", () => {
  test.each([
    ["Identity", -1, 1],
    ["Dropout", -1, 1],
    ["Neg", -1, 1],
    ["Abs", -1, 1],
    ["Sqrt", 0.1, 2],
    ["Exp", -2, 2],
    ["Log", 0.1, 2],
    ["Reciprocal", 0.3, 2],
    ["Reciprocal", -2, -0.3],
    ["Erf", -3, 3],
    ["Sin", -5, 5],
    ["Cos", -5, 5],
    ["Tan", -1.3, 1.3],
    ["Asin", -0.9, 0.9],
    ["Acos", -0.9, 0.9],
    ["Atan", -4, 4],
    ["Sinh", -2, 2],
    ["Cosh", -2, 2],
    ["Asinh", -4, 4],
    ["Acosh", 1.2, 4],
    ["Atanh", -0.9, 0.9],
  ])("%s on (%d, %d)", (opType, low, high) => expectRule(opType, [over(low, high)]));
});

describe("several inputs, each repeated along some axes", () => {
  const shapes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }).chain((full) => {
    const operand = fc
      .array(fc.boolean(), { minLength: full.length, maxLength: full.length })
      .map((isRepeated) => full.map((extent, axis) => (isRepeated[axis] ? 1 : extent)));
    return fc.tuple(operand, operand, operand);
  });
  const runs = { numRuns: 15 };

  test.each(["Add", "Sub", "Mul", "Div"])("%s", (opType) =>
    fc.assert(
      fc.asyncProperty(shapes, ([a, b]) => expectRule(opType, [over(-1, 1, 1, a), over(0.5, 1.5, 2, b)])),
      runs,
    ),
  );

  test.each(["Sum", "Mean", "Max", "Min"])("%s of one, two and three", async (opType) => {
    await expectRule(opType, [over(-1, 1)]);
    // Multiples of different irrational numbers are never equal.
    await fc.assert(
      fc.asyncProperty(shapes, ([a, b, c]) =>
        expectRule(opType, [over(-1, 1, 1, a), over(-Math.SQRT2, 1.1, 2, b), over(-1.1, Math.SQRT2, 3, c)]),
      ),
      runs,
    );
  });

  test("Where", () =>
    fc.assert(
      fc.asyncProperty(shapes, ([a, b, c]) =>
        expectRule("Where", [testTensor(a, [1, 0, 0, 1, 1], "bool"), over(-1, 1, 2, b), over(-2, 2, 3, c)]),
      ),
      runs,
    ));

  test("Pow, with respect to base and exponent, and with the exponents that need no power", async () => {
    await expectRule("Pow", [over(0.2, 2), over(-1.5, 2.5, 2, [3, 1])]);
    for (const exponent of [0, 0.5, 1, 2, 3, -1, -2.5]) {
      await expectRule("Pow", [over(0.2, 2), float32([exponent], [])], { constants: [1] });
      await expectRule("Pow", [over(0.2, 2), float32([exponent], [1, 1, 1, 1])], { constants: [1] });
    }
    for (const exponent of [2, 3, -1]) {
      await expectRule("Pow", [over(-2.05, 2.05), float32([exponent], [])], { constants: [1] });
      await expectRule("Pow", [over(-2.05, 2.05), testTensor([], [exponent], "int64")]);
    }
    await expectRule("Pow", [over(0.2, 2), float32([2, 3, 0], [3, 1])], { constants: [1] });
  });

  test("Mod, which for floats is fmod", async () => {
    const check = checkVjp("Mod", [over(-5, 5), over(1.1, 1.9, 2)], { attributes: { fmod: 1 } });
    expect(check.relativeError).toBeLessThan(1e-6);
    await expectRule("Mod", [float32([5, -5, 7, -7.5]), float32([3, 3, -2, -2])], { attributes: { fmod: 1 } });
  });

  test("Cast and CastLike to another float type and back", async () => {
    await expectRule("Cast", [over(-1, 1)], { attributes: { to: 1 } });
    await expectRule("CastLike", [over(-1, 1), over(-1, 1)], { wrt: [0] });
    const { graph, relativeError } = checkVjp("Cast", [over(-1, 1)], { attributes: { to: 11 }, outputs: [0] });
    expect(relativeError).toBeLessThan(1e-6);
    expect(graph.outputs.map(({ dtype }) => dtype)).toEqual(["float64", "float32"]);
  });
});

describe("at kinks and ties the derivative is PyTorch's", () => {
  test.each<[string, string, readonly NumericTensor[], Readonly<Record<string, unknown>>, readonly number[]]>([
    ["Abs at 0", "Abs", [float32([0, -0])], {}, [0, 0]],
    ["Sqrt at 0", "Sqrt", [float32([0])], {}, [Infinity]],
    ["a square at 0", "Pow", [float32([0]), float32([2], [])], {}, [0]],
    ["a root at 0", "Pow", [float32([0]), float32([0.5], [])], {}, [Infinity]],
    ["the power 0 at 0", "Pow", [float32([0]), float32([0], [])], {}, [0]],
    ["the power 1 at 0", "Pow", [float32([0]), float32([1], [])], {}, [1]],
  ])("%s", (_, opType, inputs, attributes, expected) => {
    const constants = inputs.slice(1).map((_, i) => i + 1);
    const [gradient] = gradientsAt(opType, inputs, { attributes: attributes as never, constants });
    expect(gradient).toEqual(expected);
  });

  test("Max and Min share equally between equal inputs", () => {
    const two = [float32([1, 2, 3]), float32([1, 3, 2])];
    expect(gradientsAt("Max", two)).toEqual([
      [0.5, 0, 1],
      [0.5, 1, 0],
    ]);
    expect(gradientsAt("Min", two)).toEqual([
      [0.5, 1, 0],
      [0.5, 0, 1],
    ]);
    const three = [float32([1]), float32([1]), float32([0])];
    expect(gradientsAt("Max", three)).toEqual([[0.5], [0.5], [0]]);
  });

  test("a power with a varying exponent: 0 where the base is 0 or the exponent 0", () => {
    const [base, exponent] = gradientsAt("Pow", [float32([0, 0, 0, 3]), float32([2, 0, 0.5, 0])]);
    expect(base).toEqual([0, 0, Infinity, 0]);
    expect(exponent).toEqual([0, 0, 0, Math.log(3)]);
  });
});

test.each(["Sign", "IsNaN", "Equal", "And"])("%s is declared to have no derivative", (opType) => {
  expect(isNonDifferentiable(opType)).toBe(true);
  expect(vjpRules).not.toHaveProperty(opType);
});

test("what passes through a sign has the gradient 0", () => {
  expect(gradientsAt("Sign", [float32([0.5, -1.5])])).toEqual([[0, 0]]);
  expect(outputsOf("Floor", [float32([0.5, 1.5, -0.5])])).toEqual([[0, 1, -1]]);
});
