import fc from "fast-check";
import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { expectKernel, expectRule, float32, gradientsAt, outputsOf } from "../../../test/expect-operator.ts";
import { UnsupportedError } from "../../errors.ts";
import { type AttributeValue, float } from "../../onnx/attributes.ts";
import { evaluate } from "../../onnx/evaluate.ts";
import type { NumericTensor } from "../../onnx/numeric-tensor.ts";
import type { Shape } from "../../tensor/tensor.ts";
import { checkVjp, spreadTensor, testTensor } from "../../testing/check-vjp.ts";
import { runtimeError } from "../../testing/compare-runtime.ts";

/** The same draws every time: a sum that happens to cancel keeps no digits in float32, whatever the rule. */
const draws = { seed: 20221 };

interface Setting {
  readonly inputs: readonly (NumericTensor | undefined)[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly outputCount?: number;
}

/** The rule against a central difference, and the graph with its gradient in onnxruntime against the evaluator. */
async function check(opType: string, { inputs, attributes, outputCount = 1 }: Setting, opset = 18): Promise<void> {
  const { relativeError, graph, feeds } = checkVjp(opType, inputs, { attributes, outputCount });
  expect(relativeError).toBeLessThan(1e-6);
  // Differences of nearly equal numbers: float32 keeps fewer digits than in plain sums.
  expect(await runtimeError(ort, graph, feeds, { opset })).toBeLessThan(1e-4);
}

const shape = fc.array(fc.integer({ min: 2, max: 4 }), { minLength: 1, maxLength: 4 });
const spatial = fc.array(fc.integer({ min: 2, max: 4 }), { minLength: 1, maxLength: 3 });
const epsilon = fc.constantFrom(1e-5, 1e-3, 0.1);
const count = fc.integer({ min: 1, max: 3 });

function positive(extents: Shape, seed: number): NumericTensor {
  const tensor = spreadTensor(extents, seed);
  return { ...tensor, data: tensor.data.map((x) => 1.5 + x) };
}

/** `tensor` times a constant, so that softmax and roots are far from linear. */
function stretched(tensor: NumericTensor, factor = 3): NumericTensor {
  return { ...tensor, data: tensor.data.map((x) => factor * x) };
}

test.each(["Softmax", "LogSoftmax"])("%s: the rule holds along any axis", async (opType) => {
  await fc.assert(
    fc.asyncProperty(shape, fc.integer({ min: -4, max: 3 }), async (extents, drawn) => {
      const rank = extents.length;
      const axis = Math.max(-rank, Math.min(drawn, rank - 1));
      await check(opType, { inputs: [stretched(spreadTensor(extents))], attributes: { axis } });
    }),
    { ...draws, numRuns: 40 },
  );
});

test("BatchNormalization: the rule holds for the input and for all four parameters", async () => {
  await fc.assert(
    fc.asyncProperty(count, count, spatial, epsilon, async (n, c, extents, e) => {
      const inputs = [
        spreadTensor([n, c, ...extents]),
        spreadTensor([c], 2),
        spreadTensor([c], 3),
        spreadTensor([c], 4),
        positive([c], 5),
      ];
      await check("BatchNormalization", { inputs, attributes: { epsilon: float(e) } });
    }),
    { ...draws, numRuns: 40 },
  );
});

test("LayerNormalization: the rule holds from any axis on, with and without bias, for all three outputs", async () => {
  await fc.assert(
    fc.asyncProperty(
      shape,
      fc.integer({ min: -4, max: 3 }),
      epsilon,
      fc.boolean(),
      fc.constantFrom(1, 3),
      async (extents, drawn, e, biased, outputCount) => {
        const rank = extents.length;
        const axis = Math.max(-rank, Math.min(drawn, rank - 1));
        const own = extents.slice(axis < 0 ? axis + rank : axis);
        const inputs = [spreadTensor(extents), spreadTensor(own, 2), biased ? spreadTensor(own, 3) : undefined];
        await check("LayerNormalization", { inputs, attributes: { axis, epsilon: float(e) }, outputCount });
      },
    ),
    { ...draws, numRuns: 60 },
  );
});

test("RMSNormalization: the rule holds from any axis on", async () => {
  await fc.assert(
    fc.asyncProperty(shape, fc.integer({ min: -4, max: 3 }), epsilon, async (extents, drawn, e) => {
      const rank = extents.length;
      const axis = Math.max(-rank, Math.min(drawn, rank - 1));
      const own = extents.slice(axis < 0 ? axis + rank : axis);
      const inputs = [spreadTensor(extents), spreadTensor(own, 2)];
      await check("RMSNormalization", { inputs, attributes: { axis, epsilon: float(e) } }, 23);
    }),
    { ...draws, numRuns: 40 },
  );
});

test("InstanceNormalization: the rule holds for input, scale and bias", async () => {
  await fc.assert(
    fc.asyncProperty(count, count, spatial, epsilon, async (n, c, extents, e) => {
      const inputs = [spreadTensor([n, c, ...extents]), spreadTensor([c], 2), spreadTensor([c], 3)];
      await check("InstanceNormalization", { inputs, attributes: { epsilon: float(e) } });
    }),
    { ...draws, numRuns: 40 },
  );
});

test.each([
  { form: "per group (opset 18)", opset: 18 },
  { form: "per channel (opset 21)", opset: 21 },
])("GroupNormalization: the rule holds with scale and bias $form", async ({ opset }) => {
  await fc.assert(
    fc.asyncProperty(count, count, count, spatial, epsilon, async (n, num_groups, perGroup, extents, e) => {
      const scales = opset === 18 ? num_groups : num_groups * perGroup;
      const inputs = [
        spreadTensor([n, num_groups * perGroup, ...extents]),
        spreadTensor([scales], 2),
        spreadTensor([scales], 3),
      ];
      await check("GroupNormalization", { inputs, attributes: { num_groups, epsilon: float(e) } }, opset);
    }),
    { ...draws, numRuns: 40 },
  );
});

test("MeanVarianceNormalization: the rule holds over any axes", async () => {
  await fc.assert(
    fc.asyncProperty(
      // Two elements always become −1 and 1, whatever they are: there the derivative is 0.
      fc.array(fc.integer({ min: 3, max: 4 }), { minLength: 4, maxLength: 4 }),
      fc.constantFrom(undefined, [0, 2, 3], [2, 3], [1], [0, 1, 2, 3]),
      async (extents, axes) => {
        await check("MeanVarianceNormalization", { inputs: [spreadTensor(extents)], attributes: { axes } });
      },
    ),
    { ...draws, numRuns: 30 },
  );
});

test.each([1, 2])("LpNormalization: the rule holds along any axis for p = %d", async (p) => {
  // Along two elements the drawn input and direction could be parallel, where the derivative is 0.
  const longer = fc.array(fc.integer({ min: 3, max: 4 }), { minLength: 1, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(longer, fc.integer({ min: -4, max: 3 }), async (extents, drawn) => {
      const rank = extents.length;
      const axis = Math.max(-rank, Math.min(drawn, rank - 1));
      await check("LpNormalization", { inputs: [spreadTensor(extents)], attributes: { axis, p } });
    }),
    { ...draws, numRuns: 30 },
  );
});

test("LRN: the rule holds for odd and even sizes, also beyond the number of channels", async () => {
  await fc.assert(
    fc.asyncProperty(
      count,
      fc.integer({ min: 1, max: 6 }),
      spatial,
      fc.integer({ min: 1, max: 7 }),
      async (n, c, extents, size) => {
        const attributes = { size, alpha: float(0.5), beta: float(0.75), bias: float(1.5) };
        const inputs = [stretched(spreadTensor([n, c, ...extents]))];
        // onnxruntime has this operator for pictures and odd sizes only.
        if (extents.length === 2 && size % 2 === 1) await check("LRN", { inputs, attributes });
        else expect(checkVjp("LRN", inputs, { attributes }).relativeError).toBeLessThan(1e-6);
      },
    ),
    { ...draws, numRuns: 60 },
  );
});

describe("by hand", () => {
  test("Softmax's gradient at equal logits is the centered cotangent over n", () => {
    const { graph, feeds } = checkVjp("Softmax", [testTensor([1, 2], [3, 3])]);
    const v0 = testTensor([1, 2], [1, 0]);
    expect([...evaluate(graph, { ...feeds, v0 }).gradient0.data]).toEqual([0.25, -0.25]);
  });

  test("Softmax and LogSoftmax neither overflow nor lose the tail", () => {
    expect(outputsOf("Softmax", [float32([1000, 1000, -1000], [1, 3])])).toEqual([[0.5, 0.5, 0]]);
    expect(outputsOf("LogSoftmax", [float32([0, 1000], [1, 2])])).toEqual([[-1000, 0]]);
  });

  test("Hardmax marks the first of equals, as in onnxruntime", async () => {
    const tied = testTensor([2, 3, 2], [1, 5, 5, 5, 0, 2, 7, 7, 7, 1, 3, 7]);
    expect(outputsOf("Hardmax", [float32([1, 5, 5, 0], [1, 4])])).toEqual([[0, 1, 0, 0]]);
    for (const axis of [0, 1, 2, -1]) await expectKernel("Hardmax", [tied], { attributes: { axis } });
  });

  test("BatchNormalization is affine: its input's gradient is scale / √(var + epsilon), wherever the input lies", () => {
    const vector = (values: readonly number[]): NumericTensor => testTensor([2], values);
    const inputs = [spreadTensor([1, 2, 2]), vector([3, -8]), vector([5, 6]), vector([1, 2]), vector([0.75, 3.75])];
    const [gradient] = gradientsAt("BatchNormalization", inputs, { attributes: { epsilon: float(0.25) }, wrt: [0] });
    expect(gradient).toEqual([3, 3, -4, -4]);
  });

  test("LayerNormalization: what only shifts or stretches its input does not reach its output", () => {
    const x = testTensor([4], [1, -2, 0.5, 3]);
    const check = checkVjp("LayerNormalization", [x, testTensor([4], [1])], {
      attributes: { epsilon: float(0) },
      wrt: [0],
    });
    const { gradient0 } = evaluate(check.graph, check.feeds);
    const alongOnes = gradient0.data.reduce((sum, d) => sum + d, 0);
    const alongInput = gradient0.data.reduce((sum, d, i) => sum + d * x.data[i], 0);
    expect(alongOnes).toBeCloseTo(0, 12);
    expect(alongInput).toBeCloseTo(0, 12);
  });

  test("LpNormalization: the zero vector stays zero and has no gradient", () => {
    for (const p of [1, 2]) {
      const zero = [testTensor([1, 3], [0])];
      expect(outputsOf("LpNormalization", zero, { attributes: { p } })).toEqual([[0, 0, 0]]);
      expect(gradientsAt("LpNormalization", zero, { attributes: { p } })).toEqual([[0, 0, 0]]);
    }
  });

  test("LRN of one channel alone", () => {
    const attributes = { size: 3, alpha: float(3), beta: float(1), bias: float(2) };
    expect(outputsOf("LRN", [float32([2], [1, 1, 1])], { attributes })).toEqual([[2 / 6]]);
    // y = x / (2 + x²) ⇒ y' = (2 − x²) / (2 + x²)²
    const [[slope]] = gradientsAt("LRN", [float32([2], [1, 1, 1])], { attributes });
    expect(slope).toBeCloseTo(-2 / 36, 12);
  });
});

test("BatchNormalization in training mode is refused", () => {
  const inputs = [spreadTensor([1, 2, 2]), ...[2, 3, 4, 5].map((seed) => positive([2], seed))];
  const build = (): unknown => checkVjp("BatchNormalization", inputs, { attributes: { training_mode: 1 } });
  expect(build).toThrow(UnsupportedError);
  expect(build).toThrow(/training mode/);
});

test.each([
  ["Softmax", [[2, 5]], {}],
  ["LogSoftmax", [[2, 5]], {}],
  ["BatchNormalization", [[2, 3, 4], [3], [3], [3], [3]], {}],
  ["LayerNormalization", [[2, 3, 4], [4], [4]], {}],
  ["InstanceNormalization", [[2, 3, 4, 2], [3], [3]], {}],
  ["GroupNormalization", [[2, 4, 5], [4], [4]], { num_groups: 2 }],
  ["MeanVarianceNormalization", [[2, 3, 3, 2]], {}],
  ["LpNormalization", [[3, 4]], {}],
  ["LRN", [[1, 5, 3, 2]], { size: 3 }],
] as const)("%s of %o in onnxruntime-web too", async (opType, shapes, attributes) => {
  const inputs = shapes.map((extents, i) => (i === 4 ? positive(extents, i + 1) : spreadTensor(extents, i + 1)));
  await expectRule(opType, inputs, { attributes, opset: 21 });
});
