/** @file Reference kernels of the operators that move, pick, repeat or describe elements. */
import { normalizeAxis, stridesOf } from "../../../tensor/shape.ts";
import { sizeOf } from "../../../tensor/tensor.ts";
import { numeric } from "../../numeric-tensor.ts";
import { padSources, padsPerAxis } from "../arithmetic/pad-sources.ts";
import { sliceRanges } from "../arithmetic/slice-bounds.ts";
import { broadcastTo, stridedCopy, takeAlong } from "../arithmetic/strided.ts";
import type { Kernel } from "./kernel.ts";

export * from "./indexing.ts";
export * from "./resampling.ts";

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

export const Range: Kernel = ({ inputs: [start, , delta], outputs: [type] }) => [
  { ...type, data: Float64Array.from({ length: type.shape[0] }, (_, i) => start!.data[0] + i * delta!.data[0]) },
];

export const EyeLike: Kernel = ({ attributes, outputs: [type] }) => {
  const k = attributes.int("k", 0);
  const columns = type.shape[1];
  const isOne = (_: number, i: number): number => Number((i % columns) - Math.floor(i / columns) === k);
  return [{ ...type, data: new Float64Array(sizeOf(type.shape)).map(isOne) }];
};

/** The elements of each matrix on and above (or, if not `upper`, below) its k-th diagonal; 0 for the others. */
export const Trilu: Kernel = ({ inputs: [x, diagonal], attributes, outputs: [type] }) => {
  const isUpper = attributes.int("upper", 1) !== 0;
  const k = diagonal?.data[0] ?? 0;
  const [rows, columns] = type.shape.slice(-2);
  const keep = (value: number, i: number): number => {
    const above = (i % columns) - (Math.floor(i / columns) % rows) - k;
    return (isUpper ? above >= 0 : above <= 0) ? value : 0;
  };
  return [{ ...type, data: x!.data.map(keep) }];
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

/**
 * The steps along a channel, a block's rows and its columns among the channels of the deep picture: channels are ordered
 * (block row, block column, channel) in DCR mode and (channel, block row, block column) in CRD mode.
 */
function blockStrides(mode: string, block: number, channels: number, plane: number): [number, number, number] {
  return mode === "CRD"
    ? [block * block * plane, block * plane, plane]
    : [plane, block * channels * plane, channels * plane];
}

export const DepthToSpace: Kernel = ({ inputs: [x], attributes, outputs: [type] }) => {
  const block = attributes.int("blocksize");
  const [n, c, h, w] = type.shape;
  const [rows, columns] = [h / block, w / block];
  const [channel, blockRow, blockColumn] = blockStrides(attributes.string("mode", "DCR"), block, c, rows * columns);
  const shape = [n, c, rows, block, columns, block];
  const data = stridedCopy(x!.data, shape, [x!.data.length / n, channel, columns, blockRow, 1, blockColumn]);
  return [{ ...type, data }];
};

/** Opset 28 knows a mode for it too. */
export const SpaceToDepth: Kernel = ({ inputs: [x], attributes, outputs: [type] }) => {
  const block = attributes.int("blocksize");
  const [n, c, h, w] = x!.shape;
  const [rows, columns] = [h / block, w / block];
  const steps = { n: c * h * w, c: h * w, blockRow: w, blockColumn: 1, row: block * w, column: block };
  const [shape, strides] =
    attributes.string("mode", "DCR") === "CRD"
      ? [
          [n, c, block, block, rows, columns],
          [steps.n, steps.c, steps.blockRow, steps.blockColumn, steps.row, steps.column],
        ]
      : [
          [n, block, block, c, rows, columns],
          [steps.n, steps.blockRow, steps.blockColumn, steps.c, steps.row, steps.column],
        ];
  return [{ ...type, data: stridedCopy(x!.data, shape, strides) }];
};
