/** @file Operators that move, repeat, join and part elements. */
import { BadInputError } from "../../errors.ts";
import { broadcastShapes, normalizeAxis, stridesOf } from "../../tensor/shape.ts";
import { type Shape as Extents, sizeOf } from "../../tensor/tensor.ts";
import type { ValueType } from "../model.ts";
import { padSources, padsPerAxis } from "./arithmetic/pad-sources.ts";
import { sliceRanges, splitSizes } from "./arithmetic/slice-bounds.ts";
import { broadcastTo, stridedCopy, takeAlong } from "./arithmetic/strided.ts";
import { checkRange, checkScalar, checkShape, knownNumbers, requiredNumbers } from "./check-shape.ts";
import { type Kernel, operator } from "./operator.ts";

function checkSize(where: string, x: ValueType, shape: Extents): readonly ValueType[] {
  if (sizeOf(x.shape) === sizeOf(shape) && shape.every((extent) => extent >= 0 && Number.isInteger(extent))) {
    return [{ dtype: x.dtype, shape }];
  }
  throw new BadInputError({
    where,
    what: "the number of elements changes",
    expected: `a shape for the elements of [${x.shape.join(", ")}]`,
    got: `[${shape.join(", ")}]`,
  });
}

/** The same elements under another shape. */
const renamed: Kernel = ({ inputs: [x], outputs: [type] }) => [{ ...type, data: x.data }];

/** One extent may be −1, which stands for what is left over; 0 stands for the input's own extent unless `allowzero` is set. */
export const Reshape = operator({
  inputs: "* l",
  attributes: "allowzero:int",
  shape: (call) => {
    const [x] = call.inputs;
    const allowZero = call.attributes.int("allowzero", 0) !== 0;
    const wanted = requiredNumbers(call, 1, "the output's extents").map((extent, axis) =>
      extent === 0 && !allowZero ? (x.shape[axis] ?? 0) : extent,
    );
    const rest = sizeOf(wanted.filter((extent) => extent !== -1));
    const shape = wanted.map((extent) => (extent === -1 ? sizeOf(x.shape) / rest : extent));
    return checkSize(call.where, x, shape);
  },
  kernel: renamed,
  traits: ["moves", "view"],
});

/** A matrix: the axes before `axis` are its rows, the others its columns. */
export const Flatten = operator({
  inputs: "*",
  attributes: "axis:int",
  shape: ({ where, inputs: [x], attributes }) => {
    const given = attributes.int("axis", 1);
    const rank = x.shape.length;
    checkRange(where, "axis", given, -rank, rank);
    const axis = given < 0 ? given + rank : given;
    return [{ dtype: x.dtype, shape: [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis))] }];
  },
  kernel: renamed,
  traits: ["moves", "view"],
});

/** Without the given axes of extent 1, or without all of them. */
export const Squeeze = operator({
  inputs: "* l?",
  shape: (call) => {
    const [x] = call.inputs;
    const axes = knownNumbers(call, 1, "the axes")?.map((axis) => normalizeAxis(call.where, axis, x.shape.length));
    const shape = x.shape.filter((extent, axis) => !(axes?.includes(axis) ?? extent === 1));
    return checkSize(call.where, x, shape);
  },
  kernel: renamed,
  traits: ["moves", "view"],
});

/** With axes of extent 1 at the given places of the result. */
export const Unsqueeze = operator({
  inputs: "* l",
  shape: (call) => {
    const [x] = call.inputs;
    const given = requiredNumbers(call, 1, "the axes");
    const rank = x.shape.length + given.length;
    const axes = given.map((axis) => normalizeAxis(call.where, axis, rank));
    let next = 0;
    const shape = Array.from({ length: rank }, (_, axis) => (axes.includes(axis) ? 1 : x.shape[next++]));
    return checkSize(call.where, x, shape);
  },
  kernel: renamed,
  traits: ["moves", "view"],
});

/** The input repeated to fill the shape to which it and the given extents broadcast. */
export const Expand = operator({
  inputs: "* l",
  shape: (call) => {
    const [x] = call.inputs;
    const shape = broadcastShapes(call.where, x.shape, requiredNumbers(call, 1, "the output's extents"));
    return [{ dtype: x.dtype, shape }];
  },
  kernel: ({ inputs: [x], outputs: [type] }) => [{ ...type, data: broadcastTo(x, type.shape) }],
  traits: ["moves"],
});

/** The input repeated along each axis. */
export const Tile = operator({
  inputs: "* l",
  shape: (call) => {
    const [x] = call.inputs;
    const repeats = requiredNumbers(call, 1, "the repeats");
    const { shape } = call.inputs[1];
    checkShape(
      call.where,
      "the repeats",
      shape,
      repeats.length === x.shape.length,
      `one for each of ${x.shape.length} axes`,
    );
    return [{ dtype: x.dtype, shape: x.shape.map((extent, axis) => extent * repeats[axis]) }];
  },
  kernel: ({ inputs: [x, repeats], outputs: [type] }) => {
    const strides = stridesOf(x.shape);
    const shape = x.shape.flatMap((extent, axis) => [repeats.data[axis], extent]);
    const data = stridedCopy(
      x.data,
      shape,
      strides.flatMap((stride) => [0, stride]),
    );
    return [{ ...type, data }];
  },
  traits: ["moves", "keepsRank"],
});

