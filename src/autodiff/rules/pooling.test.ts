import fc from "fast-check";
import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { expectRule } from "../../../test/expect-operator.ts";
import { BadInputError } from "../../errors.ts";
import type { AttributeValue } from "../../onnx/attributes.ts";
import { evaluate } from "../../onnx/evaluate.ts";
import { adjointError } from "../../testing/adjoint-error.ts";
import { checkVjp, spreadTensor, testTensor, type VjpCheck } from "../../testing/check-vjp.ts";
import { oneNodeGraph, runtimeError } from "../../testing/compare-runtime.ts";
import { positiveFeeds } from "../../testing/positive-feeds.ts";

const axis = fc
  .record({
    kernel: fc.integer({ min: 1, max: 3 }),
    stride: fc.integer({ min: 1, max: 3 }),
    dilation: fc.integer({ min: 1, max: 2 }),
    padBegin: fc.integer({ min: 0, max: 2 }),
    padEnd: fc.integer({ min: 0, max: 2 }),
    /** How much the padded grid exceeds the window's span. */
    spare: fc.integer({ min: 0, max: 5 }),
  })
  // onnxruntime wants less padding than taps.
  .map((one) => ({
    ...one,
    padBegin: Math.min(one.padBegin, one.kernel - 1),
    padEnd: Math.min(one.padEnd, one.kernel - 1),
  }));

