/** @file Pools: [N, C, …wide] → [N, C, …narrow], and over whole planes [N, C, …] → [N, C, 1, …]. */
import { BadInputError, UnsupportedError } from "../../errors.ts";
import { sameShape, stridesOf } from "../../tensor/shape.ts";
import { type Shape, sizeOf } from "../../tensor/tensor.ts";
import type { AttributeReader } from "../attributes.ts";
import type { ValueType } from "../model.ts";
import type { NumericTensor } from "../numeric-tensor.ts";
import { kernelShapeOf, poolWindow, spanOf, tapCounts, transposedWindow, type Window } from "./arithmetic/window.ts";
import { liftWindow, rowsOf } from "./arithmetic/window-loops.ts";
import { checkShape, knownNumbers } from "./check-shape.ts";
import { type Kernel, operator, type ShapeRule } from "./operator.ts";

/** What a pool's window is read from. */
interface PoolNode {
  readonly where: string;
  readonly attributes: AttributeReader;
  readonly inputs: readonly [ValueType, ...unknown[]];
}

/** The window of a pool, whose input has at least three axes. */
function windowOf({ where, attributes, inputs: [{ shape }] }: PoolNode): Window {
  return poolWindow(where, attributes, shape.slice(2));
}

/** Windows of so many taps are for pictures of any size; larger ones must not be much larger than the plane. */
const mostTaps = 2 ** 20;

/** As {@link windowOf}, checked. */
function checkedWindow(node: PoolNode): Window {
  const { where, inputs } = node;
  checkRank(where, inputs[0].shape);
  const window = windowOf(node);
  const { kernel, padsBegin, padsEnd } = window;
  // Beyond that a window could hold nothing but padding.
  const fits = kernel.every((_, axis) => Math.max(padsBegin[axis], padsEnd[axis]) < spanOf(window, axis));
  if (!fits) {
    throw new BadInputError({
      where,
      what: "attribute pads does not fit",
      expected: `less than the window [${kernel.join(", ")}]`,
      got: `[${[...padsBegin, ...padsEnd].join(", ")}]`,
    });
  }
  const most = Math.max(mostTaps, 4 * sizeOf(window.wide));
  if (sizeOf(kernel) <= most) return window;
  throw new UnsupportedError({
    where,
    what: "the window is too large for what it is moved over",
    expected: `at most ${most} taps`,
    got: `[${kernel.join(", ")}]`,
  });
}

function checkRank(where: string, shape: Shape): void {
  if (shape.length >= 3) return;
  throw new BadInputError({
    where,
    what: "the input has no spatial axis",
    expected: "[N, C, …spatial]",
    got: `[${shape.join(", ")}]`,
  });
}

/** The type of a pool's first output. */
function pooledType(call: PoolNode): ValueType {
  const [{ dtype, shape }] = call.inputs;
  return { dtype, shape: [...shape.slice(0, 2), ...checkedWindow(call).narrow] };
}

const pooled: ShapeRule = (call) => [pooledType(call)];

/** How many taps all windows have together that are not padding, at most. */
function tapsOf({
  attributes,
  inputs: [{ shape }],
  outputs,
}: PoolNode & { readonly outputs: readonly ValueType[] }): number {
  const spatial = shape.slice(2);
  const taps = attributes.ints("kernel_shape", []).map((extent, axis) => Math.min(extent, spatial[axis] ?? extent));
  return sizeOf(taps) * sizeOf(outputs[0]?.shape ?? []);
}

/** Calls `visit(narrow, wide)` with flat indices into y and x for every tap that is not padding, taps in row-major order per window. */
function forEachTap(where: string, [n, c]: Shape, window: Window, visit: (narrow: number, wide: number) => void): void {
  const lifted = liftWindow(where, window);
  const [rows, stride] = [rowsOf(lifted), lifted.strides[2]];
  const [widePlane, narrowPlane] = [sizeOf(window.wide), sizeOf(window.narrow)];
  for (let channel = 0; channel < n * c; channel++) {
    for (let r = 0; r < rows.length; r += 4) {
      const [to, from] = [channel * narrowPlane + rows[r + 1], channel * widePlane + rows[r + 2]];
      for (let i = 0; i < rows[r + 3]; i++) visit(to + i, from + i * stride);
    }
  }
}

/**
 * The first maximum of each window in row-major order and, as a second output, the maxima's flat indices into the whole input;
 * `storage_order` 1 counts the spatial part of an index column-major.
 */
export const MaxPool = operator({
  inputs: "N",
  attributes: "auto_pad:string ceil_mode:int dilations:ints kernel_shape:ints pads:ints storage_order:int strides:ints",
  shape: (call) => {
    const y = pooledType(call);
    return [y, { dtype: "int64", shape: y.shape }];
  },
  kernel: (call) => {
    const { where, attributes, inputs, outputs } = call;
    const [x] = inputs;
    const window = windowOf(call);
    const size = sizeOf(outputs[0].shape);
    const data = new Float64Array(size).fill(-Infinity);
    const indices = new Float64Array(size).fill(-1);
    forEachTap(where, x.shape, window, (o, p) => {
      if (x.data[p] > data[o] || indices[o] < 0) [data[o], indices[o]] = [x.data[p], p];
    });
    if (attributes.int("storage_order", 0) === 1) {
      const plane = sizeOf(window.wide);
      const [rowMajor, columnMajor] = [stridesOf(window.wide), stridesOf(window.wide.toReversed()).toReversed()];
      for (let i = 0; i < size; i++) {
        const within = indices[i] % plane;
        let index = indices[i] - within;
        window.wide.forEach((extent, axis) => {
          index += (Math.floor(within / rowMajor[axis]) % extent) * columnMajor[axis];
        });
        indices[i] = index;
      }
    }
    return [
      { ...outputs[0], data },
      { ...outputs[1], dtype: "int64", shape: outputs[0].shape, data: indices },
    ];
  },
  work: tapsOf,
  traits: ["planewise", "channelsFirst", "keepsRank", "keepsSign"],
});

