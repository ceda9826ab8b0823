/** @file Reference kernels of the convolutions. */
import { sizeOf } from "../../tensor/tensor.ts";
import { slidingWindow, transposedWindow } from "../window.ts";
import type { Kernel, NumericTensor } from "./kernel.ts";
import { liftWindow, rowsOf } from "./window-loops.ts";

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

/** y[n, m, o] = bias[m] + Σ over c of m's group and taps k of w[m, c, k] · x[n, c, o · stride + k · dilation − pad] */
export const Conv: Kernel = ({ where, attributes, inputs: [x, w, bias], outputs: [type] }) => {
  const [n, channels, ...wide] = x!.shape;
  const [m, perGroup, ...kernel] = w!.shape;
  const window = liftWindow(where, slidingWindow(where, attributes, wide, kernel));
  const [rows, stride] = [rowsOf(window), window.strides[2]];
  const [widePlane, narrowPlane, taps] = [sizeOf(wide), sizeOf(window.narrow), sizeOf(kernel)];
  const outPerGroup = m / attributes.int("group", 1);
  const data = biased(type.shape, bias);
  const [input, weight] = [x!.data, w!.data];
  for (let i = 0; i < n; i++) {
    for (let out = 0; out < m; out++) {
      const to = (i * m + out) * narrowPlane;
      for (let c = 0; c < perGroup; c++) {
        const from = (i * channels + Math.floor(out / outPerGroup) * perGroup + c) * widePlane;
        const taps0 = (out * perGroup + c) * taps;
        for (let r = 0; r < rows.length; r += 4) {
          const factor = weight[taps0 + rows[r]];
          const end = to + rows[r + 1] + rows[r + 3];
          for (let o = to + rows[r + 1], p = from + rows[r + 2]; o < end; o++, p += stride) {
            data[o] += factor * input[p];
          }
        }
      }
    }
  }
  return [{ ...type, data }];
};

/** The adjoint of {@link Conv} with the same window: y[n, m, o · stride + k · dilation − pad] += w[c, m, k] · x[n, c, o] */
export const ConvTranspose: Kernel = ({ where, attributes, inputs: [x, w, bias], outputs: [type] }) => {
  const [n, channels, ...narrow] = x!.shape;
  const [, outPerGroup, ...kernel] = w!.shape;
  const window = liftWindow(where, transposedWindow(where, attributes, narrow, kernel));
  const [rows, stride] = [rowsOf(window), window.strides[2]];
  const [narrowPlane, widePlane, taps] = [sizeOf(narrow), sizeOf(window.wide), sizeOf(kernel)];
  const perGroup = channels / attributes.int("group", 1);
  const m = type.shape[1];
  const data = biased(type.shape, bias);
  const [input, weight] = [x!.data, w!.data];
  for (let i = 0; i < n; i++) {
    for (let out = 0; out < m; out++) {
      const to = (i * m + out) * widePlane;
      for (let k = 0; k < perGroup; k++) {
        const c = Math.floor(out / outPerGroup) * perGroup + k;
        const from = (i * channels + c) * narrowPlane;
        const taps0 = (c * outPerGroup + (out % outPerGroup)) * taps;
        for (let r = 0; r < rows.length; r += 4) {
          const factor = weight[taps0 + rows[r]];
          const end = from + rows[r + 1] + rows[r + 3];
          for (let o = from + rows[r + 1], p = to + rows[r + 2]; o < end; o++, p += stride) {
            data[p] += factor * input[o];
          }
        }
      }
    }
  }
  return [{ ...type, data }];
};
