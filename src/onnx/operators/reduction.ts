/** @file Reductions, and the running sum. */
import { normalizeAxis, stridesOf } from "../../tensor/shape.ts";
import { type Shape, sizeOf } from "../../tensor/tensor.ts";
import type { NumericTensor } from "../numeric-tensor.ts";
import { reductionAxes } from "./arithmetic/axes.ts";
import { checkScalar, knownNumbers } from "./check-shape.ts";
import { type Kernel, type KernelCall, operator, type ShapeRule } from "./operator.ts";
import type { FirstInput } from "./signature.ts";

/** `shape` with extent 1 at `axes`, or without them. */
function withoutAxes(shape: Shape, axes: readonly number[], keepDims: boolean): number[] {
  return shape.flatMap((extent, axis) => (!axes.includes(axis) ? [extent] : keepDims ? [1] : []));
}

const reduced: ShapeRule = (call) => {
  const {
    where,
    attributes,
    inputs: [x],
  } = call;
  const axes = reductionAxes(where, attributes, x.shape.length, knownNumbers(call, 1, "the axes"));
  return [{ dtype: x.dtype, shape: withoutAxes(x.shape, axes, attributes.int("keepdims", 1) !== 0) }];
};

const reducedToIndex: ShapeRule = ({ where, attributes, inputs: [x] }) => {
  const axis = normalizeAxis(where, attributes.int("axis", 0), x.shape.length);
  return [{ dtype: "int64", shape: withoutAxes(x.shape, [axis], attributes.int("keepdims", 1) !== 0) }];
};

/** For each element of a tensor of `shape`, the flat index of the element that it is reduced into. */
function targetsOf(shape: Shape, axes: readonly number[]): Int32Array {
  const kept = shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
  const strides = stridesOf(kept).map((stride, axis) => (axes.includes(axis) ? 0 : stride));
  let targets = Int32Array.of(0);
  shape.forEach((extent, axis) => {
    const next = new Int32Array(targets.length * extent);
    for (let i = 0; i < next.length; i++) {
      next[i] = targets[Math.floor(i / extent)] + (i % extent) * strides[axis];
    }
    targets = next;
  });
  return targets;
}

function targetsOfCall({ where, attributes, inputs: [x, axes] }: KernelCall<FirstInput<NumericTensor>>): Int32Array {
  const { shape } = x;
  return targetsOf(shape, reductionAxes(where, attributes, shape.length, axes?.data));
}

/** `initial` and the elements of `x` combined into each target by `combine`, starting from `initial`. */
function folded(
  x: NumericTensor,
  targets: Int32Array,
  outputShape: Shape,
  initial: number,
  combine: (sum: number, element: number, target: number) => number,
): Float64Array {
  const data = new Float64Array(sizeOf(outputShape)).fill(initial);
  for (let i = 0; i < targets.length; i++) data[targets[i]] = combine(data[targets[i]], x.data[i], targets[i]);
  return data;
}

/** A reduction by `combine` from `initial`, with `finish` applied to each result and the number of elements it is over. */
function reduction(
  initial: number,
  combine: (sum: number, element: number) => number,
  finish?: (result: number, count: number) => number,
): Kernel {
  return (call) => {
    const [x, type] = [call.inputs[0], call.outputs[0]];
    const data = folded(x, targetsOfCall(call), type.shape, initial, combine);
    const count = x.data.length / data.length;
    return [{ ...type, data: finish === undefined ? data : data.map((result) => finish(result, count)) }];
  };
}

export const ReduceSum = operator({
  inputs: "n l?",
  attributes: "keepdims:int noop_with_empty_axes:int",
  shape: reduced,
  kernel: reduction(0, (sum, x) => sum + x),
  traits: ["reduction", "keepsSign"],
});

export const ReduceMean = operator({
  inputs: "n l?",
  attributes: "keepdims:int noop_with_empty_axes:int",
  shape: reduced,
  kernel: reduction(
    0,
    (sum, x) => sum + x,
    (sum, count) => sum / count,
  ),
  traits: ["reduction", "keepsSign"],
});

export const ReduceMax = operator({
  inputs: "* l?",
  attributes: "keepdims:int noop_with_empty_axes:int",
  shape: reduced,
  kernel: reduction(-Infinity, (most, x) => Math.max(most, x)),
  traits: ["reduction", "keepsSign"],
});

export const ReduceMin = operator({
  inputs: "* l?",
  attributes: "keepdims:int noop_with_empty_axes:int",
  shape: reduced,
  kernel: reduction(Infinity, (least, x) => Math.min(least, x)),
  traits: ["reduction", "keepsSign"],
});

export const ReduceProd = operator({
  inputs: "n l?",
  attributes: "keepdims:int noop_with_empty_axes:int",
  shape: reduced,
  kernel: reduction(1, (product, x) => product * x),
  traits: ["reduction", "keepsSign"],
});

