/**
 * @file What a model does to its pixels before its first layer: the channels rearranged, scaled and shifted by constants.
 *
 * From the input on, each value that is made of single channels by u = factor · x + offset is followed, through whatever operators that is
 * written in. Where the first other operator stands, the order and the scale of the channels say what the model was made for.
 */
import { attributesOf } from "../../onnx/attributes.ts";
import type { TypedGraph } from "../../onnx/infer-shapes.ts";
import { type Node, tensorOfInitializer, usesOf } from "../../onnx/model.ts";
import { type NumericTensor, numeric } from "../../onnx/numeric-tensor.ts";
import { hasTrait } from "../../onnx/operators/table.ts";
import { type Shape, sizeOf } from "../../tensor/tensor.ts";

/** One channel of a value: a channel of the input, scaled and shifted. */
export interface ChannelMap {
  /** Which channel of the input, in the input's order. */
  readonly source: number;
  readonly factor: number;
  readonly offset: number;
}

export interface InputChain {
  /** The channels in the order in which the first layer reads them. */
  readonly channels: readonly ChannelMap[];
  /** The operators that rearrange, scale or shift, in their order, without those that do nothing to numbers. */
  readonly operators: readonly string[];
  /** Of a BatchNormalization on the pixels, what it has seen, per channel in the order of reading, before it: u as for `channels`. */
  readonly statistics:
    | {
        readonly channels: readonly ChannelMap[];
        readonly mean: readonly number[];
        readonly variance: readonly number[];
      }
    | undefined;
  /** Between which constants pixels are kept as they come, before anything is done to them. */
  readonly limits: readonly [least: number, most: number] | undefined;
  /** The value that the first layer reads, and that layer. */
  readonly value: string;
  readonly next: Node | undefined;
}

/** More elements than this are no mean picture. */
const largestMean = 2 ** 21;

/** A value that is made of single channels, along `axis`; a single one may lie along none. */
interface Tracked {
  readonly channels: readonly ChannelMap[];
  readonly axis: number | undefined;
}

/** Whether a node changes where pixels are, or their type, and not what they are. */
function isIndifferent({ opType }: Node): boolean {
  switch (opType) {
    case "Cast":
    case "Identity":
    case "Dropout":
    case "Resize":
    case "Pad":
    case "Clip":
    case "Round":
    case "Floor":
      return true;
    default:
      return false;
  }
}

