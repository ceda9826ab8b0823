import fc from "fast-check";
import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { expectRule, gradientsAt } from "../../../test/expect-operator.ts";
import { UnsupportedError } from "../../errors.ts";
import { evaluate } from "../../onnx/evaluate.ts";
import { type NumericTensor, numeric } from "../../onnx/numeric-tensor.ts";
import { floatTensor, intTensor } from "../../tensor/tensor.ts";
import { adjointError } from "../../testing/adjoint-error.ts";
import { checkVjp, spreadTensor, testTensor } from "../../testing/check-vjp.ts";
import { oneNodeGraph, runtimeError } from "../../testing/compare-runtime.ts";
import { positiveFeeds } from "../../testing/positive-feeds.ts";

const reductions = [
  "ReduceSum",
  "ReduceMean",
  "ReduceMax",
  "ReduceMin",
  "ReduceProd",
  "ReduceL1",
  "ReduceL2",
  "ReduceSumSquare",
  "ReduceLogSum",
  "ReduceLogSumExp",
];
const linear = ["ReduceSum", "ReduceMean"];

const ints = (values: readonly number[]): NumericTensor => numeric(intTensor(values));

/** A shape, some of its axes (negative ones count from the end), and the attributes of a reduction. */
const setting = fc
  .record({
    shape: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 }),
    chosen: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
    negative: fc.boolean(),
    keepdims: fc.integer({ min: 0, max: 1 }),
    noop_with_empty_axes: fc.integer({ min: 0, max: 1 }),
  })
  .map(({ shape, chosen, negative, ...attributes }) => ({
    shape,
    axes: shape.flatMap((_, axis) => (chosen[axis] ? [negative ? axis - shape.length : axis] : [])),
    attributes,
  }));

/** Away from 0 for logarithms and kinks, signs as drawn otherwise. */
function inputFor(opType: string, shape: readonly number[]): NumericTensor {
  const x = spreadTensor(shape);
  return opType === "ReduceLogSum" ? { ...x, data: x.data.map((value) => value + 2) } : x;
}

test.each(reductions)("%s: the rule holds for any axes", async (opType) => {
  await fc.assert(
    fc.asyncProperty(setting, fc.boolean(), async ({ shape, axes, attributes }, named) => {
      const inputs = [inputFor(opType, shape), named ? ints(axes) : undefined];
      const check = checkVjp(opType, inputs, { attributes, constants: [1] });
      if (linear.includes(opType)) expect(adjointError(check)).toBeLessThan(1e-12);
      expect(check.relativeError).toBeLessThan(1e-6);
      expect(await runtimeError(ort, check.graph, positiveFeeds(check.feeds))).toBeLessThan(1e-5);
    }),
    { numRuns: 50 },
  );
});

describe("by hand, at ties, zeros and kinks (values as in PyTorch)", () => {
  const row = (values: readonly number[]): NumericTensor => testTensor([values.length], values);

  test.each([
    ["ReduceMax", "amax shares among equals", [2, 7, 7, 0], [0, 0.5, 0.5, 0]],
    ["ReduceMin", "amin shares among equals", [2, 7, 2, 2], [1 / 3, 0, 1 / 3, 1 / 3]],
    ["ReduceProd", "no zero", [2, -3, 4], [-12, 8, -6]],
    ["ReduceProd", "one zero", [2, 0, 7], [0, 14, 0]],
    ["ReduceProd", "two zeros", [2, 0, 0], [0, 0, 0]],
    ["ReduceL1", "0 at the kink", [-2, 0, 3], [-1, 0, 1]],
    ["ReduceL2", "a norm", [3, 0, 4], [0.6, 0, 0.8]],
    ["ReduceL2", "0 at the kink", [0, 0, 0], [0, 0, 0]],
    ["ReduceLogSumExp", "no overflow", [1000, 1000], [0.5, 0.5]],
    ["ReduceMean", "equal shares", [1, 2, 3, 4], [0.25, 0.25, 0.25, 0.25]],
  ])("%s: %s", (opType, _, x, expected) => {
    const [gradient] = gradientsAt(opType, [row(x)], { attributes: { keepdims: 0 } });
    gradient.forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i], 12);
    });
  });

  test("ties are counted for each result by itself", () => {
    const x = testTensor([2, 3], [1, 1, 0, 2, 3, 3]);
    expect(gradientsAt("ReduceMax", [x, ints([1])], { constants: [1] })).toEqual([[0.5, 0.5, 0, 0, 0.5, 0.5]]);
    expect(gradientsAt("ReduceMax", [x, ints([0])], { constants: [1] })).toEqual([[0, 0, 0, 1, 1, 1]]);
  });

  test("CumSum's gradient sums from the other end", () => {
    const of = (attributes: Record<string, number>): number[] =>
      gradientsAt("CumSum", [row([1, 2, 3]), ints([0])], { constants: [1], attributes })[0];
    expect(of({})).toEqual([3, 2, 1]);
    expect(of({ exclusive: 1 })).toEqual([2, 1, 0]);
    expect(of({ reverse: 1 })).toEqual([1, 2, 3]);
    expect(of({ exclusive: 1, reverse: 1 })).toEqual([0, 1, 2]);
  });
});

