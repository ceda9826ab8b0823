/** @file Operators that pick or place elements by index. */
import { BadInputError, UnsupportedError } from "../../errors.ts";
import { normalizeAxis, sameShape, stridesOf } from "../../tensor/shape.ts";
import { type Shape, sizeOf } from "../../tensor/tensor.ts";
import type { ValueType } from "../model.ts";
import type { NumericTensor } from "../numeric-tensor.ts";
import { stridedPositions, takeAlong } from "./arithmetic/strided.ts";
import { checkRange, checkScalar, checkShape, requiredNumbers } from "./check-shape.ts";
import { operator, type ShapeCall } from "./operator.ts";

/** Throws a BadInputError for an index, where they are known, that is not one of an axis of `extent`. */
function checkIndices(where: string, indices: NumericTensor | undefined, extent: number): void {
  const outside = indices?.data.find((index) => index < -extent || index >= extent);
  if (outside === undefined) return;
  const expected = `indices from ${-extent} to ${extent - 1}`;
  throw new BadInputError({ where, what: "index out of range", expected, got: String(outside) });
}

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

/** The indexed axis is replaced by the axes of the indices. */
export const Gather = operator({
  inputs: "* i",
  attributes: "axis:int",
  shape: ({ inputs: [x, indices], attributes, where, constant }) => {
    const axis = normalizeAxis(where, attributes.int("axis", 0), x.shape.length);
    checkIndices(where, constant(1), x.shape[axis]);
    return [{ dtype: x.dtype, shape: [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)] }];
  },
  kernel: ({ inputs: [x, indices], attributes, outputs: [type], where }) => {
    const axis = normalizeAxis(where, attributes.int("axis", 0), x.shape.length);
    return [{ ...type, data: takeAlong(x, axis, resolveIndices(where, indices.data, x.shape[axis])).data }];
  },
  traits: ["moves"],
});

/** A node that has data and, for elements of it, indices. */
type ElementwiseCall = ShapeCall<readonly [x: ValueType, indices: ValueType, ...others: ValueType[]]>;

/** What holds where each index stands for one element: as many axes as the data, and no longer ones but along the axis. */
function checkElementIndices({ where, attributes, inputs: [x, indices], constant }: ElementwiseCall): void {
  const [data, own] = [x.shape, indices.shape];
  const axis = normalizeAxis(where, attributes.int("axis", 0), data.length);
  const fits = own.length === data.length && own.every((extent, k) => k === axis || extent <= data[k]);
  checkShape(where, "the indices", own, fits, `at most [${data.join(", ")}] outside axis ${axis}`);
  checkIndices(where, constant(1), data[axis]);
}

/** For each element of `indices`, the position in `x` that has its coordinates, but the index itself along `axis`. */
function elementPositions(where: string, x: NumericTensor, indices: NumericTensor, axis: number): Int32Array {
  const strides = stridesOf(x.shape);
  const resolved = resolveIndices(where, indices.data, x.shape[axis]);
  const own = stridedPositions(indices.shape, strides.with(axis, 0));
  return own.map((position, i) => position + resolved[i] * strides[axis]);
}

/** Each index picks one element along the axis, at its own place along the others. */
export const GatherElements = operator({
  inputs: "* i",
  attributes: "axis:int",
  shape: (call) => {
    checkElementIndices(call);
    const [x, indices] = call.inputs;
    return [{ dtype: x.dtype, shape: indices.shape }];
  },
  kernel: ({ inputs: [x, indices], attributes, outputs: [type], where }) => {
    const axis = normalizeAxis(where, attributes.int("axis", 0), x.shape.length);
    return [
      { ...type, data: Float64Array.from(elementPositions(where, x, indices, axis), (position) => x.data[position]) },
    ];
  },
  traits: ["moves"],
});

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

/** The first input, with one element for each index replaced by an update or joined with it. */
export const ScatterElements = operator({
  inputs: "a i a",
  attributes: "axis:int reduction:none,add,mul,max,min",
  shape: (call) => {
    checkElementIndices(call);
    const [x, indices, updates] = call.inputs;
    const fits = sameShape(indices.shape, updates.shape);
    checkShape(call.where, "the updates", updates.shape, fits, `[${indices.shape.join(", ")}] as the indices`);
    return [x];
  },
  kernel: ({ inputs: [x, indices, updates], attributes, outputs: [type], where }) => {
    const axis = normalizeAxis(where, attributes.int("axis", 0), x.shape.length);
    const join = reductionOf(where, attributes.string("reduction", "none"));
    const data = x.data.slice();
    elementPositions(where, x, indices, axis).forEach((position, i) => {
      data[position] = join(data[position], updates.data[i]);
    });
    return [{ ...type, data }];
  },
  traits: ["keepsShape"],
});

function tuplesOf(shape: Shape): string {
  return `tuples of at most ${shape.length} indices along the last axis`;
}

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
  const depth = indices.shape[indices.shape.length - 1];
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

/** Each index tuple, along the last axis, names an element or a slice of the axes after those that it counts along. */
export const GatherND = operator({
  inputs: "* l",
  attributes: "batch_dims:int",
  shape: ({ where, inputs: [x, indices], attributes }) => {
    const batch = attributes.int("batch_dims", 0);
    checkRange(where, "batch_dims", batch, 0, Math.min(x.shape.length, indices.shape.length) - 1);
    const used = batch + (indices.shape.at(-1) ?? Number.NaN);
    const together = x.shape.slice(0, batch).every((extent, axis) => extent === indices.shape[axis]);
    checkShape(where, "the indices", indices.shape, together && used <= x.shape.length, tuplesOf(x.shape));
    return [{ dtype: x.dtype, shape: [...indices.shape.slice(0, -1), ...x.shape.slice(used)] }];
  },
  kernel: ({ inputs: [x, indices], attributes, outputs: [type], where }) => {
    const { starts, length } = slicePositions(where, x.shape, indices, attributes.int("batch_dims", 0));
    const data = new Float64Array(sizeOf(type.shape));
    starts.forEach((start, i) => {
      data.set(x.data.subarray(start, start + length), i * length);
    });
    return [{ ...type, data }];
  },
  traits: ["moves"],
});

