/**
 * @file What a model does to its pixels before its first layer: the channels rearranged, scaled and shifted by constants.
 *
 * From the input on, each value that is made of single channels by u = factor · x + offset is followed, through whatever operators that is
 * written in. Where the first other operator stands, the order and the scale of the channels say what the model was made for.
 */
import type { TypedGraph } from "../../../onnx/infer-shapes.ts";
import { type Node, producersOf, tensorOfInitializer, usesOf } from "../../../onnx/model.ts";
import { type NumericTensor, numeric } from "../../../onnx/numeric-tensor.ts";
import { hasTrait } from "../../../onnx/operators/table.ts";
import { type Shape, sizeOf } from "../../../tensor/tensor.ts";
import type { ChannelMap, Tracked } from "./channel-maps.ts";
import { type Followed, followNode, isIndifferent, statisticsOf } from "./follow-channels.ts";

export interface InputChain {
  /** The channels in the order in which the first layer reads them. */
  readonly channels: readonly ChannelMap[];
  /** The same after each operator, in their order. */
  readonly stages: readonly (readonly ChannelMap[])[];
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
  /** Whether pictures are brought to another size before the first layer. */
  readonly resizes: boolean;
  /** The size of what the first layer reads, where the model cuts that out of its pictures itself. */
  readonly cropped: { readonly height: number; readonly width: number } | undefined;
  /** The value that the first layer reads, and that layer. */
  readonly value: string;
  readonly next: Node | undefined;
}

/** What happens to the pixels of the input called `input`, whose channels lie along `axis`. */
export function readInputChain(typed: TypedGraph, input: string, axis: number): InputChain {
  const { graph, types } = typed;
  const count = types.get(input)?.shape[axis] ?? 0;
  const channels = Array.from({ length: count }, (_, source) => ({ source, factor: 1, offset: 0 }));
  const tracked = new Map<string, Tracked>([[input, { channels, axis }]]);
  const producers = producersOf(graph);
  const followed: Followed = {
    constantOf: (name) => constantOf(typed, producers, name),
    shapeOf: (name) => types.get(name)?.shape,
    tracked,
  };
  const operators: string[] = [];
  const stages: (readonly ChannelMap[])[] = [];
  let statistics: InputChain["statistics"];
  let limits: InputChain["limits"];
  let resizes = false;
  let last = input;
  for (const node of graph.nodes) {
    const results = followNode(followed, node);
    if (results === undefined) continue;
    if (!isIndifferent(node) && node.opType !== "Transpose" && !hasTrait(node, "view")) operators.push(node.opType);
    resizes ||= node.opType === "Resize" || leavesOut(followed, node);
    const from = tracked.get(node.inputs[0])?.channels ?? [];
    const seen = statisticsOf(followed, node);
    if (seen !== undefined) statistics ??= { channels: from, ...seen };
    if (from.every(({ factor, offset }) => factor === 1 && offset === 0)) limits ??= limitsOf(followed, node);
    for (const [index, result] of results.entries()) {
      const name = node.outputs[index];
      if (name === undefined || name === "") continue;
      tracked.set(name, result);
      if (result.channels.length === count) stages.push(result.channels);
      // Gray may be read as three channels, all of them made of the one.
      const isWhole = new Set(result.channels.map(({ source }) => source)).size === count;
      if (isWhole || node.opType === "Concat") last = name;
    }
  }
  const uses = usesOf(graph).get(last) ?? [];
  return {
    channels: tracked.get(last)?.channels ?? [],
    stages,
    operators,
    statistics,
    limits,
    resizes,
    cropped: resizes
      ? undefined
      : croppedTo(types.get(last)?.shape, tracked.get(last)?.axis, types.get(input)?.shape, axis),
    value: last,
    next: uses.find(({ outputs }) => !outputs.some((name) => tracked.has(name))) ?? uses[0],
  };
}

/** Whether a Slice takes every second element, or fewer. */
function leavesOut({ constantOf: known }: Followed, { opType, inputs }: Node): boolean {
  return opType === "Slice" && (known(inputs[4])?.data.some((step) => Math.abs(step) > 1) ?? false);
}

/** The size of the pictures `after`, whose channels lie along `axis`, if they are smaller than those `before`. */
function croppedTo(
  after: Shape | undefined,
  axis: number | undefined,
  before: Shape = [],
  axisBefore: number,
): InputChain["cropped"] {
  const sidesOf = (shape: Shape, channels: number): readonly number[] =>
    shape.filter((_, index) => index > 0 && index !== channels);
  if (after?.length !== 4 || axis === undefined) return undefined;
  // Nothing is cut off where all pixels are laid out in another form, in which the axis of one channel cannot be told from others of one.
  if (sizeOf(after.slice(1)) >= sizeOf(before.slice(1))) return undefined;
  const [height = 0, width = 0] = sidesOf(after, axis);
  const [rows = 0, columns = 0] = sidesOf(before, axisBefore);
  return height <= rows && width <= columns && height * width < rows * columns ? { height, width } : undefined;
}

/** More elements than this are no mean picture. */
const largestMean = 2 ** 21;

/** What is known beforehand; a mean picture is larger than what otherwise is, and so is a constant that is repeated for each pixel: that counts as before. */
function constantOf(
  typed: TypedGraph,
  producers: ReadonlyMap<string, Node>,
  name: string | undefined,
): NumericTensor | undefined {
  const { graph, constants } = typed;
  const known = name ? constants.get(name) : undefined;
  if (known !== undefined || !name) return known;
  const producer = producers.get(name);
  if (producer?.opType === "Expand") return constantOf(typed, producers, producer.inputs[0]);
  const initializer = graph.initializers.get(name);
  const isPicture = initializer !== undefined && initializer.dtype === "float32" && initializer.shape.length >= 3;
  if (!isPicture || sizeOf(initializer.shape) > largestMean) return undefined;
  return numeric(tensorOfInitializer(initializer, name));
}

/** Between which constants a Clip keeps its input; undefined for any other node. */
function limitsOf({ constantOf: known }: Followed, { opType, inputs }: Node): InputChain["limits"] {
  const [least, most] = inputs.slice(1).map((name) => known(name)?.data[0]);
  return opType === "Clip" && least !== undefined && most !== undefined ? [least, most] : undefined;
}
