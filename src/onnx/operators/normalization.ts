/** @file Normalizations: the output is like the input. */
import { BadInputError, UnsupportedError } from "../../errors.ts";
import { broadcastStrides, normalizeAxis, stridesOf } from "../../tensor/shape.ts";
import { type Shape, sizeOf } from "../../tensor/tensor.ts";
import type { NumericTensor } from "../numeric-tensor.ts";
import { checkBroadcasts, checkRange, checkShape } from "./check-shape.ts";
import { type Kernel, operator, type ShapeRule } from "./operator.ts";
import { likeFirst } from "./pointwise.ts";

/** The mean of a run of elements, and of their squared distances from it. */
function momentsOf(run: Float64Array): { mean: number; variance: number } {
  let [sum, squares] = [0, 0];
  for (const x of run) sum += x;
  const mean = sum / run.length;
  for (const x of run) squares += (x - mean) ** 2;
  return { mean, variance: squares / run.length };
}

/** `data` in runs of `length` consecutive elements, each replaced by what `normalize` makes of it. */
function byRuns(data: Float64Array, length: number, normalize: (run: Float64Array, index: number) => Float64Array) {
  const result = new Float64Array(data.length);
  for (let i = 0; i * length < data.length; i++) {
    result.set(normalize(data.subarray(i * length, (i + 1) * length), i), i * length);
  }
  return result;
}

/** (x − mean) / √(variance + epsilon) over each run */
function standardized(run: Float64Array, epsilon: number): Float64Array {
  const { mean, variance } = momentsOf(run);
  const deviation = Math.sqrt(variance + epsilon);
  return run.map((x) => (x - mean) / deviation);
}

/** `data` of shape `shape`, times `scale` and plus `bias`, both broadcast to it. */
function scaled(data: Float64Array, shape: Shape, scale: NumericTensor, bias: NumericTensor | undefined): Float64Array {
  const strides = stridesOf(shape);
  const at = (tensor: NumericTensor): ((i: number) => number) => {
    const own = broadcastStrides(tensor.shape, shape);
    return (i) =>
      tensor.data[
        own.reduce((index, stride, axis) => index + stride * (Math.floor(i / strides[axis]) % shape[axis]), 0)
      ];
  };
  const [scaleAt, biasAt] = [at(scale), bias === undefined ? () => 0 : at(bias)];
  return data.map((x, i) => x * scaleAt(i) + biasAt(i));
}

/** A vector over channels, seen as [channels, 1, …] so that it broadcasts over a tensor of `rank` axes. */
function perChannel(tensor: NumericTensor, rank: number): NumericTensor {
  return { ...tensor, shape: [sizeOf(tensor.shape), ...new Array<number>(Math.max(0, rank - 2)).fill(1)] };
}

/** (x − mean) / √(var + epsilon) · scale + bias, all four per channel. The training form, which also updates its statistics, is an UnsupportedError. */
export const BatchNormalization = operator({
  inputs: "f f f f f",
  attributes: "epsilon:float momentum:float training_mode:int",
  shape: ({ where, attributes, inputs: [x, ...parameters] }) => {
    checkRange(where, "epsilon", attributes.float("epsilon", 1e-5), 0);
    const wrong = parameters.find((parameter) => sizeOf(parameter.shape) !== x.shape[1]);
    if (wrong !== undefined) {
      const expected = `one number for each of ${x.shape[1]} channels`;
      throw new BadInputError({ where, what: "parameters do not fit", expected, got: `[${wrong.shape.join(", ")}]` });
    }
    if (attributes.int("training_mode", 0) === 0) return [x];
    throw new UnsupportedError({
      where,
      what: "BatchNormalization in training mode",
      advice: "Export the model in evaluation mode.",
    });
  },
  kernel: ({ attributes, inputs: [x, scale, bias, mean, variance], outputs }) => {
    const epsilon = attributes.float("epsilon", 1e-5);
    const channels = x.shape[1];
    const plane = sizeOf(x.shape.slice(2));
    const data = byRuns(x.data, plane, (run, i) => {
      const c = i % channels;
      const factor = scale.data[c] / Math.sqrt(variance.data[c] + epsilon);
      return run.map((element) => (element - mean.data[c]) * factor + bias.data[c]);
    });
    return [{ ...outputs[0], data }];
  },
  traits: ["keepsShape", "normalizing", "channelsFirst"],
});