/** The first input, with the element or slice that each index tuple names replaced by an update or joined with it. */
export const ScatterND = operator({
  inputs: "a l a",
  attributes: "reduction:none,add,mul,max,min",
  shape: ({ where, inputs: [x, indices, updates] }) => {
    const [data, own] = [x.shape, indices.shape];
    const used = own.at(-1) ?? Number.NaN;
    checkShape(where, "the indices", own, used <= data.length, tuplesOf(data));
    const expected = [...own.slice(0, -1), ...data.slice(used)];
    const fits = sameShape(updates.shape, expected);
    checkShape(where, "the updates", updates.shape, fits, `[${expected.join(", ")}]`);
    return [x];
  },
  kernel: ({ inputs: [x, indices, updates], attributes, outputs: [type], where }) => {
    const join = reductionOf(where, attributes.string("reduction", "none"));
    const { starts, length } = slicePositions(where, x.shape, indices, 0);
    const data = x.data.slice();
    starts.forEach((start, i) => {
      for (let j = 0; j < length; j++) data[start + j] = join(data[start + j], updates.data[i * length + j]);
    });
    return [{ ...type, data }];
  },
  traits: ["keepsShape"],
});

/** values = [off, on]; an index out of range switches nothing on. */
export const OneHot = operator({
  inputs: "N N *",
  attributes: "axis:int",
  shape: (call) => {
    const [indices, , values] = call.inputs;
    checkScalar(call.where, "the number of classes", call.inputs[1].shape);
    checkShape(call.where, "the values", values.shape, sameShape(values.shape, [2]), "[2]");
    const [depth] = requiredNumbers(call, 1, "the number of classes");
    const axis = normalizeAxis(call.where, call.attributes.int("axis", -1), indices.shape.length + 1);
    return [{ dtype: values.dtype, shape: indices.shape.toSpliced(axis, 0, depth) }];
  },
  kernel: ({ inputs: [indices, depth, values], attributes, outputs: [type], where }) => {
    const axis = normalizeAxis(where, attributes.int("axis", -1), type.shape.length);
    const inner = sizeOf(indices.shape.slice(axis));
    const [off, on] = values.data;
    const count = depth.data[0];
    const data = new Float64Array(sizeOf(type.shape)).fill(off);
    indices.data.forEach((index, i) => {
      const k = index < 0 ? index + count : index;
      if (k >= 0 && k < count) data[(Math.floor(i / inner) * count + k) * inner + (i % inner)] = on;
    });
    return [{ ...type, data }];
  },
});

/** The values and their indices. Of equal elements the first comes first. */
export const TopK = operator({
  inputs: "n l",
  attributes: "axis:int largest:int sorted:int",
  shape: (call) => {
    const [x] = call.inputs;
    const axis = normalizeAxis(call.where, call.attributes.int("axis", -1), x.shape.length);
    checkScalar(call.where, "the number of elements", call.inputs[1].shape);
    const [k] = requiredNumbers(call, 1, "the number of elements");
    checkRange(call.where, "k", k, 0, x.shape[axis]);
    const shape = x.shape.with(axis, k);
    return [
      { dtype: x.dtype, shape },
      { dtype: "int64", shape },
    ];
  },
  kernel: ({ inputs: [x], attributes, outputs: [type, indexType], where }) => {
    const axis = normalizeAxis(where, attributes.int("axis", -1), type.shape.length);
    const sign = attributes.int("largest", 1) !== 0 ? -1 : 1;
    const [extent, count] = [x.shape[axis], type.shape[axis]];
    const inner = sizeOf(type.shape.slice(axis + 1));
    const values = new Float64Array(sizeOf(type.shape));
    const picks = new Float64Array(values.length);
    for (let lane = 0; lane < x.data.length / extent; lane++) {
      const [block, offset] = [Math.floor(lane / inner), lane % inner];
      const at = (i: number): number => x.data[(block * extent + i) * inner + offset];
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
  },
  traits: ["ranking", "alongAxis", "keepsRank"],
});

/** The coordinates of the elements that are not 0, one column each, in row-major order. How many there are must be known before the graph runs. */
export const NonZero = operator({
  inputs: "*",
  shape: ({ inputs: [x], constant, where }) => {
    const elements = constant(0);
    if (elements === undefined) {
      throw new UnsupportedError({
        where,
        what: "the number of its results depends on the graph's inputs",
        expected: "a shape that the file fixes",
        advice: "Choose with Where or a mask of 0 and 1, which keep the shape, and export the model again.",
      });
    }
    return [{ dtype: "int64", shape: [x.shape.length, elements.data.filter((value) => value !== 0).length] }];
  },
  kernel: ({ inputs: [x], outputs: [type] }) => {
    const positions = Array.from(x.data.keys()).filter((i) => x.data[i] !== 0);
    const coordinates = stridesOf(x.shape).flatMap((stride, axis) =>
      positions.map((position) => Math.floor(position / stride) % x.shape[axis]),
    );
    return [{ ...type, data: Float64Array.from(coordinates) }];
  },
});
