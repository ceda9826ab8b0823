/**
 * @file Layers whose values lie on a grid over the image, and how a network is made of them.
 *
 * A grid is an output [N, C, h, w] of convolutions and what follows them, the same with channels last [N, h, w, C] behind a
 * Transpose, or the tokens [N, T, C] of a transformer, of which the first may be class tokens.
 */
import { isNonDifferentiable } from "../../autodiff/rules/index.ts";
import { MisuseError } from "../../errors.ts";
import type { Node } from "../../onnx/model.ts";
import { nodesBetween } from "../../onnx/nodes-between.ts";
import { hasTrait } from "../../onnx/operators/table.ts";
import { isFloating, type Shape } from "../../tensor/tensor.ts";
import { isActivation, type Layer } from "./layers.ts";
import type { PreparedModel } from "./prepare-model.ts";
import { areGridOfPatches, type Part, splitParts, type TokenLayout, tokenLayouts } from "./token-layouts.ts";

/** A layer with how to read it: the value of channel c at cell i (row by row) is at `offset + c · channelStride + i · cellStride`. */
export interface FeatureGrid {
  readonly layer: Layer;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly offset: number;
  readonly channelStride: number;
  readonly cellStride: number;
}

type Order = "channels-first" | "channels-last";

/** What choosing a layer needs to know of a network; worked out once for each. */
export interface Anatomy {
  /** In order of execution, those whose values lie on a grid. */
  readonly grids: readonly FeatureGrid[];
  /** Positions (among all nodes) of the layers' nodes. */
  readonly positions: ReadonlyMap<string, number>;
  /** Names of values that every way from the image to the logits passes through. */
  readonly cuts: ReadonlySet<string>;
  /** Of convolutions and matrix products with weights, the names of their outputs. */
  readonly weighted: ReadonlySet<string>;
  /** Where the first of these is: what comes before it prepares the image. 0 of a network that has no features behind it, as one that is linear in the prepared image. */
  readonly firstWeighted: number;
  /** Where the last attention is, or undefined. */
  readonly lastAttention: number | undefined;
}

const anatomies = new WeakMap<PreparedModel, Anatomy>();

/** A network with its layers, such as a classifier. */
interface Network {
  readonly layers: readonly Layer[];
  readonly prepared: PreparedModel;
}

/**
 * Whether a layer's values are real numbers of each picture, in the units of the network: not the bytes of a quantized network and what is computed of these
 * alone, truth values or indices, which have no distance and no mean, and not a scale that is computed of everything at once.
 */
export function holdsReals(network: Pick<Network, "prepared">, layer: Layer): boolean {
  return isOfPictures(network, layer) && !kindsOf(network).ofIntegers.has(layer.name) && isFloat(network, layer);
}

/** Whether a layer's first axis is that of the pictures, with numbers of each behind it. A vector may as well be one of channels. */
function isOfPictures({ prepared }: Pick<Network, "prepared">, { shape }: Layer): boolean {
  return shape.length >= 2 && shape[0] === (prepared.fixedBatch ?? 1);
}

function isFloat(network: Pick<Network, "prepared">, { name }: Layer): boolean {
  return kindsOf(network).floats.has(name);
}

/** Whether a node gives on what it reads, rounded to bytes, or as the distance of these bytes from the one that stands for 0. */
export function isRounding(network: Pick<Network, "prepared">, { opType, outputs: [output] }: Node): boolean {
  const isOfBytes = opType === "Cast" || opType === "Sub";
  return opType === "QuantizeLinear" || (isOfBytes && kindsOf(network).ofIntegers.has(output));
}

interface Kinds {
  /** Values of float32. */
  readonly floats: ReadonlySet<string>;
  /**
   * Integers, be they float32: what is computed of integers alone, as the sums of products of bytes are until a scale makes them real numbers. Their unit is
   * another for each picture where the scale is worked out from the values, as onnxruntime's quantize_dynamic has it.
   */
  readonly ofIntegers: ReadonlySet<string>;
}