/**
 * Standardized over the axes from `axis` on, then scaled and shifted; further outputs are the mean and the inverse standard deviation, with extent 1 on the
 * normalized axes.
 */
export const LayerNormalization = operator({
  inputs: "f f f?",
  attributes: "axis:int epsilon:float stash_type:int",
  shape: ({ where, attributes, inputs: [x, scale, bias] }) => {
    const axis = normalizeAxis(where, attributes.int("axis", -1), x.shape.length);
    checkRange(where, "epsilon", attributes.float("epsilon", 1e-5), 0);
    checkBroadcasts(where, "the scale", scale.shape, x.shape);
    checkBroadcasts(where, "the bias", bias?.shape, x.shape);
    const statistics = { dtype: x.dtype, shape: x.shape.map((extent, i) => (i < axis ? extent : 1)) };
    return [x, statistics, statistics];
  },
  kernel: ({ where, attributes, inputs: [x, scale, bias], outputs }) => {
    const axis = normalizeAxis(where, attributes.int("axis", -1), x.shape.length);
    const epsilon = attributes.float("epsilon", 1e-5);
    const length = sizeOf(x.shape.slice(axis));
    const moments = Array.from({ length: x.data.length / length }, (_, i) =>
      momentsOf(x.data.subarray(i * length, (i + 1) * length)),
    );
    const data = byRuns(x.data, length, (run) => standardized(run, epsilon));
    const statistics = { dtype: x.dtype, shape: x.shape.map((extent, i) => (i < axis ? extent : 1)) };
    return [
      { ...outputs[0], data: scaled(data, x.shape, scale, bias) },
      { ...statistics, data: Float64Array.from(moments, ({ mean }) => mean) },
      { ...statistics, data: Float64Array.from(moments, ({ variance }) => 1 / Math.sqrt(variance + epsilon)) },
    ];
  },
  traits: ["keepsShape", "normalizing"],
});

/** x / √(mean x² + epsilon) · scale, the mean over the axes from `axis` on */
export const RMSNormalization = operator({
  inputs: "f f",
  attributes: "axis:int epsilon:float stash_type:int",
  shape: ({ where, attributes, inputs: [x, scale] }) => {
    normalizeAxis(where, attributes.int("axis", -1), x.shape.length);
    checkRange(where, "epsilon", attributes.float("epsilon", 1e-5), 0);
    checkBroadcasts(where, "the scale", scale.shape, x.shape);
    return [x];
  },
  kernel: ({ where, attributes, inputs: [x, scale], outputs }) => {
    const axis = normalizeAxis(where, attributes.int("axis", -1), x.shape.length);
    const epsilon = attributes.float("epsilon", 1e-5);
    const data = byRuns(x.data, sizeOf(x.shape.slice(axis)), (run) => {
      const root = Math.sqrt(run.reduce((sum, element) => sum + element * element, 0) / run.length + epsilon);
      return run.map((element) => element / root);
    });
    return [{ ...outputs[0], data: scaled(data, x.shape, scale, undefined) }];
  },
  traits: ["keepsShape", "normalizing"],
});

/** Standardized over each channel's plane, then scaled and shifted per channel. */
export const InstanceNormalization = operator({
  inputs: "f f f",
  attributes: "epsilon:float",
  shape: ({ where, attributes, inputs: [x, ...parameters] }) => {
    checkShape(where, "the input", x.shape, x.shape.length >= 3, "[N, C, …spatial]");
    checkRange(where, "epsilon", attributes.float("epsilon", 1e-5), 0);
    const channels = x.shape[1];
    for (const parameter of parameters) {
      const { shape } = parameter;
      checkShape(where, "a parameter", shape, shape.length === 1 && shape[0] === channels, `[${channels}]`);
    }
    return [x];
  },
  kernel: ({ attributes, inputs: [x, scale, bias], outputs }) => {
    const epsilon = attributes.float("epsilon", 1e-5);
    const rank = x.shape.length;
    const data = byRuns(x.data, sizeOf(x.shape.slice(2)), (run) => standardized(run, epsilon));
    return [{ ...outputs[0], data: scaled(data, x.shape, perChannel(scale, rank), perChannel(bias, rank)) }];
  },
  traits: ["keepsShape", "normalizing", "channelsFirst"],
});

