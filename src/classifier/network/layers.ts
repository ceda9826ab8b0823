/** @file Layers: the operations of a network, numbered, named and chosen by pattern. */
import { checkForm, MisuseError, nearest } from "../../errors.ts";
import type { TypedGraph } from "../../onnx/infer-shapes.ts";
import type { Graph } from "../../onnx/model.ts";
import { hasTrait } from "../../onnx/operators/table.ts";
import { type DataType, isFloating, type Shape, sizeOf } from "../../tensor/tensor.ts";

/** One operation of the network, with its first output. */
export interface Layer {
  /** Counted from 0 in execution order; every operation counts, as in the paper. */
  readonly index: number;
  readonly operator: string;
  /** Which one of its operator it is, from 0: `Relu[3]` is the fourth ReLU. */
  readonly ordinal: number;
  /** The name of its output value. */
  readonly name: string;
  readonly nodeName: string;
  /** Of its output, with the batch axis first. */
  readonly shape: Shape;
  /** The number of weights that it reads. */
  readonly parameters: number;
}

/**
 * The layers of a graph whose constants and identities are cleaned up: the operations that something of the input flows through.
 * What prepares weights, such as a Cast from float16 or a DequantizeLinear, is no layer; the layer that reads them counts its
 * initializers.
 */
export function listLayers({ graph, types, constants }: TypedGraph): Layer[] {
  const ordinals = new Map<string, number>();
  const countedWeights = new Set<string>();
  const weightsOf = preparedWeights(graph);
  const layers: Layer[] = [];
  for (const node of graph.nodes) {
    const [name] = node.outputs;
    if (name === undefined || constants.has(name) || weightsOf.has(name)) continue;
    const type = types.get(name);
    if (type === undefined) continue;
    const ordinal = ordinals.get(node.opType) ?? 0;
    ordinals.set(node.opType, ordinal + 1);
    let parameters = 0;
    for (const weights of node.inputs.flatMap((input) => weightsOf.get(input) ?? [input])) {
      const initializer = graph.initializers.get(weights);
      if (initializer === undefined || !isWeight(initializer.dtype) || countedWeights.has(weights)) continue;
      countedWeights.add(weights);
      parameters += sizeOf(initializer.shape);
    }
    const { opType: operator, name: nodeName } = node;
    layers.push({ index: layers.length, operator, ordinal, name, nodeName, shape: type.shape, parameters });
  }
  return layers;
}

/** Weights are floating, or the bytes that a DequantizeLinear makes floating; other integers are shapes and indices. */
function isWeight(dtype: DataType): boolean {
  return isFloating(dtype) || dtype === "int8" || dtype === "uint8";
}

/** The values that operations make of initializers alone, each with those initializers. */
function preparedWeights({ nodes, initializers }: Graph): Map<string, readonly string[]> {
  const prepared = new Map<string, readonly string[]>();
  for (const { inputs, outputs } of nodes) {
    const given = inputs.filter((input) => input !== "");
    if (given.length === 0 || given.some((input) => !initializers.has(input) && !prepared.has(input))) continue;
    const sources = [...new Set(given.flatMap((input) => prepared.get(input) ?? [input]))];
    for (const output of outputs) prepared.set(output, sources);
  }
  return prepared;
}

/** How layers are asked for: a number, a value or node name, or a pattern such as "Relu[3]", "Relu[3:9]", "Conv[-1]" or "Relu". */
export type LayerSelector = number | string;

/**
 * The layers that the selectors name, in order and without repetitions. Ranges are half-open and count as Python's slices do:
 * `Relu[3:9]` is the fourth to the ninth ReLU, `Relu[-2:]` the last two. Throws a MisuseError for a selector that matches
 * nothing, with the nearest name.
 */
export function selectLayers(layers: readonly Layer[], selectors: readonly LayerSelector[]): Layer[] {
  const chosen = new Map<string, Layer>();
  for (const selector of selectors) for (const layer of select(layers, selector)) chosen.set(layer.name, layer);
  return [...chosen.values()];
}

