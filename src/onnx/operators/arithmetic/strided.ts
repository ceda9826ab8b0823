/** @file Copying a strided view: the one loop behind broadcasting, transposing, slicing, tiling and block rearrangements. */
import { broadcastStrides } from "../../../tensor/shape.ts";
import { type Shape, sizeOf } from "../../../tensor/tensor.ts";
import type { NumericTensor } from "../../numeric-tensor.ts";

/**
 * Where the elements of a strided view lie, in row-major order: element [i, j, …] at
 * `offset + i · strides[0] + j · strides[1] + …`. A stride may be 0 (repetition) or negative (reversal).
 */
export function stridedPositions(shape: Shape, strides: readonly number[], offset = 0): Int32Array {
  const positions = new Int32Array(sizeOf(shape));
  forEachRow(shape, strides, offset, (from, length, stride, to) => {
    for (let i = 0, at = from; i < length; i++, at += stride) positions[to + i] = at;
  });
  return positions;
}

/** The elements of `source` at the {@link stridedPositions} of a view. */
export function stridedCopy(source: Float64Array, shape: Shape, strides: readonly number[], offset = 0): Float64Array {
  const result = new Float64Array(sizeOf(shape));
  forEachRow(shape, strides, offset, (from, length, stride, to) => {
    for (let i = 0, at = from; i < length; i++, at += stride) result[to + i] = source[at];
  });
  return result;
}

/** Calls `row` for each stretch along the last axis: where it begins in the source, its length and stride, where it goes. */
function forEachRow(
  shape: Shape,
  strides: readonly number[],
  offset: number,
  row: (from: number, length: number, stride: number, to: number) => void,
): void {
  const size = sizeOf(shape);
  if (size === 0) return;
  const last = shape.length - 1;
  const [length, stride] = last < 0 ? [1, 0] : [shape[last], strides[last]];
  const index = new Array<number>(Math.max(last, 0)).fill(0);
  let from = offset;
  for (let to = 0; to < size; to += length) {
    row(from, length, stride, to);
    for (let axis = last - 1; axis >= 0; axis--) {
      from += strides[axis];
      if (++index[axis] < shape[axis]) break;
      from -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
}

/** The elements of `tensor` repeated to fill `shape`, to which it broadcasts; its own data where nothing is repeated. */
export function broadcastTo(tensor: NumericTensor, shape: Shape): Float64Array {
  if (tensor.data.length === sizeOf(shape)) return tensor.data;
  if (tensor.data.length === 1) return new Float64Array(sizeOf(shape)).fill(tensor.data[0]);
  return stridedCopy(tensor.data, shape, broadcastStrides(tensor.shape, shape));
}

/** The elements of `x` at `positions` along `axis`; `fill` where the position is −1. */
export function takeAlong(x: NumericTensor, axis: number, positions: ArrayLike<number>, fill = 0): NumericTensor {
  const inner = sizeOf(x.shape.slice(axis + 1));
  const outer = sizeOf(x.shape.slice(0, axis));
  const data = new Float64Array(outer * positions.length * inner);
  for (let i = 0, to = 0; i < outer; i++) {
    for (let k = 0; k < positions.length; k++, to += inner) {
      const from = (i * x.shape[axis] + positions[k]) * inner;
      if (positions[k] === -1) data.fill(fill, to, to + inner);
      else data.set(x.data.subarray(from, from + inner), to);
    }
  }
  return { dtype: x.dtype, shape: x.shape.with(axis, positions.length), data };
}
