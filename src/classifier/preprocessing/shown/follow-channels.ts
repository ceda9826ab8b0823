/** @file One step of what a model does to its pixels: what a node makes of a value whose channels are known. */
import { attributesOf } from "../../../onnx/attributes.ts";
import type { Node } from "../../../onnx/model.ts";
import type { NumericTensor } from "../../../onnx/numeric-tensor.ts";
import { hasTrait } from "../../../onnx/operators/table.ts";
import type { Shape } from "../../../tensor/tensor.ts";
import { affine, mapped, perChannel, picked, sameAxis, type Tracked, weighed } from "./channel-maps.ts";

/** What is known of the graph, up to a node. */
export interface Followed {
  readonly constantOf: (name: string | undefined) => NumericTensor | undefined;
  readonly shapeOf: (name: string) => Shape | undefined;
  /** The values that are made of single channels so far. */
  readonly tracked: ReadonlyMap<string, Tracked>;
}

/** A node one of whose inputs, `source`, is made of single channels as `from` says. */
interface Step {
  readonly node: Node;
  readonly source: string;
  readonly from: Tracked;
}

/** Whether a node changes where pixels are, or their type, and not what they are. */
export function isIndifferent({ opType }: Node): boolean {
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

/** Whether a node does the same to pixels in whatever shape they lie. */
function takesRows(node: Node): boolean {
  switch (node.opType) {
    case "Resize":
    case "Pad":
      return false;
    case "Neg":
    case "Sum":
    case "Reshape":
      return true;
    default:
      return isIndifferent(node) || hasTrait(node, "affine");
  }
}

/** What the outputs of `node` are made of; undefined where it mixes channels, or is not known to do otherwise. */
export function followNode(followed: Followed, node: Node): readonly Tracked[] | undefined {
  const source = node.inputs.find((name) => followed.tracked.has(name));
  const from = source === undefined ? undefined : followed.tracked.get(source);
  if (source === undefined || from === undefined) return undefined;
  const step: Step = { node, source, from };
  const isFirst = node.inputs[0] === source;
  if (from.before !== undefined && !takesRows(node)) return undefined;
  if (isIndifferent(node)) return isFirst ? [from] : undefined;
  switch (node.opType) {
    case "Neg":
      return [mapped(from, (one) => ({ ...one, factor: -one.factor, offset: -one.offset }))];
    case "Sub":
    case "Add":
    case "Mul":
    case "Div":
      return arithmetic(followed, step);
    case "Sum":
      return node.inputs.length === 2 ? arithmetic(followed, step) : undefined;
    case "Concat":
      return joined(followed, node);
    case "Transpose":
      return [{ ...from, axis: permuted(followed, step) }];
    default:
      return isFirst ? rearranged(followed, step) : undefined;
  }
}

/** What a node with one value that counts makes of that, its first input. */
function rearranged(followed: Followed, step: Step): readonly Tracked[] | undefined {
  switch (step.node.opType) {
    case "Slice":
      return sliced(followed, step);
    case "Gather":
      return gathered(followed, step);
    case "Split":
      return split(followed, step);
    case "Unsqueeze":
      return unsqueezed(followed, step);
    case "Squeeze":
    case "Flatten":
    case "Reshape":
      return reshaped(followed, step);
    case "Expand":
    case "Tile":
      return repeated(followed, step);
    case "BatchNormalization":
      return batchNormalized(followed, step);
    case "Conv":
      return pointwise(followed, step);
    case "MatMul":
      return multiplied(followed, step);
    default:
      return undefined;
  }
}

/** The channels along the axis where they are now, or in one row per picture from which they come back. */
function reshaped({ shapeOf }: Followed, { node, source, from }: Step): readonly Tracked[] | undefined {
  const { channels } = from;
  const before = from.before ?? shapeOf(source);
  const after = shapeOf(node.outputs[0]);
  const axis = sameAxis(from.axis, before, after);
  if (axis !== undefined) return [{ channels, axis }];
  const isRow = before !== undefined && after?.length === 2 && after[0] === before[0];
  return isRow && from.axis !== undefined ? [{ channels, axis: from.axis, before }] : undefined;
}

/** The channels one after the other, as often as they then fill their axis: gray as red, green and blue. */
function repeated({ shapeOf }: Followed, { node, source, from }: Step): readonly Tracked[] | undefined {
  const [before, after] = [shapeOf(source), shapeOf(node.outputs[0])];
  if (from.axis === undefined || before === undefined || after === undefined) return undefined;
  const axis = from.axis + after.length - before.length;
  const times = (after[axis] ?? 0) / from.channels.length;
  if (!Number.isInteger(times) || times < 1) return undefined;
  return [{ channels: Array.from({ length: times }, () => from.channels).flat(), axis }];
}

function rankOf({ shapeOf }: Followed, name: string): number {
  return shapeOf(name)?.length ?? 0;
}

/** The axis that an attribute names, counted from the front. */
function axisOf(followed: Followed, { node, source }: Step, fallback?: number): number {
  const axis = attributesOf(node).int("axis", fallback);
  return axis < 0 ? axis + rankOf(followed, source) : axis;
}

function permuted(followed: Followed, { node, source, from }: Step): number | undefined {
  const rank = rankOf(followed, source);
  const reversed = Array.from({ length: rank }, (_, i) => rank - 1 - i);
  return from.axis === undefined ? undefined : attributesOf(node).ints("perm", reversed).indexOf(from.axis);
}

function gathered(followed: Followed, step: Step): readonly Tracked[] | undefined {
  const { node, from } = step;
  const indices = followed.constantOf(node.inputs[1]);
  if (indices === undefined || axisOf(followed, step, 0) !== from.axis) return undefined;
  const channels = picked(from, Array.from(indices.data));
  return channels && [{ channels, axis: indices.shape.length === 0 ? undefined : from.axis }];
}

function split(followed: Followed, step: Step): readonly Tracked[] | undefined {
  const { node, from } = step;
  if (axisOf(followed, step, 0) !== from.axis) return undefined;
  let start = 0;
  return node.outputs.map((output) => {
    const length = followed.shapeOf(output)?.[from.axis ?? 0] ?? 0;
    start += length;
    return { channels: from.channels.slice(start - length, start), axis: from.axis };
  });
}

function joined(followed: Followed, node: Node): readonly Tracked[] | undefined {
  const parts = node.inputs.map((name) => followed.tracked.get(name)).filter((part) => part !== undefined);
  if (parts.length < node.inputs.length) return undefined;
  const axis = axisOf(followed, { node, source: node.inputs[0], from: parts[0] });
  // Pictures beside each other, as a picture and its mirror image, or parts of one.
  const [first] = parts;
  const isSame = (part: Tracked): boolean =>
    part.axis === first.axis && JSON.stringify(part.channels) === JSON.stringify(first.channels);
  if (first.axis !== undefined && first.axis !== axis) return parts.every(isSame) ? [first] : undefined;
  if (parts.some((part) => part.axis !== axis)) return undefined;
  return [{ channels: parts.flatMap(({ channels }) => channels), axis }];
}

function unsqueezed(followed: Followed, { node, source, from }: Step): readonly Tracked[] | undefined {
  const axes = Array.from(followed.constantOf(node.inputs[1])?.data ?? attributesOf(node).ints("axes", []));
  if (axes.length !== 1) return undefined;
  const at = axes[0] < 0 ? axes[0] + rankOf(followed, source) + 1 : axes[0];
  if (from.axis === undefined) return [{ ...from, axis: at }];
  return [{ ...from, axis: at <= from.axis ? from.axis + 1 : from.axis }];
}

function sliced(followed: Followed, { node, source, from }: Step): readonly Tracked[] | undefined {
  const [starts, ends, axes, steps] = node.inputs.slice(1).map((name) => followed.constantOf(name)?.data);
  if (starts === undefined || ends === undefined) return undefined;
  const rank = rankOf(followed, source);
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
  const channels = picked(from, indices);
  return channels && [{ ...from, channels }];
}

function arithmetic(followed: Followed, { node, source, from }: Step): readonly Tracked[] | undefined {
  const [a, b] = node.inputs;
  const isFirst = a === source;
  const constant = followed.constantOf(isFirst ? b : a);
  if (constant === undefined) return undefined;
  if (from.before !== undefined && constant.data.length > 1) return undefined;
  const values = perChannel(constant, from, followed.shapeOf(node.outputs[0]) ?? [], rankOf(followed, source));
  if (values === undefined) return undefined;
  switch (node.opType) {
    case "Add":
    case "Sum":
      return [mapped(from, (one, c) => affine(one, 1, values[c]))];
    case "Sub":
      return [mapped(from, (one, c) => (isFirst ? affine(one, 1, -values[c]) : affine(one, -1, values[c])))];
    case "Mul":
      return [mapped(from, (one, c) => affine(one, values[c], 0))];
    default:
      return isFirst ? [mapped(from, (one, c) => affine(one, 1 / values[c], 0))] : undefined;
  }
}

/** The mean and the variance that a BatchNormalization of the pixels has seen, if it has seen any; one that was written to scale and shift says nothing of pictures. */
export function statisticsOf(
  { constantOf }: Followed,
  { opType, inputs }: Node,
): { readonly mean: readonly number[]; readonly variance: readonly number[] } | undefined {
  const [mean, variance] = inputs.slice(3).map((name) => constantOf(name)?.data);
  if (opType !== "BatchNormalization" || mean === undefined || variance === undefined) return undefined;
  const isBlank =
    mean.every((value) => Math.abs(value) < 1e-6) && variance.every((value) => Math.abs(value - 1) < 1e-3);
  return isBlank ? undefined : { mean: Array.from(mean), variance: Array.from(variance) };
}

function batchNormalized({ constantOf }: Followed, { node, from }: Step): readonly Tracked[] | undefined {
  const [scale, bias, mean, variance] = node.inputs.slice(1).map((name) => constantOf(name)?.data);
  if (from.axis !== 1) return undefined;
  if (scale === undefined || bias === undefined || mean === undefined || variance === undefined) return undefined;
  const epsilon = attributesOf(node).float("epsilon", 1e-5);
  return [
    mapped(from, (one, c) => {
      const factor = scale[c] / Math.sqrt(variance[c] + epsilon);
      return affine(one, factor, bias[c] - factor * mean[c]);
    }),
  ];
}

/** A product with a matrix that has one weight for each of the channels, which lie along the last axis. */
function multiplied(followed: Followed, { node, source, from }: Step): readonly Tracked[] | undefined {
  const weight = followed.constantOf(node.inputs[1]);
  const count = from.channels.length;
  if (weight === undefined || from.axis !== rankOf(followed, source) - 1) return undefined;
  if (weight.shape.length !== 2 || weight.shape.some((extent) => extent !== count)) return undefined;
  const columns = from.channels.map((_, o) => from.channels.map((__, i) => weight.data[i * count + o] ?? 0));
  const channels = weighed(from, columns);
  return channels && [{ ...from, channels }];
}

/** A convolution of single pixels that gives each channel one weight: a change of order or scale written as a layer. */
function pointwise({ constantOf }: Followed, { node, from }: Step): readonly Tracked[] | undefined {
  const [, weightName, biasName] = node.inputs;
  const weight = constantOf(weightName);
  const bias = biasName ? constantOf(biasName)?.data : undefined;
  const count = from.channels.length;
  if (weight === undefined || (biasName && bias === undefined) || from.axis !== 1) return undefined;
  const [outputs, inputs, ...kernel] = weight.shape;
  const attributes = attributesOf(node);
  const isPixel = kernel.every((extent) => extent === 1) && attributes.ints("strides", [1]).every((step) => step === 1);
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