/** What the values of each network are: finding the types of all of them takes as long as a run of a small network. */
const kinds = new WeakMap<PreparedModel, Kinds>();

function kindsOf({ prepared }: Pick<Network, "prepared">): Kinds {
  const known = kinds.get(prepared);
  if (known !== undefined) return known;
  const { graph, types } = prepared.typed(prepared.fixedBatch ?? 1);
  const floats = new Set([...types].flatMap(([value, { dtype }]) => (dtype === "float32" ? [value] : [])));
  const ofIntegers = new Set([...types].flatMap(([value, { dtype }]) => (isFloating(dtype) ? [] : [value])));
  for (const { inputs, outputs } of graph.nodes) {
    const given = inputs.filter((input) => input !== "");
    if (given.length === 0 || !given.every((input) => ofIntegers.has(input))) continue;
    for (const output of outputs) ofIntegers.add(output);
  }
  const found = { floats, ofIntegers };
  kinds.set(prepared, found);
  return found;
}

/** Whether a layer is one of features: not what prepares the image before the first weights, such as a normalization inside of the network. */
export function isFeature({ positions, firstWeighted }: Anatomy, { name }: Layer): boolean {
  return (positions.get(name) ?? -1) >= firstWeighted;
}

/** `layers`, if all of them hold float32 numbers of each picture; else throws a MisuseError with the first that does not. */
export function checkReals(
  where: string,
  network: Pick<Network, "prepared">,
  layers: readonly Layer[],
): readonly Layer[] {
  const broken = layers.find((layer) => !isFloat(network, layer) || !isOfPictures(network, layer));
  if (broken === undefined) return layers;
  if (isFloat(network, broken)) {
    const { shape } = broken;
    throw new MisuseError({
      where,
      what: `${broken.name} holds no numbers of each picture`,
      expected: `layers whose first axis is the pictures, [${network.prepared.fixedBatch ?? 1}, …]`,
      got: shape.length === 0 ? "a single number" : `[${shape.join(", ")}]`,
      advice: "Choose an operation before or behind it: `perceptual-ball inspect` lists the layers with their shapes.",
    });
  }
  const isQuantized = broken.operator === "QuantizeLinear";
  throw new MisuseError({
    where,
    what: `${broken.name} holds no float32`,
    expected: "layers of real values",
    advice: isQuantized
      ? "Choose the operation before it, or the DequantizeLinear behind it."
      : "`perceptual-ball inspect` lists the layers.",
  });
}

/** The grids of a network, and where its layers stand to one another. */
export function anatomyOf({ layers: all, prepared }: Network): Anatomy {
  const known = anatomies.get(prepared);
  if (known !== undefined) return known;
  const batch = prepared.fixedBatch ?? 1;
  const typed = prepared.typed(batch);
  const { graph, types } = typed;
  const shapeOf = (name: string): Shape | undefined => types.get(name)?.shape;
  const orders = ordersOf(graph.nodes, shapeOf);
  const tokens = tokenLayouts(typed, orders, { name: prepared.input, layout: prepared.layout });
  const elsewhere = tokens.size > 0 ? "elsewhere" : undefined;
  const layers = new Map(all.map((layer) => [layer.name, layer]));
  const positions = new Map(graph.nodes.map((node, position) => [node.outputs[0], position]));
  const { height, width } = prepared;
  // Weights are what does not depend on the image: also those that are cast, transposed or dequantized before they are used.
  const ofImage = new Set([prepared.input]);
  for (const { inputs, outputs } of graph.nodes) {
    if (inputs.some((name) => ofImage.has(name))) for (const name of outputs) ofImage.add(name);
  }
  const isWeight = (name: string): boolean => name !== "" && !ofImage.has(name);
  const isWeighted = (node: Node): boolean => hasTrait(node, "weighted") && node.inputs.some(isWeight);
  const first = graph.nodes.findIndex(isWeighted);
  const isStep = (node: Node): boolean => isWeighted(node) || isActivation({ operator: node.opType });
  const hasFeatures = first >= 0 && graph.nodes.slice(first + 1).some(isStep);
  const anatomy: Anatomy = {
    grids: graph.nodes.flatMap(({ outputs: [name] }) => {
      const layer = layers.get(name);
      // Windows of attention, and heads, lie along the first axis too.
      const grid =
        layer?.shape[0] === batch
          ? gridOf(layer, { order: orders.get(name), tokens: tokens.get(name) ?? elsewhere, height, width })
          : undefined;
      return grid === undefined ? [] : [grid];
    }),
    positions,
    cuts: cutsOf(graph.nodes, prepared.input, prepared.logits),
    weighted: new Set(graph.nodes.filter(isWeighted).map(({ outputs }) => outputs[0])),
    firstWeighted: hasFeatures ? first : 0,
    lastAttention: lastIndex(graph.nodes, ({ opType, outputs: [name] }) => {
      return opType === "Attention" || (opType === "Softmax" && (shapeOf(name)?.length ?? 0) >= 3);
    }),
  };
  anatomies.set(prepared, anatomy);
  return anatomy;
}