/** The axes in the order of `perm`, by default reversed. */
export const Transpose = operator({
  inputs: "*",
  attributes: "perm:ints",
  shape: ({ inputs: [x], attributes, where }) => {
    const axes = x.shape.map((_, axis) => axis);
    const perm = attributes.ints("perm", axes.toReversed());
    if (perm.length !== axes.length || !axes.every((axis) => perm.includes(axis))) {
      throw new BadInputError({
        where,
        what: "perm is no permutation of the axes",
        expected: `0 to ${axes.length - 1} in some order`,
        got: `[${perm.join(", ")}]`,
      });
    }
    return [{ dtype: x.dtype, shape: perm.map((axis) => x.shape[axis]) }];
  },
  kernel: ({ inputs: [x], attributes, outputs: [type] }) => {
    const strides = stridesOf(x.shape);
    const perm = attributes.ints("perm", strides.map((_, axis) => axis).toReversed());
    const data = stridedCopy(
      x.data,
      type.shape,
      perm.map((axis) => strides[axis]),
    );
    return [{ ...type, data }];
  },
  traits: ["moves", "keepsRank"],
});

/** The inputs one after the other along an axis. */
export const Concat = operator({
  inputs: "a+",
  attributes: "axis:int",
  shape: ({ inputs, attributes, where }) => {
    const [first] = inputs;
    const axis = normalizeAxis(where, attributes.int("axis"), first.shape.length);
    const shape = [...first.shape];
    for (const input of inputs.slice(1)) {
      if (input.shape.length !== shape.length || input.shape.some((n, k) => k !== axis && n !== shape[k])) {
        throw new BadInputError({
          where,
          what: `the shapes differ outside axis ${axis}`,
          expected: `like [${first.shape.join(", ")}]`,
          got: `[${input.shape.join(", ")}]`,
        });
      }
      shape[axis] += input.shape[axis];
    }
    return [{ dtype: first.dtype, shape }];
  },
  kernel: ({ inputs, attributes, outputs: [type], where }) => {
    const axis = normalizeAxis(where, attributes.int("axis"), type.shape.length);
    const outer = sizeOf(type.shape.slice(0, axis));
    const data = new Float64Array(sizeOf(type.shape));
    let to = 0;
    for (let i = 0; i < outer; i++) {
      for (const input of inputs) {
        const length = input.data.length / outer;
        data.set(input.data.subarray(i * length, (i + 1) * length), to);
        to += length;
      }
    }
    return [{ ...type, data }];
  },
  traits: ["keepsRank"],
});

/** Consecutive parts along an axis, of the given sizes or equal ones. */
export const Split = operator({
  inputs: "* l?",
  attributes: "axis:int num_outputs:int",
  shape: (call) => {
    const { inputs, node, where, attributes } = call;
    const { dtype, shape } = inputs[0];
    const axis = normalizeAxis(where, attributes.int("axis", 0), shape.length);
    const parts = attributes.int("num_outputs", node.outputs.length);
    checkRange(where, "num_outputs", parts, node.outputs.length, node.outputs.length);
    const sizes = splitSizes(where, shape[axis], parts, knownNumbers(call, 1, "the sizes"));
    return sizes.map((size) => ({ dtype, shape: shape.with(axis, size) }));
  },
  kernel: ({ inputs: [x], attributes, outputs, where }) => {
    const axis = normalizeAxis(where, attributes.int("axis", 0), x.shape.length);
    const strides = stridesOf(x.shape);
    let start = 0;
    return outputs.map((type) => {
      const data = stridedCopy(x.data, type.shape, strides, start * strides[axis]);
      start += type.shape[axis];
      return { ...type, data };
    });
  },
  traits: ["moves", "keepsRank"],
});

/** From each bound to the other along the given axes, in steps. */
export const Slice = operator({
  inputs: "* i i i? i?",
  shape: (call) => {
    const [x] = call.inputs;
    const ranges = sliceRanges(call.where, x.shape, {
      starts: requiredNumbers(call, 1, "the bounds"),
      ends: requiredNumbers(call, 2, "the bounds"),
      axes: knownNumbers(call, 3, "the axes"),
      steps: knownNumbers(call, 4, "the steps"),
    });
    return [{ dtype: x.dtype, shape: ranges.map(({ count }) => count) }];
  },
  kernel: ({ inputs: [x, starts, ends, axes, steps], outputs: [type], where }) => {
    const ranges = sliceRanges(where, x.shape, {
      starts: Array.from(starts.data),
      ends: Array.from(ends.data),
      axes: axes && Array.from(axes.data),
      steps: steps && Array.from(steps.data),
    });
    const strides = stridesOf(x.shape);
    const offset = ranges.reduce((sum, { start }, axis) => sum + start * strides[axis], 0);
    const data = stridedCopy(
      x.data,
      type.shape,
      ranges.map(({ step }, axis) => step * strides[axis]),
      offset,
    );
    return [{ ...type, data }];
  },
  traits: ["moves", "keepsRank"],
});