/** A pool in any attribute setting, 1-D to 3-D. */
const pool = fc
  .record({
    axes: fc.array(axis, { minLength: 1, maxLength: 3 }),
    n: fc.integer({ min: 1, max: 2 }),
    channels: fc.integer({ min: 1, max: 3 }),
    autoPad: fc.constantFrom("NOTSET", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"),
    ceil_mode: fc.integer({ min: 0, max: 1 }),
  })
  .map(({ axes, n, channels, autoPad, ceil_mode }) => {
    const explicit = autoPad === "NOTSET";
    const pick = (key: keyof (typeof axes)[number]): number[] => axes.map((one) => one[key]);
    const same = autoPad.startsWith("SAME");
    const dilations = same ? axes.map(() => 1) : pick("dilation");
    // onnxruntime takes no SAME window that is smaller than its stride.
    const strides = same ? axes.map(({ kernel, stride }) => Math.min(kernel, stride)) : pick("stride");
    const extents = axes.map(({ kernel, padBegin, padEnd, spare }, i) =>
      // With fewer elements than the dilation a window could hold nothing but padding, whose maximum and mean are undefined.
      Math.max(dilations[i], (kernel - 1) * dilations[i] + 1 + spare - (explicit ? padBegin + padEnd : 0)),
    );
    // Where rounding up gives a window that starts in the padding at the end, onnxruntime contradicts itself on its number.
    const overhangs = axes.every(({ kernel, padBegin, padEnd }, i) => {
      const [begin, end] = explicit ? [padBegin, padEnd] : [0, 0];
      const steps = Math.ceil((extents[i] + begin + end - (kernel - 1) * dilations[i] - 1) / strides[i]);
      return steps * strides[i] < extents[i] + begin;
    });
    return {
      x: [n, channels, ...extents],
      attributes: {
        kernel_shape: pick("kernel"),
        strides,
        dilations,
        ceil_mode: overhangs ? ceil_mode : 0,
        ...(explicit ? { pads: [...pick("padBegin"), ...pick("padEnd")] } : { auto_pad: autoPad }),
      },
    };
  });

/** The cotangent of a max pool's input by its definition: each ȳ goes where the kernel found the maximum. */
function routedByIndices({ graph, feeds }: VjpCheck): Float64Array {
  const pool = graph.nodes.find((node) => node.opType === "MaxPool");
  if (pool === undefined) throw new Error("the graph has no MaxPool");
  const withIndices = {
    ...graph,
    nodes: [{ ...pool, outputs: ["y", "indices"] }],
    outputs: [
      { name: "y", dtype: undefined, shape: undefined },
      { name: "indices", dtype: undefined, shape: undefined },
    ],
  };
  const { indices } = evaluate(withIndices, feeds);
  const gradient = new Float64Array(feeds.x0.data.length);
  indices.data.forEach((index, i) => {
    gradient[index] += feeds.v0.data[i];
  });
  return gradient;
}

test("MaxPool: the rule holds for any window, and the whole graph in onnxruntime", async () => {
  await fc.assert(
    fc.asyncProperty(pool, async ({ x, attributes }) => {
      const check = checkVjp("MaxPool", [spreadTensor(x)], { attributes });
      expect(check.relativeError).toBeLessThan(1e-6);
      expect(await runtimeError(ort, check.graph, positiveFeeds(check.feeds))).toBeLessThan(1e-5);
    }),
    { numRuns: 100 },
  );
});

test("MaxPool: of equal maxima the first in row-major order gets all, for any window", async () => {
  await fc.assert(
    fc.asyncProperty(pool, fc.integer({ min: 1, max: 3 }), async ({ x, attributes }, levels) => {
      // Few levels: most windows hold their maximum several times, often 0 as after a Relu.
      const tied = spreadTensor(x);
      const data = tied.data.map((value) => Math.max(0, Math.round(value * levels)));
      const check = checkVjp("MaxPool", [{ ...tied, data }], { attributes });
      const { gradient0 } = evaluate(check.graph, check.feeds);
      const expected = routedByIndices(check);
      gradient0.data.forEach((value, i) => {
        expect(value).toBeCloseTo(expected[i], 13);
      });
      expect(await runtimeError(ort, check.graph, positiveFeeds(check.feeds))).toBeLessThan(1e-5);
    }),
    { numRuns: 100 },
  );
});

test("MaxPool by hand: ties, overlap and padding", () => {
  const x = testTensor([1, 1, 3, 3], [5, 5, 1, 5, 0, 5, 2, 5, 5]);
  const gradient = (attributes: Record<string, AttributeValue>, dy: readonly number[]): number[] => {
    const { graph, feeds } = checkVjp("MaxPool", [x], { attributes });
    return [...evaluate(graph, { ...feeds, v0: { ...feeds.v0, data: Float64Array.from(dy) } }).gradient0.data];
  };
  expect(gradient({ kernel_shape: [2, 2] }, [1, 10, 100, 1000])).toEqual([1, 10, 0, 100, 0, 1000, 0, 0, 0]);
  expect(gradient({ kernel_shape: [3, 3] }, [1])).toEqual([1, 0, 0, 0, 0, 0, 0, 0, 0]);
  expect(gradient({ kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }, [1, 2, 4, 8])).toEqual([
    1, 2, 0, 4, 0, 8, 0, 0, 0,
  ]);
  // Padding is no element: negative inputs win over it.
  const negative = testTensor([1, 1, 2], [-3, -2]);
  const { graph, feeds } = checkVjp("MaxPool", [negative], { attributes: { kernel_shape: [3], pads: [1, 1] } });
  expect([...evaluate(graph, feeds).y0.data]).toEqual([-2, -2]);
});

test("MaxPool's gradient asks for no indices, which onnxruntime is slow to give", () => {
  const { graph } = checkVjp("MaxPool", [spreadTensor([1, 2, 7, 7])], {
    attributes: { kernel_shape: [3, 3], strides: [2, 2] },
  });
  const pools = graph.nodes.filter((node) => node.opType === "MaxPool");
  expect(pools.map((node) => node.outputs.length)).toEqual(pools.map(() => 1));
});

test("MaxPool: indices in either storage order, as in onnxruntime", async () => {
  for (const storage_order of [0, 1]) {
    for (const shape of [
      [2, 2, 5],
      [2, 3, 4, 5],
      [1, 2, 3, 4, 5],
    ]) {
      const kernel_shape = shape.slice(2).map(() => 2);
      const attributes = { kernel_shape, storage_order };
      const { graph, feeds } = oneNodeGraph("MaxPool", [spreadTensor(shape)], { attributes, outputCount: 2 });
      expect(await runtimeError(ort, graph, feeds)).toBeLessThan(1e-6);
    }
  }
});

test("MaxUnpool: puts the maxima back, and its rule is the exact adjoint", async () => {
  const x = spreadTensor([1, 2, 2, 2]);
  const indices = testTensor([1, 2, 2, 2], [0, 3, 9, 15, 17, 18, 24, 31], "int64");
  const outputShape = testTensor([4], [1, 2, 4, 4], "int64");
  for (const shape of [undefined, outputShape]) {
    const check = checkVjp("MaxUnpool", [x, indices, shape], {
      attributes: { kernel_shape: [2, 2], strides: [2, 2] },
      constants: [1, 2],
    });
    expect(adjointError(check)).toBeLessThan(1e-12);
    expect(await runtimeError(ort, check.graph, check.feeds)).toBeLessThan(1e-6);
  }
});

test("AveragePool: the rule is the exact adjoint for any window, padding counted or not", async () => {
  await fc.assert(
    fc.asyncProperty(pool, fc.integer({ min: 0, max: 1 }), async ({ x, attributes }, count_include_pad) => {
      const check = checkVjp("AveragePool", [spreadTensor(x)], { attributes: { ...attributes, count_include_pad } });
      expect(adjointError(check)).toBeLessThan(1e-12);
      expect(await runtimeError(ort, check.graph, positiveFeeds(check.feeds), { opset: 19 })).toBeLessThan(1e-5);
    }),
    { numRuns: 100 },
  );
});

test("AveragePool by hand: what a window overhangs in ceil mode never counts, padding only if asked for", () => {
  const x = testTensor([1, 1, 4], [1, 2, 3, 4]);
  const average = (attributes: Record<string, AttributeValue>): number[] => {
    const { graph, feeds } = oneNodeGraph("AveragePool", [x], { attributes });
    return [...evaluate(graph, feeds).y0.data];
  };
  const window = { kernel_shape: [3], strides: [2], pads: [1, 0], ceil_mode: 1 };
  expect(average(window)).toEqual([1.5, 3]);
  expect(average({ ...window, count_include_pad: 1 })).toEqual([1, 3]);
  expect(average({ ...window, pads: [0, 0], count_include_pad: 1 })).toEqual([2, 3.5]);
});

test.each([1, 2, 3])("LpPool and GlobalLpPool: the rules hold for p = %d", async (p) => {
  await fc.assert(
    fc.asyncProperty(pool, async ({ x, attributes }) => {
      const check = checkVjp("LpPool", [spreadTensor(x)], { attributes: { ...attributes, p } });
      expect(check.relativeError).toBeLessThan(1e-6);
      expect(await runtimeError(ort, check.graph, positiveFeeds(check.feeds))).toBeLessThan(1e-5);
    }),
    { numRuns: 30 },
  );
  const whole = checkVjp("GlobalLpPool", [spreadTensor([2, 3, 4, 5])], { attributes: { p } });
  expect(whole.relativeError).toBeLessThan(1e-6);
  expect(await runtimeError(ort, whole.graph, positiveFeeds(whole.feeds))).toBeLessThan(1e-5);
});

describe.each([[[2, 3, 5]], [[2, 3, 4, 5]], [[1, 2, 3, 2, 2]]])("global pools of [%s]", (shape) => {
  test("GlobalAveragePool: the rule is the exact adjoint", async () => {
    const check = checkVjp("GlobalAveragePool", [spreadTensor(shape)]);
    expect(adjointError(check)).toBeLessThan(1e-12);
    expect(await runtimeError(ort, check.graph, positiveFeeds(check.feeds))).toBeLessThan(1e-5);
  });

  test("GlobalMaxPool: the rule holds", async () => {
    const check = checkVjp("GlobalMaxPool", [spreadTensor(shape)]);
    expect(check.relativeError).toBeLessThan(1e-6);
    expect(await runtimeError(ort, check.graph, positiveFeeds(check.feeds))).toBeLessThan(1e-5);
  });
});

test("GlobalMaxPool: of equal maxima the first gets all, as in PyTorch's adaptive_max_pool2d", () => {
  const { graph, feeds } = checkVjp("GlobalMaxPool", [testTensor([1, 2, 2, 2], [1, 7, 7, 0, 0, 0, 0, 0])]);
  const v0 = testTensor([1, 2, 1, 1], [3, 5]);
  expect([...evaluate(graph, { ...feeds, v0 }).gradient0.data]).toEqual([0, 3, 0, 0, 5, 0, 0, 0]);
});

test("a window that starts in the padding at the end is left out, as in PyTorch", () => {
  const attributes = { kernel_shape: [2], strides: [2], pads: [1, 1], ceil_mode: 1 };
  const { graph } = oneNodeGraph("MaxPool", [spreadTensor([1, 1, 3])], { attributes });
  expect(graph.outputs[0].shape).toEqual([1, 1, 2]);
});

test.each([
  { what: "no spatial axis", x: [2, 3], attributes: { kernel_shape: [2] } },
  { what: "a kernel of another rank", x: [1, 2, 4, 4], attributes: { kernel_shape: [2] } },
  { what: "a kernel of extent 0", x: [1, 2, 4], attributes: { kernel_shape: [0] } },
  { what: "a missing kernel", x: [1, 2, 4], attributes: {} },
])("pools refuse $what", ({ x, attributes }) => {
  for (const opType of ["MaxPool", "AveragePool", "LpPool"]) {
    expect(() => oneNodeGraph(opType, [spreadTensor(x)], { attributes })).toThrow(BadInputError);
  }
});

test("what of a window lies beyond the padded plane counts for nothing, and a window without an end there is refused", () => {
  const x = spreadTensor([1, 1, 3, 3]);
  const mean = (attributes: Record<string, AttributeValue>): number[] => {
    const { graph, feeds } = oneNodeGraph("AveragePool", [x], { attributes });
    return Array.from(evaluate(graph, feeds)[graph.outputs[0].name].data);
  };
  const whole = { kernel_shape: [50, 50], strides: [50, 50], ceil_mode: 1, pads: [1, 0, 0, 0] };
  const sum = x.data.reduce((total, value) => total + value, 0);
  expect(mean(whole)).toEqual([expect.closeTo(sum / 9, 9)]);
  // The row of padding is counted, what lies beyond it is not.
  expect(mean({ ...whole, count_include_pad: 1 })).toEqual([expect.closeTo(sum / 12, 9)]);
  expect(() => mean({ ...whole, strides: [1, 1] })).toThrow("the window is larger than the padded input");
});

test.each([
  ["MaxPool", { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }],
  ["MaxPool", { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 }],
  ["AveragePool", { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }],
  ["AveragePool", { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1, count_include_pad: 1 }],
  // As transformers' EfficientNets have it, over the whole plane whatever its size.
  ["AveragePool", { kernel_shape: [1280, 1280], strides: [1280, 1280], ceil_mode: 1, count_include_pad: 1 }],
  ["MaxPool", { kernel_shape: [9, 3], strides: [9, 3], ceil_mode: 1 }],
  ["LpPool", { kernel_shape: [2, 3] }],
  ["GlobalAveragePool", {}],
  ["GlobalMaxPool", {}],
  ["GlobalLpPool", {}],
])("%s %o in onnxruntime-web too", async (opType, attributes) => {
  await expectRule(opType, [spreadTensor([1, 3, 7, 5])], { attributes });
});
