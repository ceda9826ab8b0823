/** @file Reference kernels of the convolutions. */
import { sizeOf } from "../../../tensor/tensor.ts";
import type { NumericTensor } from "../../numeric-tensor.ts";
import { slidingWindow, transposedWindow } from "../arithmetic/window.ts";
import { liftWindow, rowsOf } from "../arithmetic/window-loops.ts";
import type { Kernel } from "./kernel.ts";

/** A tensor [N, M, …] filled with its bias, or zeros. */
function biased(shape: readonly number[], bias: NumericTensor | undefined): Float64Array {
  const [n, m, ...spatial] = shape;
  const plane = sizeOf(spatial);
  const data = new Float64Array(n * m * plane);
  if (bias !== undefined) {
    for (let i = 0; i < n * m; i++) data.fill(bias.data[i % m], i * plane, (i + 1) * plane);
  }
  return data;
}

/** Everything that one output plane of a convolution needs to know of its input planes, which lie one behind the other. */
interface Planes {
  readonly input: Float64Array;
  /** Elements per input plane. */
  readonly size: number;
  /** How many input planes there are. */
  readonly count: number;
  readonly weight: Float64Array;
  /** From one input plane's first weight to the next one's. */
  readonly weightStep: number;
  /** The rows that a tap touches (see {@link rowsOf}), the output's position first. */
  readonly rows: Int32Array;
  /** Steps along a row of the input and of the output. */
  readonly inputStep: number;
  readonly outputStep: number;
}

/**
 * Adds to the plane of `data` that starts at `to` what the input planes from `from` on give, with the weights from `first` on.
 * Four planes at a time: the output is loaded and stored once for all four, which makes it twice as fast.
 */
function addPlanes(data: Float64Array, to: number, planes: Planes, from: number, first: number): void {
  const { input, size, count, weight, weightStep, rows, inputStep, outputStep } = planes;
  let plane = 0;
  for (; plane + 4 <= count; plane += 4) {
    const start = from + plane * size;
    for (let r = 0; r < rows.length; r += 4) {
      const k = first + plane * weightStep + rows[r];
      const [a, b] = [weight[k], weight[k + weightStep]];
      const [c, d] = [weight[k + 2 * weightStep], weight[k + 3 * weightStep]];
      let o = to + rows[r + 1];
      let p = start + rows[r + 2];
      for (let i = rows[r + 3]; i > 0; i--) {
        data[o] += a * input[p] + b * input[p + size] + c * input[p + 2 * size] + d * input[p + 3 * size];
        o += outputStep;
        p += inputStep;
      }
    }
  }
  for (; plane < count; plane++) {
    const start = from + plane * size;
    for (let r = 0; r < rows.length; r += 4) {
      const a = weight[first + plane * weightStep + rows[r]];
      let o = to + rows[r + 1];
      let p = start + rows[r + 2];
      for (let i = rows[r + 3]; i > 0; i--) {
        data[o] += a * input[p];
        o += outputStep;
        p += inputStep;
      }
    }
  }
}

/** y[n, m, o] = bias[m] + Σ over c of m's group and taps k of w[m, c, k] · x[n, c, o · stride + k · dilation − pad] */
export const Conv: Kernel = ({ where, attributes, inputs: [x, w, bias], outputs: [type] }) => {
  const [n, channels, ...wide] = x!.shape;
  const [m, perGroup, ...kernel] = w!.shape;
  const window = liftWindow(where, slidingWindow(where, attributes, wide, kernel));
  const [size, outputSize, taps] = [sizeOf(wide), sizeOf(window.narrow), sizeOf(kernel)];
  const planes: Planes = {
    input: x!.data,
    size,
    count: perGroup,
    weight: w!.data,
    weightStep: taps,
    rows: rowsOf(window),
    inputStep: window.strides[2],
    outputStep: 1,
  };
  const outPerGroup = m / attributes.int("group", 1);
  const data = biased(type.shape, bias);
  for (let i = 0; i < n; i++) {
    for (let out = 0; out < m; out++) {
      const from = (i * channels + Math.floor(out / outPerGroup) * perGroup) * size;
      addPlanes(data, (i * m + out) * outputSize, planes, from, out * perGroup * taps);
    }
  }
  return [{ ...type, data }];
};

/** The adjoint of {@link Conv} with the same window: y[n, m, o · stride + k · dilation − pad] += w[c, m, k] · x[n, c, o] */
export const ConvTranspose: Kernel = ({ where, attributes, inputs: [x, w, bias], outputs: [type] }) => {
  const [n, channels, ...narrow] = x!.shape;
  const [, outPerGroup, ...kernel] = w!.shape;
  const window = liftWindow(where, transposedWindow(where, attributes, narrow, kernel));
  const [size, outputSize, taps] = [sizeOf(narrow), sizeOf(window.wide), sizeOf(kernel)];
  const perGroup = channels / attributes.int("group", 1);
  const rows = rowsOf(window);
  for (let r = 0; r < rows.length; r += 4) [rows[r + 1], rows[r + 2]] = [rows[r + 2], rows[r + 1]];
  const planes: Planes = {
    input: x!.data,
    size,
    count: perGroup,
    weight: w!.data,
    weightStep: outPerGroup * taps,
    rows,
    inputStep: 1,
    outputStep: window.strides[2],
  };
  const m = type.shape[1];
  const data = biased(type.shape, bias);
  for (let i = 0; i < n; i++) {
    for (let out = 0; out < m; out++) {
      const c = Math.floor(out / outPerGroup) * perGroup;
      const first = (c * outPerGroup + (out % outPerGroup)) * taps;
      addPlanes(data, (i * m + out) * outputSize, planes, (i * channels + c) * size, first);
    }
  }
  return [{ ...type, data }];
};
