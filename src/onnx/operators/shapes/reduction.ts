/** @file Shape rules of the reductions and of the running sum. */
import { normalizeAxis } from "../../../tensor/shape.ts";
import type { DataType, Shape } from "../../../tensor/tensor.ts";
import { reductionAxes } from "../arithmetic/axes.ts";
import { checkScalar, knownNumbers, type ShapeRule } from "./shape-rule.ts";

/** `shape` with extent 1 at `axes`, or without them. */
function reduced(shape: Shape, axes: readonly number[], keepDims: boolean): number[] {
  return shape.flatMap((extent, axis) => (!axes.includes(axis) ? [extent] : keepDims ? [1] : []));
}

const reduce: ShapeRule = (call) => {
  const {
    where,
    attributes,
    inputs: [x],
  } = call;
  const axes = reductionAxes(where, attributes, x!.shape.length, knownNumbers(call, 1, "the axes"));
  return [{ dtype: x!.dtype, shape: reduced(x!.shape, axes, attributes.int("keepdims", 1) !== 0) }];
};

const argument =
  (dtype: DataType): ShapeRule =>
  ({ where, attributes, inputs: [x] }) => {
    const axis = normalizeAxis(where, attributes.int("axis", 0), x!.shape.length);
    return [{ dtype, shape: reduced(x!.shape, [axis], attributes.int("keepdims", 1) !== 0) }];
  };

export const ReduceSum = reduce;
export const ReduceMean = reduce;
export const ReduceMax = reduce;
export const ReduceMin = reduce;
export const ReduceProd = reduce;
export const ReduceL1 = reduce;
export const ReduceL2 = reduce;
export const ReduceSumSquare = reduce;
export const ReduceLogSum = reduce;
export const ReduceLogSumExp = reduce;
export const ArgMax = argument("int64");
export const ArgMin = argument("int64");
export const CumSum: ShapeRule = ({ where, inputs: [x, axis], constant }) => {
  checkScalar(where, "the axis", axis!.shape);
  normalizeAxis(where, constant(1)?.data[0] ?? 0, x!.shape.length);
  return [x!];
};