function lastIndex(nodes: readonly Node[], test: (node: Node) => boolean): number | undefined {
  const index = nodes.findLastIndex(test);
  return index === -1 ? undefined : index;
}

/** Where the channels of four-dimensional values are; values that are neither are left out. */
function ordersOf(nodes: readonly Node[], shapeOf: (name: string) => Shape | undefined): ReadonlyMap<string, Order> {
  const orders = new Map<string, Order>();
  /** What such an operator reads is in its order, wherever it comes from. */
  const read = new Set(nodes.flatMap((node) => (hasTrait(node, "channelsFirst") ? [node.inputs[0]] : [])));
  const merged = patchMerging(orders, shapeOf);
  for (const node of nodes) {
    const followed = orderOf(node, orders, shapeOf) ?? merged(node);
    for (const output of node.outputs) {
      const order = read.has(output) ? "channels-first" : followed;
      if (order !== undefined && shapeOf(output)?.length === 4) orders.set(output, order);
    }
  }
  return orders;
}

/**
 * Where neighboring cells become channels of one, as between the stages of a Swin transformer: [N, h, w, C] is cut into patches
 * [N, h/2, 2, w/2, 2, C], turned to [N, h/2, w/2, …] and joined to [N, h/2, w/2, 4 C]. Cells that were flattened to tokens and are laid out again
 * are where they were. Must be asked of all nodes in turn.
 */
function patchMerging(
  orders: ReadonlyMap<string, Order>,
  shapeOf: (name: string) => Shape | undefined,
): (node: Node) => Order | undefined {
  const cut = new Map<string, readonly Part[]>();
  /** The grids that were flattened, "h x w". */
  const flattened = new Set<string>();
  return ({ opType, inputs: [data], outputs: [output], attributes }) => {
    const [from, to] = [shapeOf(data), shapeOf(output)];
    if (from === undefined || to === undefined) return undefined;
    const parts = cut.get(data);
    if (opType === "Transpose" && parts !== undefined && attributes.perm?.kind === "ints") {
      cut.set(
        output,
        attributes.perm.value.map((axis) => parts[axis]),
      );
    }
    if (opType !== "Reshape") return undefined;
    if (from.length === 4 && to.length === 6 && orders.get(data) === "channels-last") {
      const split = splitParts(["batch", "rows", "columns", "channels"], from, to);
      if (split !== undefined) cut.set(output, split);
    }
    const isFlattened = from.length === 4 && to.length === 3 && to[0] === from[0];
    if (isFlattened && orders.get(data) === "channels-last" && to[1] === from[1] * from[2] && to[2] === from[3]) {
      flattened.add(`${from[1]} x ${from[2]}`);
    }
    const isLaidOut = from.length === 3 && to.length === 4 && from[0] === to[0] && from[2] === to[3];
    if (isLaidOut && flattened.has(`${to[1]} x ${to[2]}`)) return "channels-last";
    const isJoined = to.length === 4 && to.slice(0, 3).every((extent, axis) => extent === from[axis]);
    return parts !== undefined && isJoined && areGridOfPatches(parts) ? "channels-last" : undefined;
  };
}