/** What happens to the pixels of the input called `input`, whose channels lie along `axis`. */
export function readInputChain(typed: TypedGraph, input: string, axis: number): InputChain {
  const { graph, types, constants } = typed;
  const count = types.get(input)?.shape[axis] ?? 0;
  const tracked = new Map<string, Tracked>([
    [input, { channels: Array.from({ length: count }, (_, source) => ({ source, factor: 1, offset: 0 })), axis }],
  ]);
  const operators: string[] = [];
  let statistics: InputChain["statistics"];
  let limits: InputChain["limits"];
  let last = input;
  const constantOf = (name: string | undefined): NumericTensor | undefined => {
    const known = name ? constants.get(name) : undefined;
    if (known !== undefined || !name) return known;
    // A mean picture is larger than what is otherwise known beforehand.
    const initializer = graph.initializers.get(name);
    const isPicture = initializer !== undefined && initializer.dtype === "float32" && initializer.shape.length >= 3;
    if (!isPicture || sizeOf(initializer.shape) > largestMean) return undefined;
    return numeric(tensorOfInitializer(initializer, name));
  };
  const rankOf = (name: string): number => types.get(name)?.shape.length ?? 0;
  for (const node of graph.nodes) {
    const sources = node.inputs.filter((name) => tracked.has(name));
    if (sources.length === 0) continue;
    const [data, second] = node.inputs;
    const from = tracked.get(sources[0]);
    if (from === undefined) continue;
    const results = follow(node, from, sources);
    if (results === undefined) continue;
    if (!isIndifferent(node) && node.opType !== "Transpose" && !hasTrait(node, "view")) operators.push(node.opType);
    results.forEach((result, index) => {
      const name = node.outputs[index];
      if (name === undefined || name === "") return;
      tracked.set(name, result);
      if (result.channels.length === count || node.opType === "Concat") last = name;
    });

    /** What the outputs of `node` are made of; undefined where that ends. */
    function follow(node: Node, from: Tracked, sources: readonly string[]): readonly Tracked[] | undefined {
      const attributes = attributesOf(node);
      const rank = rankOf(data);
      const along = (value: number): number => (value < 0 ? value + rank : value);
      if (isIndifferent(node)) {
        const isUntouched = from.channels.every(({ factor, offset }) => factor === 1 && offset === 0);
        if (node.opType === "Clip" && isUntouched) {
          const [least, most] = [second, node.inputs[2]].map((name) => constantOf(name)?.data[0]);
          if (least !== undefined && most !== undefined) limits ??= [least, most];
        }
        return data === sources[0] ? [from] : undefined;
      }
      switch (node.opType) {
        case "Transpose": {
          const perm = attributes.ints(
            "perm",
            Array.from({ length: rank }, (_, i) => rank - 1 - i),
          );
          return [{ ...from, axis: from.axis === undefined ? undefined : perm.indexOf(from.axis) }];
        }
        case "Neg":
          return [mapped(from, (one) => ({ ...one, factor: -one.factor, offset: -one.offset }))];
        case "Slice":
          return sliced(node, from);
        case "Gather": {
          const indices = constantOf(second);
          if (data !== sources[0] || indices === undefined) return undefined;
          if (along(attributes.int("axis", 0)) !== from.axis) return undefined;
          const chosen = picked(from, Array.from(indices.data));
          return chosen && [{ channels: chosen, axis: indices.shape.length === 0 ? undefined : from.axis }];
        }
        case "Split": {
          if (along(attributes.int("axis", 0)) !== from.axis) return undefined;
          let start = 0;
          return node.outputs.map((output) => {
            const length = types.get(output)?.shape[from.axis ?? 0] ?? 0;
            start += length;
            return { channels: from.channels.slice(start - length, start), axis: from.axis };
          });
        }
        case "Concat": {
          const parts = node.inputs.map((name) => tracked.get(name));
          const all = parts.filter((part) => part !== undefined);
          const into = along(attributes.int("axis"));
          if (all.length < parts.length || all.some((part) => part.axis !== into)) return undefined;
          return [{ channels: all.flatMap((part) => part.channels), axis: into }];
        }
        case "Unsqueeze": {
          const axes = Array.from(constantOf(second)?.data ?? attributes.ints("axes", []));
          if (axes.length !== 1) return undefined;
          const at = axes[0] < 0 ? axes[0] + rank + 1 : axes[0];
          if (from.axis === undefined) return [{ ...from, axis: at }];
          return [{ ...from, axis: at <= from.axis ? from.axis + 1 : from.axis }];
        }
        case "Squeeze":
        case "Reshape": {
          const at = sameAxis(from.axis, types.get(data)?.shape, types.get(node.outputs[0])?.shape);
          return data === sources[0] && at !== undefined ? [{ ...from, axis: at }] : undefined;
        }
        case "Sub":
        case "Add":
        case "Mul":
        case "Div":
          return arithmetic(node, from, sources);
        case "BatchNormalization": {
          const [scale, bias, mean, variance] = node.inputs.slice(1).map((name) => constantOf(name)?.data);
          if (data !== sources[0] || from.axis !== 1) return undefined;
          if (scale === undefined || bias === undefined || mean === undefined || variance === undefined)
            return undefined;
          const epsilon = attributes.float("epsilon", 1e-5);
          // One that has seen nothing, or was written to scale and shift, says nothing of pictures.
          const isBlank =
            mean.every((value) => Math.abs(value) < 1e-6) && variance.every((value) => Math.abs(value - 1) < 1e-3);
          if (!isBlank)
            statistics ??= { channels: from.channels, mean: Array.from(mean), variance: Array.from(variance) };
          return [
            mapped(from, (one, c) => {
              const factor = scale[c] / Math.sqrt(variance[c] + epsilon);
              return affine(one, factor, bias[c] - factor * mean[c]);
            }),
          ];
        }
        case "Conv":
          return pointwise(node, from);
        case "MatMul":
          return multiplied(node, from);
        default:
          return undefined;
      }
    }

    function sliced(node: Node, from: Tracked): readonly Tracked[] | undefined {
      const [, ...bounds] = node.inputs;
      const [starts, ends, axes, steps] = bounds.map((name) => constantOf(name)?.data);
      if (starts === undefined || ends === undefined) return undefined;
      const rank = rankOf(data);
      const index = Array.from(starts, (_, i) => {
        const axis = axes === undefined ? i : axes[i];
        return axis < 0 ? axis + rank : axis;
      }).indexOf(from.axis ?? -1);
      // A part of the rows or columns.
      if (index === -1) return [from];
      const count = from.channels.length;
      const step = steps?.[index] ?? 1;
      const bound = (value: number): number => (value < 0 ? value + count : value);
      const first = Math.min(Math.max(bound(starts[index]), 0), count - 1);
      const end = ends[index] < -count ? -1 : Math.min(bound(ends[index]), count);
      const indices: number[] = [];
      for (let i = first; step > 0 ? i < end : i > end; i += step) indices.push(i);
      const chosen = picked(from, indices);
      return chosen && [{ ...from, channels: chosen }];
    }

    function arithmetic(node: Node, from: Tracked, sources: readonly string[]): readonly Tracked[] | undefined {
      const [a, b] = node.inputs;
      const isFirst = a === sources[0];
      const constant = constantOf(isFirst ? b : a);
      if (constant === undefined) return undefined;
      const shape = types.get(node.outputs[0])?.shape ?? [];
      const values = perChannel(constant, from, shape, rankOf(sources[0]));
      if (values === undefined) return undefined;
      switch (node.opType) {
        case "Add":
          return [mapped(from, (one, c) => affine(one, 1, values[c]))];
        case "Sub":
          return [mapped(from, (one, c) => (isFirst ? affine(one, 1, -values[c]) : affine(one, -1, values[c])))];
        case "Mul":
          return [mapped(from, (one, c) => affine(one, values[c], 0))];
        default:
          return isFirst ? [mapped(from, (one, c) => affine(one, 1 / values[c], 0))] : undefined;
      }
    }

    /** A product with a matrix that has one weight for each of the channels, which lie along the last axis. */
    function multiplied(node: Node, from: Tracked): readonly Tracked[] | undefined {
      const weight = constantOf(node.inputs[1]);
      const count = from.channels.length;
      if (data !== sources[0] || weight === undefined || from.axis !== rankOf(data) - 1) return undefined;
      if (weight.shape.length !== 2 || weight.shape.some((extent) => extent !== count)) return undefined;
      const column = (o: number): readonly number[] => from.channels.map((_, i) => weight.data[i * count + o] ?? 0);
      const channels = weighed(
        from,
        from.channels.map((_, o) => column(o)),
      );
      return channels && [{ ...from, channels }];
    }

    /** A convolution of single pixels that gives each channel one weight: a change of order or scale written as a layer. */
    function pointwise(node: Node, from: Tracked): readonly Tracked[] | undefined {
      const [, weightName, biasName] = node.inputs;
      const weight = constantOf(weightName);
      const bias = biasName ? constantOf(biasName)?.data : undefined;
      const count = from.channels.length;
      if (weight === undefined || (biasName && bias === undefined) || from.axis !== 1) return undefined;
      const [outputs, inputs, ...kernel] = weight.shape;
      const attributes = attributesOf(node);
      const isPixel =
        kernel.every((extent) => extent === 1) && attributes.ints("strides", [1]).every((step) => step === 1);
      const group = attributes.int("group", 1);
      if (!isPixel || outputs !== count) return undefined;
      if (group === count && inputs === 1) {
        return [mapped(from, (one, c) => affine(one, weight.data[c], bias?.[c] ?? 0))];
      }
      if (group !== 1 || inputs !== count) return undefined;
      const rows = Array.from({ length: outputs }, (_, o) =>
        Array.from(weight.data.subarray(o * inputs, (o + 1) * inputs)),
      );
      const channels = weighed(from, rows, bias);
      return channels && [{ ...from, channels }];
    }
  }
  const result = tracked.get(last);
  const uses = usesOf(graph).get(last) ?? [];
  return {
    channels: result?.channels ?? [],
    operators,
    statistics,
    limits,
    value: last,
    next: uses.find(({ outputs }) => !outputs.some((name) => tracked.has(name))) ?? uses[0],
  };
}