/** Standardized over groups of channels, then scaled and shifted per channel or, before opset 21, per group. */
export const GroupNormalization = operator({
  inputs: "f f f",
  attributes: "epsilon:float num_groups:int stash_type:int",
  shape: ({ where, attributes, inputs: [x, ...parameters] }) => {
    checkShape(where, "the input", x.shape, x.shape.length >= 2, "[N, C, …]");
    checkRange(where, "epsilon", attributes.float("epsilon", 1e-5), 0);
    const groups = attributes.int("num_groups");
    const channels = x.shape[1];
    checkRange(where, "num_groups", groups, 1, channels);
    checkShape(where, "the input", x.shape, channels % groups === 0, `channels in ${groups} equal groups`);
    for (const parameter of parameters) {
      const { shape } = parameter;
      const fits = shape.length === 1 && (shape[0] === channels || shape[0] === groups);
      checkShape(where, "a parameter", shape, fits, `[${channels}]`);
    }
    return [x];
  },
  kernel: ({ attributes, inputs: [x, scale, bias], outputs }) => {
    const epsilon = attributes.float("epsilon", 1e-5);
    const groups = attributes.int("num_groups");
    const [n, channels, ...spatial] = x.shape;
    const data = byRuns(x.data, x.data.length / (n * groups), (run) => standardized(run, epsilon));
    // Seen as [N, scales, channels per scale · spatial], both forms are per channel.
    const scales = sizeOf(scale.shape);
    const shape = [n, scales, (channels / scales) * sizeOf(spatial)];
    return [{ ...outputs[0], data: scaled(data, shape, perChannel(scale, 3), perChannel(bias, 3)) }];
  },
  traits: ["keepsShape", "normalizing", "channelsFirst"],
});

/** (x − mean) / (standard deviation + 1e-9) over `axes`, by default [0, 2, 3]: each channel over the batch */
export const MeanVarianceNormalization = operator({
  inputs: "f",
  attributes: "axes:ints",
  shape: likeFirst,
  kernel: ({ where, attributes, inputs: [x], outputs: [type] }) => {
    const { shape } = x;
    const axes = attributes.ints("axes", [0, 2, 3]).map((axis) => normalizeAxis(where, axis, shape.length));
    const kept = shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
    const [strides, keptStrides] = [stridesOf(shape), broadcastStrides(kept, shape)];
    const members: number[][] = Array.from({ length: sizeOf(kept) }, () => []);
    for (let i = 0; i < x.data.length; i++) {
      let target = 0;
      for (let axis = 0; axis < shape.length; axis++) {
        target += keptStrides[axis] * (Math.floor(i / strides[axis]) % shape[axis]);
      }
      members[target].push(i);
    }
    const data = new Float64Array(x.data.length);
    for (const indices of members) {
      const { mean, variance } = momentsOf(Float64Array.from(indices, (i) => x.data[i]));
      for (const i of indices) data[i] = (x.data[i] - mean) / (Math.sqrt(variance) + 1e-9);
    }
    return [{ ...type, data }];
  },
  traits: ["keepsShape", "normalizing"],
});

/** The vectors of `data` along one axis, each replaced by what `map` makes of it. */
function alongAxis(x: NumericTensor, axis: number, map: (vector: Float64Array) => Float64Array): Float64Array {
  const [extent, inner] = [x.shape[axis], stridesOf(x.shape)[axis]];
  const data = new Float64Array(x.data.length);
  for (let row = 0; row < data.length / extent; row++) {
    const start = Math.floor(row / inner) * inner * extent + (row % inner);
    const result = map(Float64Array.from({ length: extent }, (_, k) => x.data[start + k * inner]));
    for (let k = 0; k < extent; k++) data[start + k * inner] = result[k];
  }
  return data;
}

