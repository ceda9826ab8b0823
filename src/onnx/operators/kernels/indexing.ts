/** @file Reference kernels of the operators that pick or place elements by index. */
import { BadInputError } from "../../../errors.ts";
import { normalizeAxis, stridesOf } from "../../../tensor/shape.ts";
import { sizeOf } from "../../../tensor/tensor.ts";
import type { NumericTensor } from "../../numeric-tensor.ts";
import { stridedPositions, takeAlong } from "../arithmetic/strided.ts";
import type { Kernel } from "./kernel.ts";

/** `indices` counted from the axis's beginning. */
function resolveIndices(where: string, indices: Float64Array, extent: number): Float64Array {
  return indices.map((index) => {
    if (index >= -extent && index < extent) return index < 0 ? index + extent : index;
    throw new BadInputError({
      where,
      what: "index out of range",
      expected: `from ${-extent} to ${extent - 1}`,
      got: String(index),
    });
  });
}

export const Gather: Kernel = ({ inputs: [x, indices], attributes, outputs: [type], where }) => {
  const axis = normalizeAxis(where, attributes.int("axis", 0), x!.shape.length);
  return [{ ...type, data: takeAlong(x!, axis, resolveIndices(where, indices!.data, x!.shape[axis])).data }];
};

/** For each element of `indices`, the position in `x` that has its coordinates, but the index itself along `axis`. */
function elementPositions(where: string, x: NumericTensor, indices: NumericTensor, axis: number): Int32Array {
  const strides = stridesOf(x.shape);
  const resolved = resolveIndices(where, indices.data, x.shape[axis]);
  const own = stridedPositions(indices.shape, strides.with(axis, 0));
  return own.map((position, i) => position + resolved[i] * strides[axis]);
}

export const GatherElements: Kernel = ({ inputs: [x, indices], attributes, outputs: [type], where }) => {
  const axis = normalizeAxis(where, attributes.int("axis", 0), x!.shape.length);
  return [
    { ...type, data: Float64Array.from(elementPositions(where, x!, indices!, axis), (position) => x!.data[position]) },
  ];
};

/** How a scattered update joins the element that is there. */
const reductions: Readonly<Record<string, (old: number, update: number) => number>> = {
  none: (_, update) => update,
  add: (old, update) => old + update,
  mul: (old, update) => old * update,
  min: Math.min,
  max: Math.max,
};

function reductionOf(where: string, name: string): (old: number, update: number) => number {
  if (Object.hasOwn(reductions, name)) return reductions[name];
  throw new BadInputError({
    where,
    what: "unknown reduction",
    expected: `one of ${Object.keys(reductions).join(", ")}`,
    got: name,
  });
}

export const ScatterElements: Kernel = ({ inputs: [x, indices, updates], attributes, outputs: [type], where }) => {
  const axis = normalizeAxis(where, attributes.int("axis", 0), x!.shape.length);
  const join = reductionOf(where, attributes.string("reduction", "none"));
  const data = x!.data.slice();
  elementPositions(where, x!, indices!, axis).forEach((position, i) => {
    data[position] = join(data[position], updates!.data[i]);
  });
  return [{ ...type, data }];
};

/**
 * Where each slice that an index tuple of GatherND or ScatterND names begins in a tensor of `shape`, and how long slices are.
 * The first `batch` axes are common to tensor and indices.
 */
function slicePositions(
  where: string,
  shape: readonly number[],
  indices: NumericTensor,
  batch: number,
): { readonly starts: Float64Array; readonly length: number } {
  const depth = indices.shape.at(-1)!;
  const strides = stridesOf(shape);
  const tuples = sizeOf(indices.shape.slice(0, -1));
  const perBatch = tuples / sizeOf(shape.slice(0, batch));
  const batchLength = sizeOf(shape.slice(batch));
  const starts = new Float64Array(tuples);
  for (let k = 0; k < depth; k++) {
    const column = Float64Array.from({ length: tuples }, (_, i) => indices.data[i * depth + k]);
    resolveIndices(where, column, shape[batch + k]).forEach((index, i) => {
      starts[i] += index * strides[batch + k];
    });
  }
  return {
    starts: starts.map((start, i) => start + Math.floor(i / perBatch) * batchLength),
    length: sizeOf(shape.slice(batch + depth)),
  };
}

export const GatherND: Kernel = ({ inputs: [x, indices], attributes, outputs: [type], where }) => {
  const { starts, length } = slicePositions(where, x!.shape, indices!, attributes.int("batch_dims", 0));
  const data = new Float64Array(sizeOf(type.shape));
  starts.forEach((start, i) => {
    data.set(x!.data.subarray(start, start + length), i * length);
  });
  return [{ ...type, data }];
};

export const ScatterND: Kernel = ({ inputs: [x, indices, updates], attributes, outputs: [type], where }) => {
  const join = reductionOf(where, attributes.string("reduction", "none"));
  const { starts, length } = slicePositions(where, x!.shape, indices!, 0);
  const data = x!.data.slice();
  starts.forEach((start, i) => {
    for (let j = 0; j < length; j++) data[start + j] = join(data[start + j], updates!.data[i * length + j]);
  });
  return [{ ...type, data }];
};

/** values = [off, on]; an index out of range switches nothing on. */
export const OneHot: Kernel = ({ inputs: [indices, depth, values], attributes, outputs: [type], where }) => {
  const axis = normalizeAxis(where, attributes.int("axis", -1), type.shape.length);
  const inner = sizeOf(indices!.shape.slice(axis));
  const [off, on] = values!.data;
  const count = depth!.data[0];
  const data = new Float64Array(sizeOf(type.shape)).fill(off);
  indices!.data.forEach((index, i) => {
    const k = index < 0 ? index + count : index;
    if (k >= 0 && k < count) data[(Math.floor(i / inner) * count + k) * inner + (i % inner)] = on;
  });
  return [{ ...type, data }];
};

/** Of equal elements the first comes first. */
export const TopK: Kernel = ({ inputs: [x], attributes, outputs: [type, indexType], where }) => {
  const axis = normalizeAxis(where, attributes.int("axis", -1), type.shape.length);
  const sign = attributes.int("largest", 1) !== 0 ? -1 : 1;
  const [extent, count] = [x!.shape[axis], type.shape[axis]];
  const inner = sizeOf(type.shape.slice(axis + 1));
  const values = new Float64Array(sizeOf(type.shape));
  const picks = new Float64Array(values.length);
  for (let lane = 0; lane < x!.data.length / extent; lane++) {
    const [block, offset] = [Math.floor(lane / inner), lane % inner];
    const at = (i: number): number => x!.data[(block * extent + i) * inner + offset];
    const order = Array.from({ length: extent }, (_, i) => i).sort((i, j) => sign * (at(i) - at(j)) || i - j);
    for (let i = 0; i < count; i++) {
      const to = (block * count + i) * inner + offset;
      [values[to], picks[to]] = [at(order[i]), order[i]];
    }
  }
  return [
    { ...type, data: values },
    { ...indexType, data: picks },
  ];
};

/** The coordinates of the elements that are not 0, one column each, in row-major order. */
export const NonZero: Kernel = ({ inputs: [x], outputs: [type] }) => {
  const positions = Array.from(x!.data.keys()).filter((i) => x!.data[i] !== 0);
  const coordinates = stridesOf(x!.shape).flatMap((stride, axis) =>
    positions.map((position) => Math.floor(position / stride) % x!.shape[axis]),
  );
  return [{ ...type, data: Float64Array.from(coordinates) }];
};