function select(layers: readonly Layer[], selector: LayerSelector): readonly Layer[] {
  if (typeof selector === "number" || /^\d+$/.test(selector)) {
    const layer = layers[Number(selector)];
    if (layer !== undefined) return [layer];
    throw unknownLayer(layers, selector, `a number from 0 to ${layers.length - 1}`);
  }
  // Of nodes without a name, which is "", none is meant.
  const named = layers.filter((layer) => selector !== "" && [layer.name, layer.nodeName].includes(selector));
  if (named.length > 0) return named;
  const pattern = /^(\w+)(?:\[\s*(-?\d+)?\s*(:)?\s*(-?\d+)?\s*\])?$/.exec(selector);
  if (pattern !== null) {
    const [, operator, first, colon, last] = pattern;
    const group = layers.filter((layer) => layer.operator === operator);
    if (group.length > 0) {
      const picked = pick(group, selector.includes("["), first, colon !== undefined, last);
      if (picked.length > 0) return picked;
      throw unknownLayer(layers, selector, `${operator}[0] to ${operator}[${group.length - 1}]`);
    }
  }
  // A PyTorch module path such as "features.16": the legacy exporter makes it part of the value's name.
  const modulePath = layers.filter((layer) => selector !== "" && layer.name.split("/").includes(selector));
  if (modulePath.length > 0) return [modulePath[modulePath.length - 1]];
  const names = layers.flatMap((layer) => [layer.name, layer.nodeName, layer.operator].filter((name) => name !== ""));
  const hint = nearest(selector, names);
  throw unknownLayer(
    layers,
    selector,
    "a number, a value's name, or a pattern such as Relu[3:9]",
    hint === undefined ? undefined : `Did you mean ${JSON.stringify(hint)}?`,
  );
}

function pick(
  group: readonly Layer[],
  indexed: boolean,
  first: string | undefined,
  range: boolean,
  last?: string,
): readonly Layer[] {
  if (!indexed) return group;
  if (range) return group.slice(first === undefined ? 0 : Number(first), last === undefined ? undefined : Number(last));
  const single = first === undefined ? undefined : group.at(Number(first));
  return single === undefined ? [] : [single];
}

function unknownLayer(layers: readonly Layer[], selector: LayerSelector, expected: string, hint = ""): MisuseError {
  return new MisuseError({
    where: "layers",
    what: "no such layer",
    expected,
    got: JSON.stringify(selector),
    advice: `${hint}${hint === "" ? "" : " "}There are ${listed(layers)}; \`perceptual-ball inspect\` lists them by name.`,
  });
}

/** So many operators are listed; the rest is counted. */
const mostListed = 8;

/** What layers there are: "Conv[0] to Conv[12], Relu[0] to Relu[11], Gemm[0]". */
function listed(layers: readonly Layer[]): string {
  const counts = new Map<string, number>();
  for (const { operator } of layers) counts.set(operator, (counts.get(operator) ?? 0) + 1);
  const groups = [...counts].map(([operator, count]) =>
    count === 1 ? `${operator}[0]` : `${operator}[0] to ${operator}[${count - 1}]`,
  );
  const more = groups.length - mostListed;
  return `${groups.slice(0, mostListed).join(", ")}${more > 0 ? ` and ${more} more operators` : ""}`;
}

/** Whether a layer is an activation function. */
export function isActivation({ operator }: Pick<Layer, "operator">): boolean {
  return hasTrait({ opType: operator }, "activation");
}

/** How messages and reports name a layer: number, operator and name. */
export function describeLayer(layer: Layer): string {
  checkForm("describeLayer: layer", layer, ["index", "operator", "ordinal", "name"]);
  const { index, operator, ordinal, name } = layer;
  return `${index} ${operator}[${ordinal}] ${name}`;
}
