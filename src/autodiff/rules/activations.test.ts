import { describe, expect, test } from "vitest";
import { expectRule, float32, gradientsAt, over } from "../../../test/expect-operator.ts";
import { float } from "../../onnx/attributes.ts";
import type { NumericTensor } from "../../onnx/numeric-tensor.ts";

describe("one input", () => {
  test.each([
    ["Tanh", -2, 2],
    ["Relu", -1, 1],
    ["Sigmoid", -6, 6],
    ["HardSwish", -4.1, 4.2],
    ["Softplus", -6, 6],
    ["Softsign", -3, 3],
    ["Mish", -5, 5],
  ])("%s on (%d, %d)", (opType, low, high) => expectRule(opType, [over(low, high)]));

  test.each([
    ["LeakyRelu", {}],
    ["LeakyRelu", { alpha: float(0.3) }],
    ["LeakyRelu", { alpha: float(-0.5) }],
    ["HardSigmoid", {}],
    ["HardSigmoid", { alpha: float(0.4), beta: float(0.3) }],
    ["ThresholdedRelu", {}],
    ["ThresholdedRelu", { alpha: float(-0.57) }],
    ["Shrink", { lambd: float(0.77), bias: float(0.3) }],
    ["Elu", {}],
    ["Elu", { alpha: float(1.7) }],
    ["Celu", {}],
    ["Celu", { alpha: float(0.6) }],
    ["Selu", {}],
    ["Selu", { alpha: float(1.2), gamma: float(0.8) }],
  ])("%s %j", (opType, attributes) => expectRule(opType, [over(-3.05, 3.05)], { attributes }));

  test.each(["none", "tanh"])("Gelu, approximate = %s", (approximate) =>
    expectRule("Gelu", [over(-4, 4)], { attributes: { approximate }, opset: 20 }),
  );

  test.each([1, 1.702, -0.5])("Swish, alpha = %d", (alpha) =>
    expectRule("Swish", [over(-4, 4)], { attributes: { alpha: float(alpha) }, opset: 24 }),
  );
});

describe("parameters that are inputs", () => {
  test("PRelu", async () => {
    await expectRule("PRelu", [over(-1, 1), over(0.1, 0.5, 2)]);
    await expectRule("PRelu", [over(-1, 1), over(-0.5, 0.5, 2, [3, 1])]);
    await expectRule("PRelu", [over(-1, 1), float32([0.25], [1])]);
  });

  test("Clip, with both bounds, one or none, with respect to the bounds too", async () => {
    const [low, high] = [float32([-0.43], []), float32([0.56], [])];
    await expectRule("Clip", [over(-1, 1), low, high]);
    await expectRule("Clip", [over(-1, 1), low, high], { constants: [1, 2] });
    await expectRule("Clip", [over(-1, 1), low], { constants: [1] });
    await expectRule("Clip", [over(-1, 1), undefined, high], { constants: [2] });
    await expectRule("Clip", [over(-1, 1)]);
    await expectRule("Clip", [over(-8, 8), float32([0], []), float32([6], [])], { constants: [1, 2] });
    await expectRule("Clip", [over(-8, 8), float32([0], [])], { constants: [1] });
  });
});

describe("at kinks the derivative is PyTorch's", () => {
  const bounds = (low: number, high: number): NumericTensor[] => [float32([low], []), float32([high], [])];
  test.each<[string, string, readonly NumericTensor[], Readonly<Record<string, unknown>>, readonly number[]]>([
    ["Relu at 0", "Relu", [float32([0, -0])], {}, [0, 0]],
    ["LeakyRelu at 0", "LeakyRelu", [float32([0])], { alpha: float(0.25) }, [0.25]],
    ["clamp at its bounds", "Clip", [float32([0, 1]), ...bounds(0, 1)], {}, [1, 1]],
    ["relu6 at its bounds", "Clip", [float32([0, 6, 3]), ...bounds(0, 6)], {}, [0, 0, 1]],
    ["HardSigmoid at 0 and 1", "HardSigmoid", [float32([-2, 2])], { alpha: float(0.25) }, [0, 0]],
    ["HardSwish at −3 and 3", "HardSwish", [float32([-3, 3])], {}, [0, 1]],
    ["ThresholdedRelu at α", "ThresholdedRelu", [float32([1])], {}, [0]],
    ["Shrink at ±λ", "Shrink", [float32([-0.5, 0.5])], {}, [0, 0]],
    ["Elu at 0", "Elu", [float32([0])], { alpha: float(1.5) }, [1.5]],
    ["Celu at 0", "Celu", [float32([0])], { alpha: float(2) }, [1]],
    ["Selu at 0", "Selu", [float32([0])], { alpha: float(1.5), gamma: float(2) }, [3]],
  ])("%s", (_, opType, inputs, attributes, expected) => {
    const constants = inputs.slice(1).map((_, i) => i + 1);
    const [gradient] = gradientsAt(opType, inputs, { attributes: attributes as never, constants });
    expect(gradient).toEqual(expected);
  });

  test("PRelu at 0 has the slope on its left", () => {
    expect(gradientsAt("PRelu", [float32([0, -2]), float32([0.25])])).toEqual([[0.25, 0.25], [-2]]);
  });
});
