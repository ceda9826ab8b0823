/**
 * @file Layers whose values lie on a grid over the image, and the choice of one: where Grad-CAM and excitation backpropagation read.
 *
 * A grid is an output [1, C, h, w] of convolutions and what follows them, the same with channels last [1, h, w, C] behind a
 * Transpose, or the tokens [1, T, C] of a transformer, of which the first may be class tokens.
 */
import { isNonDifferentiable } from "../autodiff/rules/index.ts";
import type { Classifier } from "../classifier/classifier.ts";
import { describeLayer, type Layer } from "../classifier/layers.ts";
import { MisuseError, UnsupportedError } from "../errors.ts";
import type { Node } from "../onnx/model.ts";
import type { Shape } from "../tensor/tensor.ts";

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

/** What the choice of a layer needs to know of a network; worked out once for each. */
interface Anatomy {
  /** In order of execution, those whose values lie on a grid. */
  readonly grids: readonly FeatureGrid[];
  /** Positions (among all nodes) of the layers' nodes. */
  readonly positions: ReadonlyMap<string, number>;
  /** Names of values that every way from the image to the logits passes through. */
  readonly cuts: ReadonlySet<string>;
  /** Of convolutions and matrix products with weights, the names of their outputs. */
  readonly weighted: ReadonlySet<string>;
  /** Where the last attention is, or undefined. */
  readonly lastAttention: number | undefined;
}

const anatomies = new WeakMap<Classifier["prepared"], Anatomy>();

/**
 * The layer for Grad-CAM: of the layers that every way to the logits passes through, the last at the resolution of the last spatial
 * convolution, which is its activation, or the sum of the last residual block. In a network with tokens behind its convolutions, the last
 * such layer of tokens before the last attention: behind it only the class token counts, and gradients elsewhere are zero.
 * Throws an UnsupportedError if the network has no such layer, a MisuseError for a selector that names none or several, or no grid.
 */
export function gradCamGrid(where: string, classifier: Classifier, selector: string | number | null): FeatureGrid {
  const anatomy = anatomyOf(classifier);
  if (selector !== null) return selected(where, classifier, selector, anatomy);
  const tokens = lastTokens(anatomy);
  if (tokens !== undefined) return tokens;
  const last = lastConvolution(anatomy);
  const grid = last && anatomy.grids.findLast((one) => anatomy.cuts.has(one.layer.name) && sameGrid(one, last));
  if (grid !== undefined) return grid;
  throw noGrid(where);
}

/**
 * The layer for excitation backpropagation: what enters the last stage, that is, of the layers that every way to the logits passes
 * through, the last before the first convolution at the final resolution. That is the fourth pool of VGG (TorchRay's choice) and the third
 * stage of a ResNet. In a network with tokens, Grad-CAM's layer. Throws as {@link gradCamGrid} does.
 */
export function excitationGrid(where: string, classifier: Classifier, selector: string | number | null): FeatureGrid {
  const anatomy = anatomyOf(classifier);
  if (selector !== null) return selected(where, classifier, selector, anatomy);
  const tokens = lastTokens(anatomy);
  if (tokens !== undefined) return tokens;
  const last = lastConvolution(anatomy);
  const first = last && anatomy.grids.find((one) => anatomy.weighted.has(one.layer.name) && sameGrid(one, last));
  if (first === undefined) throw noGrid(where);
  const end = anatomy.positions.get(first.layer.name)!;
  const before = anatomy.grids.findLast(
    ({ layer }) => anatomy.cuts.has(layer.name) && anatomy.positions.get(layer.name)! < end,
  );
  // A network of one stage has nothing before it but the image.
  return before ?? gradCamGrid(where, classifier, null);
}

function sameGrid(a: FeatureGrid, b: FeatureGrid): boolean {
  return a.height === b.height && a.width === b.width;
}

function lastConvolution({ grids, weighted }: Anatomy): FeatureGrid | undefined {
  return grids.findLast(({ layer, height, width }) => {
    return layer.shape.length === 4 && weighted.has(layer.name) && height * width > 1;
  });
}

function lastTokens(anatomy: Anatomy): FeatureGrid | undefined {
  const { grids, cuts, positions, lastAttention } = anatomy;
  const start = positions.get(lastConvolution(anatomy)?.layer.name ?? "") ?? -1;
  const end = lastAttention === undefined || lastAttention < start ? Infinity : lastAttention;
  return grids.findLast(({ layer }) => {
    const position = positions.get(layer.name)!;
    return layer.shape.length === 3 && cuts.has(layer.name) && position > start && position < end;
  });
}

function noGrid(where: string): UnsupportedError {
  return new UnsupportedError({
    where,
    what: "the network has no layer that lies on a grid over the image",
    expected: "a convolution, or tokens",
    advice: "Name a layer with an output [N, C, H, W].",
  });
}