/** Elements added (or, where a pad is negative, removed) before and after each axis. */
export const Pad = operator({
  inputs: "a l a? i?",
  attributes: "mode:constant,reflect,edge,wrap",
  shape: (call) => {
    const [x, , value] = call.inputs;
    checkScalar(call.where, "the value", value?.shape);
    const pads = requiredNumbers(call, 1, "the pads");
    const perAxis = padsPerAxis(call.where, x.shape, pads, knownNumbers(call, 3, "the axes"));
    if (call.attributes.string("mode", "constant") === "reflect") {
      const fits = perAxis.every(
        ({ before, after }, axis) => Math.max(before, after) <= Math.max(0, x.shape[axis] - 1),
      );
      checkShape(
        call.where,
        "the input",
        x.shape,
        fits,
        `more elements along each axis than are reflected, ${pads.join(", ")}`,
      );
    }
    return [{ dtype: x.dtype, shape: x.shape.map((extent, k) => extent + perAxis[k].before + perAxis[k].after) }];
  },
  kernel: ({ inputs: [x, pads, value, axes], attributes, where }) => {
    const mode = attributes.string("mode", "constant");
    const perAxis = padsPerAxis(where, x.shape, Array.from(pads.data), axes && Array.from(axes.data));
    let result = x;
    perAxis.forEach((axisPads, axis) => {
      if (axisPads.before === 0 && axisPads.after === 0) return;
      result = takeAlong(result, axis, padSources(where, mode, x.shape[axis], axisPads), value?.data[0]);
    });
    return [result];
  },
  traits: ["keepsRank"],
});

/** The elements of each matrix on and above (or, if not `upper`, below) its k-th diagonal; 0 for the others. */
export const Trilu = operator({
  inputs: "* l?",
  attributes: "upper:int",
  shape: ({ where, inputs: [x, diagonal] }) => {
    checkShape(where, "the input", x.shape, x.shape.length >= 2, "matrices");
    checkScalar(where, "the diagonal", diagonal?.shape);
    return [x];
  },
  kernel: ({ inputs: [x, diagonal], attributes, outputs: [type] }) => {
    const isUpper = attributes.int("upper", 1) !== 0;
    const k = diagonal?.data[0] ?? 0;
    const [rows, columns] = type.shape.slice(-2);
    const keep = (value: number, i: number): number => {
      const above = (i % columns) - (Math.floor(i / columns) % rows) - k;
      return (isUpper ? above >= 0 : above <= 0) ? value : 0;
    };
    return [{ ...type, data: x.data.map(keep) }];
  },
  traits: ["keepsShape", "keepsSign"],
});

function imageShape(where: string, shape: Extents): Extents {
  if (shape.length === 4) return shape;
  throw new BadInputError({ where, what: "wrong rank", expected: "[N, C, H, W]", got: `[${shape.join(", ")}]` });
}

/**
 * The steps along a channel, a block's rows and its columns among the channels of the deep picture: channels are ordered
 * (block row, block column, channel) in DCR mode and (channel, block row, block column) in CRD mode.
 */
function blockStrides(mode: string, block: number, channels: number, plane: number): [number, number, number] {
  return mode === "CRD"
    ? [block * block * plane, block * plane, plane]
    : [plane, block * channels * plane, channels * plane];
}

/** Blocks of channels as blocks of pixels. */
export const DepthToSpace = operator({
  inputs: "*",
  attributes: "blocksize:int mode:DCR,CRD",
  shape: ({ inputs: [x], attributes, where }) => {
    const [n, c, h, w] = imageShape(where, x.shape);
    const block = attributes.int("blocksize");
    return checkSize(where, x, [n, c / (block * block), h * block, w * block]);
  },
  kernel: ({ inputs: [x], attributes, outputs: [type] }) => {
    const block = attributes.int("blocksize");
    const [n, c, h, w] = type.shape;
    const [rows, columns] = [h / block, w / block];
    const [channel, blockRow, blockColumn] = blockStrides(attributes.string("mode", "DCR"), block, c, rows * columns);
    const shape = [n, c, rows, block, columns, block];
    const data = stridedCopy(x.data, shape, [x.data.length / n, channel, columns, blockRow, 1, blockColumn]);
    return [{ ...type, data }];
  },
  traits: ["moves", "channelsFirst"],
});

/** Blocks of pixels as channels. Opset 28 knows a mode for it too. */
export const SpaceToDepth = operator({
  inputs: "*",
  attributes: "blocksize:int mode:DCR,CRD",
  shape: ({ inputs: [x], attributes, where }) => {
    const [n, c, h, w] = imageShape(where, x.shape);
    const block = attributes.int("blocksize");
    return checkSize(where, x, [n, c * block * block, h / block, w / block]);
  },
  kernel: ({ inputs: [x], attributes, outputs: [type] }) => {
    const block = attributes.int("blocksize");
    const [n, c, h, w] = x.shape;
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
    return [{ ...type, data: stridedCopy(x.data, shape, strides) }];
  },
  traits: ["moves", "channelsFirst"],
});