/** x and indices [N, C, …narrow] → [N, C, …wide], zeros but for y[indices] = x; the third input, a constant, is the whole output shape. */
export const MaxUnpool = operator({
  inputs: "N l l?",
  attributes: "kernel_shape:ints pads:ints strides:ints",
  shape: (call) => {
    const {
      where,
      attributes,
      inputs: [x, indices],
    } = call;
    checkRank(where, x.shape);
    const fits = sameShape(indices.shape, x.shape);
    checkShape(where, "the indices", indices.shape, fits, `[${x.shape.join(", ")}] as the values`);
    const shape = knownNumbers(call, 2, "the output's extents");
    const spatial = x.shape.slice(2);
    if (shape !== undefined) {
      kernelShapeOf(where, attributes, spatial);
      checkShape(where, "the output", shape, shape.length === x.shape.length, `${x.shape.length} axes`);
      return [{ dtype: x.dtype, shape }];
    }
    const { wide } = transposedWindow(where, attributes, spatial, kernelShapeOf(where, attributes, spatial));
    return [{ dtype: x.dtype, shape: [...x.shape.slice(0, 2), ...wide] }];
  },
  kernel: ({ inputs: [x, indices], outputs: [type] }) => {
    const data = new Float64Array(sizeOf(type.shape));
    for (let i = 0; i < x.data.length; i++) data[indices.data[i]] = x.data[i];
    return [{ ...type, data }];
  },
  traits: ["channelsFirst", "keepsRank", "keepsSign"],
});

/** The mean over each window, of the taps that count (see {@link tapCounts}); padding is 0. */
export const AveragePool = operator({
  inputs: "f",
  attributes:
    "auto_pad:string ceil_mode:int count_include_pad:int dilations:ints kernel_shape:ints pads:ints strides:ints",
  shape: pooled,
  kernel: (call) => {
    const { where, attributes, inputs, outputs } = call;
    const [x] = inputs;
    const window = windowOf(call);
    const data = new Float64Array(sizeOf(outputs[0].shape));
    forEachTap(where, x.shape, window, (o, p) => {
      data[o] += x.data[p];
    });
    const counts = tapCounts(window, attributes.int("count_include_pad", 0) !== 0);
    for (let i = 0; i < data.length; i++) data[i] /= counts[i % counts.length];
    return [{ ...outputs[0], data }];
  },
  work: tapsOf,
  traits: ["planewise", "channelsFirst", "keepsRank", "keepsSign"],
});

/** (Σ |x|^p)^(1/p) over each window */
export const LpPool = operator({
  inputs: "f",
  attributes: "auto_pad:string ceil_mode:int dilations:ints kernel_shape:ints p:int pads:ints strides:ints",
  shape: pooled,
  kernel: (call) => {
    const { where, attributes, inputs, outputs } = call;
    const [x] = inputs;
    const p = attributes.int("p", 2);
    const data = new Float64Array(sizeOf(outputs[0].shape));
    forEachTap(where, x.shape, windowOf(call), (o, i) => {
      data[o] += Math.abs(x.data[i]) ** p;
    });
    return [{ ...outputs[0], data: data.map((sum) => sum ** (1 / p)) }];
  },
  work: tapsOf,
  traits: ["planewise", "channelsFirst", "keepsRank", "nonNegative"],
});

const globallyPooled: ShapeRule = ({ where, inputs: [x] }) => {
  checkRank(where, x.shape);
  return [{ dtype: x.dtype, shape: x.shape.map((extent, axis) => (axis < 2 ? extent : 1)) }];
};

/** The kernel that applies `reduce` to each channel's plane. */
function ofPlanes(reduce: (plane: NumericTensor["data"], p: number) => number): Kernel {
  return ({ attributes, inputs: [x], outputs: [type] }) => {
    const plane = sizeOf(x.shape.slice(2));
    const p = attributes.int("p", 2);
    const data = Float64Array.from({ length: sizeOf(type.shape) }, (_, i) =>
      reduce(x.data.subarray(i * plane, (i + 1) * plane), p),
    );
    return [{ ...type, data }];
  };
}

export const GlobalAveragePool = operator({
  inputs: "f",
  shape: globallyPooled,
  kernel: ofPlanes((plane) => plane.reduce((sum, x) => sum + x, 0) / plane.length),
  traits: ["planewise", "globalPool", "channelsFirst", "keepsSign"],
});

export const GlobalMaxPool = operator({
  inputs: "f",
  shape: globallyPooled,
  kernel: ofPlanes((plane) => plane.reduce((most, x) => Math.max(most, x), -Infinity)),
  traits: ["planewise", "globalPool", "channelsFirst", "keepsSign"],
});

export const GlobalLpPool = operator({
  inputs: "f",
  attributes: "p:int",
  shape: globallyPooled,
  kernel: ofPlanes((plane, p) => plane.reduce((sum, x) => sum + Math.abs(x) ** p, 0) ** (1 / p)),
  traits: ["planewise", "globalPool", "channelsFirst", "nonNegative"],
});