/** The kernel that maps each vector along the attribute `axis`, the last one by default. */
function vectorwise(map: (vector: Float64Array, p: number) => Float64Array): Kernel {
  return ({ where, attributes, inputs: [x], outputs: [type] }) => {
    const axis = normalizeAxis(where, attributes.int("axis", -1), x.shape.length);
    const p = attributes.int("p", 2);
    return [{ ...type, data: alongAxis(x, axis, (vector) => map(vector, p)) }];
  };
}

function softmax(vector: Float64Array): Float64Array {
  const most = vector.reduce((a, b) => Math.max(a, b));
  const powers = vector.map((x) => Math.exp(x - most));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

/** x − log Σ exp x */
function logSoftmax(vector: Float64Array): Float64Array {
  const most = vector.reduce((a, b) => Math.max(a, b));
  const logSum = most + Math.log(vector.reduce((sum, x) => sum + Math.exp(x - most), 0));
  return vector.map((x) => x - logSum);
}

/** 1 at the first maximum, 0 elsewhere */
function hardmax(vector: Float64Array): Float64Array {
  const result = new Float64Array(vector.length);
  result[vector.indexOf(vector.reduce((a, b) => Math.max(a, b)))] = 1;
  return result;
}

/** x / ‖x‖ₚ; the zero vector stays zero */
function lpNormalized(vector: Float64Array, p: number): Float64Array {
  const norm = vector.reduce((sum, x) => sum + Math.abs(x) ** p, 0) ** (1 / p);
  return norm === 0 ? vector : vector.map((x) => x / norm);
}

/** The axis must exist; it is the last one unless the node says otherwise. */
const axisOfFirst: ShapeRule = ({ where, attributes, inputs: [x] }) => {
  normalizeAxis(where, attributes.int("axis", -1), x.shape.length);
  return [x];
};

/** exp x / Σ exp x along an axis */
export const Softmax = operator({
  inputs: "f",
  attributes: "axis:int",
  shape: axisOfFirst,
  kernel: vectorwise(softmax),
  traits: ["keepsShape", "alongAxis", "probability", "gate", "nonNegative"],
});

/** x − log Σ exp x along an axis */
export const LogSoftmax = operator({
  inputs: "f",
  attributes: "axis:int",
  shape: axisOfFirst,
  kernel: vectorwise(logSoftmax),
  traits: ["keepsShape", "alongAxis", "probability"],
});

/** 1 at the first maximum along an axis, 0 elsewhere */
export const Hardmax = operator({
  inputs: "f",
  attributes: "axis:int",
  shape: axisOfFirst,
  kernel: vectorwise(hardmax),
  traits: ["keepsShape", "alongAxis"],
});

/** x / ‖x‖ₚ along an axis; the zero vector stays zero */
export const LpNormalization = operator({
  inputs: "f",
  attributes: "axis:int p:int",
  shape: (call) => {
    checkRange(call.where, "p", call.attributes.int("p", 2), 1, 2);
    return axisOfFirst(call);
  },
  kernel: vectorwise(lpNormalized),
  traits: ["keepsShape", "alongAxis"],
});

/** x · (bias + alpha / size · Σ x²)^−beta, the sum over `size` neighboring channels, ⌊(size − 1) / 2⌋ of them before */
export const LRN = operator({
  inputs: "f",
  attributes: "alpha:float beta:float bias:float size:int",
  shape: ({ where, attributes, inputs: [x] }) => {
    checkShape(where, "the input", x.shape, x.shape.length >= 2, "[N, C, …]");
    checkRange(where, "size", attributes.int("size"), 1);
    return [x];
  },
  kernel: ({ attributes, inputs: [x], outputs: [type] }) => {
    const size = attributes.int("size");
    const [alpha, beta] = [attributes.float("alpha", 1e-4), attributes.float("beta", 0.75)];
    const bias = attributes.float("bias", 1);
    const before = Math.floor((size - 1) / 2);
    const data = alongAxis(x, 1, (vector) =>
      vector.map((element, c) => {
        const neighbors = vector.subarray(Math.max(0, c - before), c - before + size);
        return element * (bias + (alpha / size) * neighbors.reduce((sum, y) => sum + y * y, 0)) ** -beta;
      }),
    );
    return [{ ...type, data }];
  },
  traits: ["keepsShape", "channelsFirst"],
});
