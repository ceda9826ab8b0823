/** @file Reference kernels of the pools. */
import { stridesOf } from "../../../tensor/shape.ts";
import { sizeOf } from "../../../tensor/tensor.ts";
import { kernelShapeOf, slidingWindow, tapCounts, type Window } from "../arithmetic/window.ts";
import { liftWindow, rowsOf } from "../arithmetic/window-loops.ts";
import type { Kernel, KernelCall } from "./kernel.ts";

function poolWindow({ where, attributes, inputs: [x] }: KernelCall): Window {
  const spatial = x!.shape.slice(2);
  const kernel = kernelShapeOf(where, attributes, spatial);
  return slidingWindow(where, attributes, spatial, kernel, attributes.int("ceil_mode", 0) !== 0);
}

/** Calls `visit(narrow, wide)` with flat indices into y and x for every tap that is not padding, taps in row-major order per window. */
function forEachTap(call: KernelCall, window: Window, visit: (narrow: number, wide: number) => void): void {
  const [n, c] = call.inputs[0]!.shape;
  const lifted = liftWindow(call.where, window);
  const [rows, stride] = [rowsOf(lifted), lifted.strides[2]];
  const [widePlane, narrowPlane] = [sizeOf(window.wide), sizeOf(window.narrow)];
  for (let channel = 0; channel < n * c; channel++) {
    for (let r = 0; r < rows.length; r += 4) {
      const [to, from] = [channel * narrowPlane + rows[r + 1], channel * widePlane + rows[r + 2]];
      for (let i = 0; i < rows[r + 3]; i++) visit(to + i, from + i * stride);
    }
  }
}

/** The first maximum of each window in row-major order; `storage_order` 1 counts the spatial part of its index column-major. */
export const MaxPool: Kernel = (call) => {
  const { attributes, inputs, outputs } = call;
  const [x, window] = [inputs[0]!, poolWindow(call)];
  const size = sizeOf(outputs[0].shape);
  const data = new Float64Array(size).fill(-Infinity);
  const indices = new Float64Array(size).fill(-1);
  forEachTap(call, window, (o, p) => {
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
};

/** Zeros but for y[indices] = x. */
export const MaxUnpool: Kernel = ({ inputs: [x, indices], outputs: [type] }) => {
  const data = new Float64Array(sizeOf(type.shape));
  for (let i = 0; i < x!.data.length; i++) data[indices!.data[i]] = x!.data[i];
  return [{ ...type, data }];
};

/** The mean over each window, of the taps that count (see {@link tapCounts}); padding is 0. */
export const AveragePool: Kernel = (call) => {
  const { attributes, inputs, outputs } = call;
  const [x, window] = [inputs[0]!, poolWindow(call)];
  const data = new Float64Array(sizeOf(outputs[0].shape));
  forEachTap(call, window, (o, p) => {
    data[o] += x.data[p];
  });
  const counts = tapCounts(window, attributes.int("count_include_pad", 0) !== 0);
  for (let i = 0; i < data.length; i++) data[i] /= counts[i % counts.length];
  return [{ ...outputs[0], data }];
};

/** (Σ |x|^p)^(1/p) over each window */
export const LpPool: Kernel = (call) => {
  const { attributes, inputs, outputs } = call;
  const p = attributes.int("p", 2);
  const data = new Float64Array(sizeOf(outputs[0].shape));
  forEachTap(call, poolWindow(call), (o, i) => {
    data[o] += Math.abs(inputs[0]!.data[i]) ** p;
  });
  return [{ ...outputs[0], data: data.map((sum) => sum ** (1 / p)) }];
};

/** The kernel that applies `reduce` to each channel's plane. */
function globalPool(reduce: (plane: Float64Array, p: number) => number): Kernel {
  return ({ attributes, inputs: [x], outputs: [type] }) => {
    const plane = sizeOf(x!.shape.slice(2));
    const p = attributes.int("p", 2);
    const data = Float64Array.from({ length: sizeOf(type.shape) }, (_, i) =>
      reduce(x!.data.subarray(i * plane, (i + 1) * plane), p),
    );
    return [{ ...type, data }];
  };
}

export const GlobalAveragePool = globalPool((plane) => plane.reduce((sum, x) => sum + x, 0) / plane.length);
export const GlobalMaxPool = globalPool((plane) => plane.reduce((most, x) => Math.max(most, x), -Infinity));
export const GlobalLpPool = globalPool((plane, p) => plane.reduce((sum, x) => sum + Math.abs(x) ** p, 0) ** (1 / p));