function selected(where: string, classifier: Classifier, selector: string | number, { grids }: Anatomy): FeatureGrid {
  const layers = classifier.selectLayers([selector]);
  const [layer] = layers;
  const grid = grids.find((one) => one.layer.name === layer.name);
  if (layers.length === 1 && grid !== undefined) return grid;
  throw new MisuseError({
    where: `${where}: layer`,
    what:
      layers.length > 1 ? `${layers.length} layers are called so` : "the layer does not lie on a grid over the image",
    expected: "one layer with an output [N, C, H, W], or tokens [N, T, C]",
    got: layers.length > 1 ? JSON.stringify(selector) : `${describeLayer(layer)} [${layer.shape.join(", ")}]`,
    advice: "`perceptual-ball inspect` lists the layers.",
  });
}

function anatomyOf(classifier: Classifier): Anatomy {
  const { prepared } = classifier;
  const known = anatomies.get(prepared);
  if (known !== undefined) return known;
  const { graph, types, constants } = prepared.typed(prepared.fixedBatch ?? 1);
  const shapeOf = (name: string): Shape | undefined => types.get(name)?.shape;
  const orders = ordersOf(graph.nodes, shapeOf);
  const layers = new Map(classifier.layers.map((layer) => [layer.name, layer]));
  const positions = new Map(graph.nodes.map((node, position) => [node.outputs[0], position]));
  const { height, width } = prepared;
  const isWeight = (name: string): boolean => graph.initializers.has(name) || constants.has(name);
  const anatomy: Anatomy = {
    grids: graph.nodes.flatMap(({ outputs: [name] }) => {
      const layer = layers.get(name);
      const grid = layer && gridOf(layer, orders.get(name), height, width);
      return grid === undefined ? [] : [grid];
    }),
    positions,
    cuts: cutsOf(graph.nodes, prepared.input, prepared.logits, isWeight),
    weighted: new Set(
      graph.nodes
        .filter(({ opType, inputs }) => weighing.has(opType) && inputs.some(isWeight))
        .map(({ outputs }) => outputs[0]),
    ),
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

const weighing: ReadonlySet<string> = new Set(["Conv", "ConvTranspose", "Gemm", "MatMul"]);
/** Operators that read and write [N, C, H, W], whatever came before. */
const channelsFirst: ReadonlySet<string> = new Set([
  ...["Conv", "ConvTranspose", "AveragePool", "MaxPool", "LpPool", "GlobalAveragePool", "GlobalMaxPool"],
  ...["BatchNormalization", "InstanceNormalization", "GroupNormalization", "LRN", "DepthToSpace", "SpaceToDepth"],
]);

/** Where the channels of four-dimensional values are; values that are neither are left out. */
function ordersOf(nodes: readonly Node[], shapeOf: (name: string) => Shape | undefined): ReadonlyMap<string, Order> {
  const orders = new Map<string, Order>();
  for (const node of nodes) {
    const order = orderOf(node, orders, shapeOf);
    if (order === undefined) continue;
    for (const output of node.outputs) if (shapeOf(output)?.length === 4) orders.set(output, order);
  }
  return orders;
}

function orderOf(
  { opType, inputs, attributes }: Node,
  orders: ReadonlyMap<string, Order>,
  shapeOf: (name: string) => Shape | undefined,
): Order | undefined {
  if (channelsFirst.has(opType)) return "channels-first";
  if (opType === "Reshape" || opType === "Flatten") return undefined;
  const source = inputs.find((name) => orders.has(name) && shapeOf(name)?.length === 4);
  const order = source === undefined ? undefined : orders.get(source);
  if (opType !== "Transpose" || order === undefined) return order;
  const perm = attributes.perm?.kind === "ints" ? attributes.perm.value.join() : "";
  if (order === "channels-first" && perm === "0,2,3,1") return "channels-last";
  if (order === "channels-last" && perm === "0,3,1,2") return "channels-first";
  return undefined;
}

/** How a layer lies over an image of `height` × `width` pixels, or undefined if it does not. */
function gridOf(layer: Layer, order: Order | undefined, height: number, width: number): FeatureGrid | undefined {
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
function cutsOf(
  nodes: readonly Node[],
  input: string,
  logits: string,
  isWeight: (name: string) => boolean,
): ReadonlySet<string> {
  const downstream = new Set([input]);
  const candidates = nodes.filter(({ opType, inputs, outputs }) => {
    if (isNonDifferentiable(opType) || !inputs.some((name) => downstream.has(name) && !isWeight(name))) return false;
    for (const name of outputs) if (name !== "") downstream.add(name);
    return true;
  });
  const upstream = new Set([logits]);
  const path = candidates
    .toReversed()
    .filter(({ inputs, outputs }) => {
      if (!outputs.some((name) => upstream.has(name))) return false;
      for (const name of inputs) upstream.add(name);
      return true;
    })
    .toReversed();
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

/** A map [h, w] over a grid from what `at` says of each cell. */
export function overGrid({ height, width }: FeatureGrid, at: (cell: number) => number): Float32Array {
  return Float32Array.from({ length: height * width }, (_, cell) => at(cell));
}
