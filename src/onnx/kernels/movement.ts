/** @file Reference kernels of the operators that move, pick, repeat or describe elements. */
import { BadInputError } from "../../errors.ts";
import { normalizeAxis, stridesOf } from "../../tensor/shape.ts";
import { sizeOf } from "../../tensor/tensor.ts";
import { padSources, padsPerAxis } from "../pad-sources.ts";
import { sliceRanges } from "../slice-bounds.ts";
import { type Kernel, type NumericTensor, numeric } from "./kernel.ts";
import { broadcastTo, stridedCopy } from "./strided.ts";

export const Shape: Kernel = ({ inputs: [x], attributes, outputs: [type] }) => {
  const { shape } = x!;
  const start = attributes.int("start", 0);
  const first = Math.max(start < 0 ? start + shape.length : start, 0);
  return [{ ...type, data: Float64Array.from(shape.slice(first, first + type.shape[0])) }];
};

export const Size: Kernel = ({ inputs: [x], outputs: [type] }) => [
  { ...type, data: Float64Array.of(sizeOf(x!.shape)) },
];

export const Constant: Kernel = ({ attributes, outputs: [type] }) => {
  if (attributes.has("value")) return [numeric(attributes.tensor("value"))];
  if (attributes.has("value_floats")) return [{ ...type, data: Float64Array.from(attributes.floats("value_floats")) }];
  if (attributes.has("value_ints")) return [{ ...type, data: Float64Array.from(attributes.ints("value_ints")) }];
  const value = attributes.has("value_float") ? attributes.float("value_float") : attributes.int("value_int");
  return [{ ...type, data: Float64Array.of(value) }];
};

export const ConstantOfShape: Kernel = ({ attributes, outputs: [type] }) => {
  const value = attributes.has("value") ? numeric(attributes.tensor("value")).data[0] : 0;
  return [{ ...type, data: new Float64Array(sizeOf(type.shape)).fill(value) }];
};

export const Expand: Kernel = ({ inputs: [x], outputs: [type] }) => [{ ...type, data: broadcastTo(x!, type.shape) }];

/** The same elements under another shape. */
const renamed: Kernel = ({ inputs: [x], outputs: [type] }) => [{ ...type, data: x!.data }];
export const Reshape = renamed;
export const Flatten = renamed;
export const Squeeze = renamed;
export const Unsqueeze = renamed;

export const Transpose: Kernel = ({ inputs: [x], attributes, outputs: [type] }) => {
  const strides = stridesOf(x!.shape);
  const perm = attributes.ints("perm", strides.map((_, axis) => axis).toReversed());
  const data = stridedCopy(
    x!.data,
    type.shape,
    perm.map((axis) => strides[axis]),
  );
  return [{ ...type, data }];
};

export const Concat: Kernel = ({ inputs, attributes, outputs: [type], where }) => {
  const axis = normalizeAxis(where, attributes.int("axis"), type.shape.length);
  const outer = sizeOf(type.shape.slice(0, axis));
  const data = new Float64Array(sizeOf(type.shape));
  let to = 0;
  for (let i = 0; i < outer; i++) {
    for (const input of inputs) {
      const length = input!.data.length / outer;
      data.set(input!.data.subarray(i * length, (i + 1) * length), to);
      to += length;
    }
  }
  return [{ ...type, data }];
};

export const Slice: Kernel = ({ inputs: [x, ...bounds], outputs: [type], where }) => {
  const [starts, ends, axes, steps] = bounds.map((bound) => bound && Array.from(bound.data));
  const ranges = sliceRanges(where, x!.shape, { starts: starts!, ends: ends!, axes, steps });
  const strides = stridesOf(x!.shape);
  const offset = ranges.reduce((sum, { start }, axis) => sum + start * strides[axis], 0);
  const data = stridedCopy(
    x!.data,
    type.shape,
    ranges.map(({ step }, axis) => step * strides[axis]),
    offset,
  );
  return [{ ...type, data }];
};

export const Split: Kernel = ({ inputs: [x], attributes, outputs, where }) => {
  const axis = normalizeAxis(where, attributes.int("axis", 0), x!.shape.length);
  const strides = stridesOf(x!.shape);
  let start = 0;
  return outputs.map((type) => {
    const data = stridedCopy(x!.data, type.shape, strides, start * strides[axis]);
    start += type.shape[axis];
    return { ...type, data };
  });
};

/** The elements of `x` at `positions` along `axis`; `fill` where the position is −1. */
function takeAlong(x: NumericTensor, axis: number, positions: ArrayLike<number>, fill = 0): NumericTensor {
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

export const Pad: Kernel = ({ inputs: [x, pads, value, axes], attributes, where }) => {
  const mode = attributes.string("mode", "constant");
  const perAxis = padsPerAxis(where, x!.shape, Array.from(pads!.data), axes && Array.from(axes.data));
  let result = x!;
  perAxis.forEach((axisPads, axis) => {
    if (axisPads.before === 0 && axisPads.after === 0) return;
    result = takeAlong(result, axis, padSources(where, mode, x!.shape[axis], axisPads), value?.data[0]);
  });
  return [result];
};

export const Tile: Kernel = ({ inputs: [x, repeats], outputs: [type] }) => {
  const strides = stridesOf(x!.shape);
  const shape = x!.shape.flatMap((extent, axis) => [repeats!.data[axis], extent]);
  const data = stridedCopy(
    x!.data,
    shape,
    strides.flatMap((stride) => [0, stride]),
  );
  return [{ ...type, data }];
};

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
function elementPositions(where: string, x: NumericTensor, indices: NumericTensor, axis: number): Float64Array {
  const strides = stridesOf(x.shape);
  const resolved = resolveIndices(where, indices.data, x.shape[axis]);
  const own = stridedCopy(
    Float64Array.from({ length: x.data.length }, (_, i) => i),
    indices.shape,
    strides.with(axis, 0),
  );
  return own.map((position, i) => position + resolved[i] * strides[axis]);
}

export const GatherElements: Kernel = ({ inputs: [x, indices], attributes, outputs: [type], where }) => {
  const axis = normalizeAxis(where, attributes.int("axis", 0), x!.shape.length);
  return [{ ...type, data: elementPositions(where, x!, indices!, axis).map((position) => x!.data[position]) }];
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

export const DepthToSpace: Kernel = ({ inputs: [x], attributes, outputs: [type] }) => {
  const block = attributes.int("blocksize");
  const [n, c, h, w] = type.shape;
  const [rows, columns] = [h / block, w / block];
  const [plane, image] = [rows * columns, x!.data.length / n];
  // In DCR order the input's channel is (block row, block column, channel), in CRD order (channel, block row, block column).
  const [channel, blockRow, blockColumn] =
    attributes.string("mode", "DCR") === "DCR"
      ? [plane, block * c * plane, c * plane]
      : [block * block * plane, block * plane, plane];
  const data = stridedCopy(
    x!.data,
    [n, c, rows, block, columns, block],
    [image, channel, columns, blockRow, 1, blockColumn],
  );
  return [{ ...type, data }];
};

export const SpaceToDepth: Kernel = ({ inputs: [x], attributes, outputs: [type] }) => {
  const block = attributes.int("blocksize");
  const [n, c, h, w] = x!.shape;
  const data = stridedCopy(
    x!.data,
    [n, block, block, c, h / block, w / block],
    [c * h * w, w, 1, h * w, block * w, block],
  );
  return [{ ...type, data }];
};
