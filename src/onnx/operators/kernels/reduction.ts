/** @file Reference kernels of the reductions and of the running sum. */
import { normalizeAxis, stridesOf } from "../../../tensor/shape.ts";
import { type Shape, sizeOf } from "../../../tensor/tensor.ts";
import type { NumericTensor } from "../../numeric-tensor.ts";
import { reductionAxes } from "../arithmetic/axes.ts";
import type { Kernel, KernelCall } from "./kernel.ts";

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

function targetsOfCall({ where, attributes, inputs: [x, axes] }: KernelCall): Int32Array {
  const { shape } = x!;
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
    const [x, type] = [call.inputs[0]!, call.outputs[0]];
    const data = folded(x, targetsOfCall(call), type.shape, initial, combine);
    const count = x.data.length / data.length;
    return [{ ...type, data: finish === undefined ? data : data.map((result) => finish(result, count)) }];
  };
}

export const ReduceSum = reduction(0, (sum, x) => sum + x);
export const ReduceMean = reduction(
  0,
  (sum, x) => sum + x,
  (sum, count) => sum / count,
);
export const ReduceMax = reduction(-Infinity, (most, x) => Math.max(most, x));
export const ReduceMin = reduction(Infinity, (least, x) => Math.min(least, x));
export const ReduceProd = reduction(1, (product, x) => product * x);
export const ReduceL1 = reduction(0, (sum, x) => sum + Math.abs(x));
export const ReduceL2 = reduction(0, (sum, x) => sum + x * x, Math.sqrt);
export const ReduceSumSquare = reduction(0, (sum, x) => sum + x * x);
export const ReduceLogSum = reduction(0, (sum, x) => sum + x, Math.log);

/** log Σ exp x, from the maximum so that nothing overflows */
export const ReduceLogSumExp: Kernel = (call) => {
  const [x, type] = [call.inputs[0]!, call.outputs[0]];
  const targets = targetsOfCall(call);
  const most = folded(x, targets, type.shape, -Infinity, Math.max);
  const sums = folded(x, targets, type.shape, 0, (sum, element, target) => sum + Math.exp(element - most[target]));
  return [{ ...type, data: sums.map((sum, i) => most[i] + Math.log(sum)) }];
};

/** The kernel that picks, along one axis, the index of the element that is `better` than all others (of equals the first, or the last). */
function argument(better: (x: number, best: number) => boolean): Kernel {
  return ({ where, attributes, inputs: [x], outputs: [type] }) => {
    const axis = normalizeAxis(where, attributes.int("axis", 0), x!.shape.length);
    const last = attributes.int("select_last_index", 0) !== 0;
    const [extent, inner] = [x!.shape[axis], stridesOf(x!.shape)[axis]];
    const data = new Float64Array(sizeOf(type.shape));
    for (let i = 0; i < data.length; i++) {
      const start = Math.floor(i / inner) * inner * extent + (i % inner);
      let best = 0;
      for (let k = 1; k < extent; k++) {
        const [candidate, current] = [x!.data[start + k * inner], x!.data[start + best * inner]];
        if (better(candidate, current) || (last && candidate === current)) best = k;
      }
      data[i] = best;
    }
    return [{ ...type, data }];
  };
}

export const ArgMax = argument((x, best) => x > best);
export const ArgMin = argument((x, best) => x < best);

/** Sums along one axis of the elements up to each (or from each on, if `reverse`), without itself if `exclusive`. */
export const CumSum: Kernel = ({ where, attributes, inputs: [x, axisInput], outputs: [type] }) => {
  const axis = normalizeAxis(where, axisInput!.data[0], x!.shape.length);
  const [exclusive, reverse] = [attributes.int("exclusive", 0) !== 0, attributes.int("reverse", 0) !== 0];
  const [extent, inner] = [x!.shape[axis], stridesOf(x!.shape)[axis]];
  const data = new Float64Array(x!.data.length);
  for (let row = 0; row < data.length / extent; row++) {
    const start = Math.floor(row / inner) * inner * extent + (row % inner);
    let sum = 0;
    for (let k = 0; k < extent; k++) {
      const i = start + (reverse ? extent - 1 - k : k) * inner;
      data[i] = exclusive ? sum : sum + x!.data[i];
      sum += x!.data[i];
    }
  }
  return [{ ...type, data }];
};
