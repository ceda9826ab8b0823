/** @file Convolutions. */
import { BadInputError } from "../../errors.ts";
import { sizeOf } from "../../tensor/tensor.ts";
import type { ValueType } from "../model.ts";
import { addPlanes, biased, type Planes } from "./arithmetic/convolution-planes.ts";
import { kernelShapeOf, slidingWindow, transposedWindow } from "./arithmetic/window.ts";
import { liftWindow, rowsOf } from "./arithmetic/window-loops.ts";
import { checkShape } from "./check-shape.ts";
import { operator } from "./operator.ts";

/** Throws a BadInputError unless `x` is [N, C, …] with at least one spatial axis and `w` has as many axes. */
function checkRanks(where: string, x: ValueType, w: ValueType): void {
  if (x.shape.length >= 3 && w.shape.length === x.shape.length) return;
  throw new BadInputError({
    where,
    what: "input and weight do not fit together",
    expected: "[N, C, …spatial] and a weight of as many axes",
    got: `[${x.shape.join(", ")}] and [${w.shape.join(", ")}]`,
  });
}

function checkChannels(where: string, fits: boolean, x: ValueType, w: ValueType, group: number): void {
  if (fits) return;
  throw new BadInputError({
    where,
    what: "the channels do not fit together",
    got: `input [${x.shape.join(", ")}], weight [${w.shape.join(", ")}], group ${group}`,
  });
}

function checkBias(where: string, bias: ValueType | undefined, channels: number): void {
  if (bias === undefined) return;
  checkShape(where, "the bias", bias.shape, bias.shape.length === 1 && bias.shape[0] === channels, `[${channels}]`);
}

/**
 * x [N, C, …wide], w [M, C / group, …kernel], bias [M] → [N, M, …narrow]:
 * y[n, m, o] = bias[m] + Σ over c of m's group and taps k of w[m, c, k] · x[n, c, o · stride + k · dilation − pad]
 */
export const Conv = operator({
  inputs: "f f f?",
  attributes: "auto_pad:string dilations:ints group:int kernel_shape:ints pads:ints strides:ints",
  shape: ({ where, attributes, inputs: [x, w, bias] }) => {
    checkRanks(where, x, w);
    const group = attributes.int("group", 1);
    const [[n, c, ...spatial], [m, perGroup, ...kernel]] = [x.shape, w.shape];
    checkChannels(where, perGroup * group === c && m % group === 0, x, w, group);
    checkBias(where, bias, m);
    const window = slidingWindow(where, attributes, spatial, kernelShapeOf(where, attributes, spatial, kernel));
    return [{ dtype: x.dtype, shape: [n, m, ...window.narrow] }];
  },
  kernel: ({ where, attributes, inputs: [x, w, bias], outputs: [type] }) => {
    const [n, channels, ...wide] = x.shape;
    const [m, perGroup, ...kernel] = w.shape;
    const window = liftWindow(where, slidingWindow(where, attributes, wide, kernel));
    const [size, outputSize, taps] = [sizeOf(wide), sizeOf(window.narrow), sizeOf(kernel)];
    const planes: Planes = {
      input: x.data,
      size,
      count: perGroup,
      weight: w.data,
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
  },
  work: ({ inputs: [, w], outputs: [y] }) => sizeOf(w.shape.slice(1)) * sizeOf(y.shape),
  traits: ["weighted", "channelsFirst", "keepsRank"],
});

/**
 * x [N, C, …narrow], w [C, M / group, …kernel], bias [M] → [N, M, …wide], the adjoint of {@link Conv} with the same window:
 * y[n, m, o · stride + k · dilation − pad] += w[c, m, k] · x[n, c, o]
 */
export const ConvTranspose = operator({
  inputs: "f f f?",
  attributes:
    "auto_pad:string dilations:ints group:int kernel_shape:ints output_padding:ints output_shape:ints pads:ints strides:ints",
  shape: ({ where, attributes, inputs: [x, w, bias] }) => {
    checkRanks(where, x, w);
    const group = attributes.int("group", 1);
    const [[n, c, ...spatial], [inChannels, perGroup, ...kernel]] = [x.shape, w.shape];
    checkChannels(where, inChannels === c && c % group === 0, x, w, group);
    checkBias(where, bias, perGroup * group);
    const window = transposedWindow(where, attributes, spatial, kernelShapeOf(where, attributes, spatial, kernel));
    return [{ dtype: x.dtype, shape: [n, perGroup * group, ...window.wide] }];
  },
  kernel: ({ where, attributes, inputs: [x, w, bias], outputs: [type] }) => {
    const [n, channels, ...narrow] = x.shape;
    const [, outPerGroup, ...kernel] = w.shape;
    const window = liftWindow(where, transposedWindow(where, attributes, narrow, kernel));
    const [size, outputSize, taps] = [sizeOf(narrow), sizeOf(window.wide), sizeOf(kernel)];
    const perGroup = channels / attributes.int("group", 1);
    const rows = rowsOf(window);
    for (let r = 0; r < rows.length; r += 4) [rows[r + 1], rows[r + 2]] = [rows[r + 2], rows[r + 1]];
    const planes: Planes = {
      input: x.data,
      size,
      count: perGroup,
      weight: w.data,
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
  },
  work: ({ inputs: [x, w] }) => sizeOf(w.shape.slice(1)) * sizeOf(x.shape),
  traits: ["weighted", "channelsFirst", "keepsRank"],
});
