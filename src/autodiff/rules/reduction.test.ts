import fc from "fast-check";
import * as ort from "onnxruntime-node";
import { expect, test } from "vitest";
import { type NumericTensor, numeric } from "../../onnx/kernels/kernel.ts";
import { intTensor } from "../../tensor/tensor.ts";
import { adjointError } from "../../testing/adjoint-error.ts";
import { checkVjp, spreadTensor } from "../../testing/check-vjp.ts";
import { runtimeError } from "../../testing/compare-runtime.ts";
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
    { numRuns: 60 },
  );
});