test("CumSum: the rule is the exact adjoint along any axis", async () => {
  const flag = fc.integer({ min: 0, max: 1 });
  await fc.assert(
    fc.asyncProperty(setting, fc.nat(3), flag, flag, async ({ shape }, drawn, exclusive, reverse) => {
      const axis = testTensor([], [(drawn % (2 * shape.length)) - shape.length], "int64");
      const check = checkVjp("CumSum", [spreadTensor(shape), axis], {
        constants: [1],
        attributes: { exclusive, reverse },
      });
      expect(adjointError(check)).toBeLessThan(1e-12);
      expect(await runtimeError(ort, check.graph, positiveFeeds(check.feeds))).toBeLessThan(1e-5);
    }),
    { numRuns: 60 },
  );
});

test.each(["ArgMax", "ArgMin"])("%s: the first or the last of equals, as in onnxruntime", async (opType) => {
  const flag = fc.integer({ min: 0, max: 1 });
  await fc.assert(
    fc.asyncProperty(setting, fc.nat(3), flag, flag, async ({ shape }, drawn, keepdims, select_last_index) => {
      const x = spreadTensor(shape);
      const tied = { ...x, data: x.data.map((value) => Math.round(2 * value)) };
      const axis = (drawn % (2 * shape.length)) - shape.length;
      const { graph, feeds } = oneNodeGraph(opType, [tied], { attributes: { axis, keepdims, select_last_index } });
      expect(await runtimeError(ort, graph, feeds)).toBe(0);
    }),
    { numRuns: 60 },
  );
});

test("axes that only the run would tell are refused", () => {
  const build = (): unknown => checkVjp("ReduceSum", [spreadTensor([2, 3]), ints([1])]);
  expect(build).toThrow(UnsupportedError);
  expect(build).toThrow(/^ReduceSum .*the axes/);
});

test.each([...reductions, "CumSum"])("%s in onnxruntime-web too", async (opType) => {
  const inputs = [inputFor(opType, [3, 4, 2]), opType === "CumSum" ? ints([1]) : ints([0, 2])];
  await expectRule(opType, inputs, { constants: [1] });
});

test("ReduceLogSumExp is that of the runtime far below 0, in many rows, and of nothing but -Infinity", async () => {
  const rows = Array.from({ length: 1000 }, (_, row) => [-3000 - row, -3000.5 - row]);
  rows.push([-Infinity, -Infinity]);
  const x = numeric(floatTensor(rows.flat(), [rows.length, 2]));
  const { graph, feeds } = oneNodeGraph("ReduceLogSumExp", [x, ints([1])], {
    attributes: { keepdims: 0 },
    constants: [1],
  });
  const { y0 } = evaluate(graph, feeds);
  const closed = rows.map(([first]) => first + Math.log(1 + Math.exp(-0.5)));
  for (const [row, value] of closed.entries()) expect(y0.data[row]).toBeCloseTo(value, 9);
  expect(await runtimeError(ort, graph, feeds)).toBeLessThan(1e-6);
});