export const ReduceL1 = operator({
  inputs: "n l?",
  attributes: "keepdims:int noop_with_empty_axes:int",
  shape: reduced,
  kernel: reduction(0, (sum, x) => sum + Math.abs(x)),
  traits: ["reduction", "nonNegative"],
});

export const ReduceL2 = operator({
  inputs: "n l?",
  attributes: "keepdims:int noop_with_empty_axes:int",
  shape: reduced,
  kernel: reduction(0, (sum, x) => sum + x * x, Math.sqrt),
  traits: ["reduction", "nonNegative"],
});

export const ReduceSumSquare = operator({
  inputs: "n l?",
  attributes: "keepdims:int noop_with_empty_axes:int",
  shape: reduced,
  kernel: reduction(0, (sum, x) => sum + x * x),
  traits: ["reduction", "nonNegative"],
});

export const ReduceLogSum = operator({
  inputs: "n l?",
  attributes: "keepdims:int noop_with_empty_axes:int",
  shape: reduced,
  kernel: reduction(0, (sum, x) => sum + x, Math.log),
  traits: ["reduction"],
});

/** log Σ exp x, from the maximum, where that is finite, so that nothing overflows */
export const ReduceLogSumExp = operator({
  inputs: "n l?",
  attributes: "keepdims:int noop_with_empty_axes:int",
  shape: reduced,
  kernel: (call) => {
    const [x, type] = [call.inputs[0], call.outputs[0]];
    const targets = targetsOfCall(call);
    const largest = folded(x, targets, type.shape, -Infinity, (sum, element) => Math.max(sum, element));
    const most = largest.map((value) => (Number.isFinite(value) ? value : 0));
    const sums = folded(x, targets, type.shape, 0, (sum, element, target) => sum + Math.exp(element - most[target]));
    return [{ ...type, data: sums.map((sum, i) => most[i] + Math.log(sum)) }];
  },
  traits: ["reduction"],
});

/** The kernel that picks, along one axis, the index of the element that is `better` than all others (of equals the first, or the last). */
function argument(better: (x: number, best: number) => boolean): Kernel {
  return ({ where, attributes, inputs: [x], outputs: [type] }) => {
    const axis = normalizeAxis(where, attributes.int("axis", 0), x.shape.length);
    const last = attributes.int("select_last_index", 0) !== 0;
    const [extent, inner] = [x.shape[axis], stridesOf(x.shape)[axis]];
    const data = new Float64Array(sizeOf(type.shape));
    for (let i = 0; i < data.length; i++) {
      const start = Math.floor(i / inner) * inner * extent + (i % inner);
      let best = 0;
      for (let k = 1; k < extent; k++) {
        const [candidate, current] = [x.data[start + k * inner], x.data[start + best * inner]];
        if (better(candidate, current) || (last && candidate === current)) best = k;
      }
      data[i] = best;
    }
    return [{ ...type, data }];
  };
}

export const ArgMax = operator({
  inputs: "n",
  attributes: "axis:int keepdims:int select_last_index:int",
  shape: reducedToIndex,
  kernel: argument((x, best) => x > best),
  traits: ["ranking"],
});

export const ArgMin = operator({
  inputs: "n",
  attributes: "axis:int keepdims:int select_last_index:int",
  shape: reducedToIndex,
  kernel: argument((x, best) => x < best),
});

/** Sums along one axis of the elements up to each (or from each on, if `reverse`), without itself if `exclusive`. */
export const CumSum = operator({
  inputs: "n i",
  attributes: "exclusive:int reverse:int",
  shape: ({ where, inputs: [x, axis], constant }) => {
    checkScalar(where, "the axis", axis.shape);
    normalizeAxis(where, constant(1)?.data[0] ?? 0, x.shape.length);
    return [x];
  },
  kernel: ({ where, attributes, inputs: [x, axisInput], outputs: [type] }) => {
    const axis = normalizeAxis(where, axisInput.data[0], x.shape.length);
    const [exclusive, reverse] = [attributes.int("exclusive", 0) !== 0, attributes.int("reverse", 0) !== 0];
    const [extent, inner] = [x.shape[axis], stridesOf(x.shape)[axis]];
    const data = new Float64Array(x.data.length);
    for (let row = 0; row < data.length / extent; row++) {
      const start = Math.floor(row / inner) * inner * extent + (row % inner);
      let sum = 0;
      for (let k = 0; k < extent; k++) {
        const i = start + (reverse ? extent - 1 - k : k) * inner;
        data[i] = exclusive ? sum : sum + x.data[i];
        sum += x.data[i];
      }
    }
    return [{ ...type, data }];
  },
  traits: ["keepsShape"],
});