/** Where `axis` of a shape is in another with the same elements in the same order; undefined where it is no longer an axis of its own. */
function sameAxis(axis: number | undefined, from: Shape = [], to: Shape = []): number | undefined {
  if (axis === undefined) return undefined;
  const before = sizeOf(from.slice(0, axis));
  const at = to.findIndex((extent, i) => extent === from[axis] && sizeOf(to.slice(0, i)) === before);
  return at === -1 ? undefined : at;
}

/** The channels weighed by rows that each choose one, every one once; undefined for others, which mix them. */
function weighed(
  { channels }: Tracked,
  rows: readonly (readonly number[])[],
  bias?: ArrayLike<number>,
): readonly ChannelMap[] | undefined {
  const chosen = rows.map((row, o) => {
    const [used, ...more] = [...row.entries()].filter(([, value]) => value !== 0);
    const from = used === undefined || more.length > 0 ? undefined : channels[used[0]];
    return from === undefined || used === undefined ? undefined : affine(from, used[1], bias?.[o] ?? 0);
  });
  const found = chosen.filter((one) => one !== undefined);
  const sources = new Set(found.map(({ source }) => source));
  return found.length === rows.length && sources.size === channels.length ? found : undefined;
}

function mapped(from: Tracked, change: (one: ChannelMap, index: number) => ChannelMap): Tracked {
  return { ...from, channels: from.channels.map(change) };
}