function orderOf(
  node: Node,
  orders: ReadonlyMap<string, Order>,
  shapeOf: (name: string) => Shape | undefined,
): Order | undefined {
  const { opType, inputs, attributes } = node;
  if (hasTrait(node, "channelsFirst")) return "channels-first";
  if (opType === "Reshape" || opType === "Flatten") return undefined;
  const source = inputs.find((name) => orders.has(name) && shapeOf(name)?.length === 4);
  const order = source === undefined ? undefined : orders.get(source);
  if (opType !== "Transpose" || order === undefined) return order;
  const perm = attributes.perm?.kind === "ints" ? attributes.perm.value.join() : "";
  if (order === "channels-first" && perm === "0,2,3,1") return "channels-last";
  if (order === "channels-last" && perm === "0,3,1,2") return "channels-first";
  return undefined;
}

/** What is known of a layer's place over an image of `height` × `width` pixels. */
interface Place {
  readonly order: Order | undefined;
  /** "elsewhere": the network's tokens are known, and the layer has not all of them. */
  readonly tokens: TokenLayout | "elsewhere" | undefined;
  readonly height: number;
  readonly width: number;
}

/** How a layer lies over the image, or undefined if it does not. */
function gridOf(layer: Layer, { order, tokens: layout, height, width }: Place): FeatureGrid | undefined {
  const { shape } = layer;
  if (shape.length === 4 && order === "channels-first") {
    const [, channels, h, w] = shape;
    return { layer, channels, height: h, width: w, offset: 0, channelStride: h * w, cellStride: 1 };
  }
  if (shape.length === 4 && order === "channels-last") {
    const [, h, w, channels] = shape;
    return { layer, channels, height: h, width: w, offset: 0, channelStride: 1, cellStride: channels };
  }
  if (shape.length !== 3) return undefined;
  const [, tokens, channels] = shape;
  if (layout === "elsewhere") return undefined;
  if (layout !== undefined) {
    const { height: h, width: w, offset } = layout;
    return { layer, channels, height: h, width: w, offset: offset * channels, channelStride: 1, cellStride: channels };
  }
  for (let extra = 0; extra <= mostClassTokens; extra++) {
    const cells = tokens - extra;
    const side = Math.sqrt((height * width) / cells);
    // At least 2 × 2 square patches that tile the image.
    if (cells < 4 || !Number.isInteger(side) || height % side !== 0 || width % side !== 0) continue;
    const [h, w] = [height / side, width / side];
    return { layer, channels, height: h, width: w, offset: extra * channels, channelStride: 1, cellStride: channels };
  }
  return undefined;
}

/** A class token and a distillation token. */
const mostClassTokens = 2;

/**
 * The outputs of nodes that every way from `input` to `logits` passes through. In any order of execution, what comes before such a value is
 * read for the last time by its own node or before.
 */
function cutsOf(nodes: readonly Node[], input: string, logits: string): ReadonlySet<string> {
  const path = nodesBetween(nodes, [input], [logits], ({ opType }) => !isNonDifferentiable(opType));
  const lastReader = new Map<string, number>();
  path.forEach(({ inputs }, position) => {
    for (const name of inputs) lastReader.set(name, position);
  });
  const cuts = new Set<string>();
  /** The last position at which any value that was made so far is read. */
  let horizon = lastReader.get(input) ?? 0;
  path.forEach(({ outputs }, position) => {
    const used = outputs.filter((name) => lastReader.has(name) || name === logits);
    if (horizon <= position && used.length === 1) cuts.add(used[0]);
    for (const name of used) horizon = Math.max(horizon, lastReader.get(name) ?? 0);
  });
  return cuts;
}