function affine(one: ChannelMap, factor: number, offset: number): ChannelMap {
  return { source: one.source, factor: one.factor * factor, offset: one.offset * factor + offset };
}

function picked({ channels }: Tracked, indices: readonly number[]): readonly ChannelMap[] | undefined {
  const chosen = indices.map((index) => channels.at(index)).filter((one) => one !== undefined);
  return chosen.length === indices.length && chosen.length > 0 ? chosen : undefined;
}

/** A constant's value for each channel: its own, or its mean over the picture (as of a mean picture). */
function perChannel(
  { data, shape }: NumericTensor,
  { channels, axis }: Tracked,
  output: Shape,
  rank: number,
): readonly number[] | undefined {
  if (output.length !== rank) return undefined;
  const size = sizeOf(shape);
  if (size === 1) return channels.map(() => data[0]);
  const at = axis === undefined ? -1 : axis - (rank - shape.length);
  const extent = at >= 0 ? shape[at] : 1;
  if (extent !== 1 && extent !== channels.length) return undefined;
  const inner = at >= 0 ? sizeOf(shape.slice(at + 1)) : 1;
  const sums = Array.from({ length: extent }, () => 0);
  for (let i = 0; i < size; i++) sums[extent === 1 ? 0 : Math.floor(i / inner) % extent] += data[i];
  return channels.map((_, c) => sums[extent === 1 ? 0 : c] / (size / extent));
}
