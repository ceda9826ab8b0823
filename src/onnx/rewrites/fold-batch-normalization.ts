/**
 * @file Folding BatchNormalization into the linear operator before it.
 *
 * In inference BatchNormalization is affine per channel c: y = s·x + t with s = scale / √(variance + epsilon) and
 * t = bias − s·mean. What precedes it, Conv, ConvTranspose or Gemm, is x = W∗u + b, so y = (s·W)∗u + (s·b + t): the same
 * operator with other weights. They are computed in float64 and rounded once. (The identity is that of Jacob et al.,
 * "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", CVPR 2018, section 3.2.)
 */
import { checkForm, checkKeys } from "../../errors.ts";
import { sizeOf, type Tensor, tensorOf } from "../../tensor/tensor.ts";
import { attributesOf } from "../attributes.ts";
import { valuesReadBy } from "../captures.ts";
import { freshNames } from "../fresh-names.ts";
import {
  describeNode,
  type Graph,
  type Initializer,
  initializerOf,
  type Node,
  producersOf,
  tensorOfInitializer,
} from "../model.ts";
import { filterMap } from "./extract-subgraph.ts";

export interface FoldBatchNormalizationOptions {
  /** Values that must stay: folding would make away with a layer that is asked for. */
  readonly keep?: Iterable<string>;
}

export interface FoldedGraph {
  readonly graph: Graph;
  /** The BatchNormalization nodes that are gone. */
  readonly folded: readonly Node[];
  /** The BatchNormalization nodes that stay, each with the reason, a phrase. */
  readonly kept: readonly { readonly node: Node; readonly reason: string }[];
}

/** Operators whose channels can be scaled by their weights. */
type Linear = "Conv" | "ConvTranspose" | "Gemm";

/** Weights and bias (undefined: none) before or after folding, float32 or float64. */
interface Affine {
  readonly weight: Tensor;
  readonly bias: Tensor | undefined;
  /** Whether nobody else sees the weight's elements, as they were just read from a file. */
  readonly isFresh: boolean;
}

/** What an {@link Affine} becomes: it has a bias then. */
interface FoldedAffine extends Affine {
  readonly bias: Tensor;
}

/** y = scale[c]·x + shift[c], in float64. */
interface Normalization {
  readonly scale: Float64Array;
  readonly shift: Float64Array;
}

/**
 * `graph` with each BatchNormalization folded into the Conv, ConvTranspose or Gemm that produces its input, where that value is
 * read by nothing else, is no output and not in `keep`, and all parameters are initializers. The changed operator keeps its
 * node name and produces the value that the BatchNormalization produced. Weights that are shared with other nodes are not
 * touched: new ones are made. Expects operator set 14 or later, and Constant nodes cleaned up.
 */
export function foldBatchNormalization(graph: Graph, options: FoldBatchNormalizationOptions = {}): FoldedGraph {
  checkForm("foldBatchNormalization: graph", graph, ["nodes", "initializers"]);
  checkKeys("foldBatchNormalization", options, ["keep"]);
  const fixed = new Set([...graph.outputs.map(({ name }) => name), ...(options.keep ?? [])]);
  const readers = new Map<string, number>();
  for (const node of graph.nodes) {
    for (const name of valuesReadBy(node)) readers.set(name, (readers.get(name) ?? 0) + 1);
  }
  const producers = producersOf(graph);
  const initializers = new Map(graph.initializers);
  const fresh = freshNames(graph);
  const folded: Node[] = [];
  const kept: { node: Node; reason: string }[] = [];
  /** By the node that is replaced: its successor, or undefined where it is left out. */
  const replaced = new Map<Node, Node | undefined>();

  for (const node of graph.nodes) {
    if (node.opType !== "BatchNormalization" || node.domain !== "") continue;
    const [input] = node.inputs;
    const producer = producers.get(input);
    const outcome = ((): string | { before: Node; affine: FoldedAffine } => {
      if (producer === undefined || !isLinear(producer)) {
        return `its input comes from ${producer === undefined ? "no node" : describeNode(producer)}`;
      }
      if (fixed.has(input)) return `the value ${input} before it is asked for`;
      if ((readers.get(input) ?? 0) > 1) return `the value ${input} before it is read elsewhere too`;
      const normalization = normalizationOf(node, graph.initializers);
      if (typeof normalization === "string") return normalization;
      const affine = affineOf(producer, initializers);
      if (typeof affine === "string") return affine;
      const changed = foldInto(producer, affine, normalization);
      return typeof changed === "string" ? changed : { before: producer, affine: changed };
    })();
    if (typeof outcome === "string") {
      kept.push({ node, reason: outcome });
      continue;
    }
    const { before, affine } = outcome;
    const [data, weightName, biasName] = before.inputs;
    const weight = fresh(`${weightName}_folded`);
    const bias = fresh(`${biasName || before.name || before.outputs[0]}_folded_bias`);
    initializers.set(weight, initializerOf(affine.weight));
    initializers.set(bias, initializerOf(affine.bias));
    replaced.set(before, { ...before, inputs: [data, weight, bias], outputs: [node.outputs[0]] });
    replaced.set(node, undefined);
    folded.push(node);
  }
  if (folded.length === 0) return { graph, folded, kept };

  const nodes = graph.nodes.flatMap((node): Node[] => {
    const successor = replaced.has(node) ? replaced.get(node) : node;
    return successor === undefined ? [] : [successor];
  });
  const read = new Set([...fixed, ...nodes.flatMap((node) => [...valuesReadBy(node)])]);
  const touched = new Set([...replaced.keys()].flatMap((node) => node.inputs));
  const gone = new Set(folded.map(({ inputs }) => inputs[0]));
  const next: Graph = {
    ...graph,
    nodes,
    initializers: filterMap(initializers, (name) => read.has(name) || !touched.has(name)),
    valueInfo: filterMap(graph.valueInfo, (name) => !gone.has(name)),
  };
  return { graph: next, folded, kept };
}

function isLinear(node: Node): node is Node & { opType: Linear } {
  const { opType, domain } = node;
  return domain === "" && (opType === "Conv" || opType === "ConvTranspose" || opType === "Gemm");
}

function constantsOf(names: readonly string[], initializers: ReadonlyMap<string, Initializer>): Tensor[] | string {
  const missing = names.filter((name) => !initializers.has(name));
  if (missing.length > 0) return `${missing.join(", ")} ${missing.length > 1 ? "are" : "is"} no initializer`;
  const tensors = names.flatMap((name) => {
    const initializer = initializers.get(name);
    return initializer === undefined ? [] : [tensorOfInitializer(initializer, name)];
  });
  const other = tensors.findIndex(({ dtype }) => dtype !== "float32" && dtype !== "float64");
  return other < 0 ? tensors : `${names[other]} is of type ${tensors[other].dtype}`;
}

function normalizationOf(node: Node, initializers: ReadonlyMap<string, Initializer>): Normalization | string {
  const attributes = attributesOf(node);
  if (attributes.int("training_mode", 0) !== 0) return "it is in training mode";
  if (node.outputs.slice(1).some((name) => name !== "")) return "it updates its statistics";
  const parameters = constantsOf(node.inputs.slice(1), initializers);
  if (typeof parameters === "string") return parameters;
  const [gamma, beta, mean, variance] = parameters.map(({ data }) => data as Float32Array);
  const epsilon = attributes.float("epsilon", 1e-5);
  const scale = Float64Array.from(gamma, (value, c) => value / Math.sqrt(variance[c] + epsilon));
  const shift = Float64Array.from(beta, (value, c) => value - scale[c] * mean[c]);
  return { scale, shift };
}

function affineOf(node: Node, initializers: ReadonlyMap<string, Initializer>): Affine | string {
  const [, weightName, biasName = ""] = node.inputs;
  const constants = constantsOf(biasName === "" ? [weightName] : [weightName, biasName], initializers);
  if (typeof constants === "string") return constants;
  const isFresh = initializers.get(weightName)?.storage.kind === "external";
  return { weight: constants[0], bias: constants[1], isFresh };
}

/** The weights and bias with `scale` and `shift` worked in, or why that cannot be. */
function foldInto(
  node: Node,
  { weight, bias, isFresh }: Affine,
  { scale, shift }: Normalization,
): FoldedAffine | string {
  const attributes = attributesOf(node);
  const channels = scale.length;
  const group = node.opType === "Gemm" ? 1 : attributes.int("group", 1);
  const biasFactor = node.opType === "Gemm" ? attributes.float("beta", 1) : 1;
  const axis = node.opType === "Conv" ? 0 : node.opType === "Gemm" && attributes.int("transB", 0) !== 0 ? 0 : 1;
  const perGroup = node.opType === "ConvTranspose" ? channels / group : channels;
  if (weight.shape[axis] !== perGroup) return `it has ${channels} channels, its weights have ${weight.shape[axis]}`;
  if (biasFactor === 0) return "the Gemm before it ignores its bias";
  const biasShape = bias?.shape ?? [];
  const biasSize = sizeOf(biasShape);
  const isPerChannel = biasSize === 1 || (biasSize === channels && biasShape[biasShape.length - 1] === channels);
  if (!isPerChannel) return "the bias of the Gemm before it is not one number per channel";

  const inner = sizeOf(weight.shape.slice(axis + 1));
  const rowsPerGroup = node.opType === "ConvTranspose" ? weight.shape[0] / group : weight.shape[0];
  // Weights are [rows, channels, …], or [channels, …] as one row. Those of ConvTranspose have the outputs of one group in each
  // row: the group follows from the input channel.
  const weights = scaleChannels(weight, { channels: perGroup, inner, inPlace: isFresh }, (row, column) => {
    return scale[Math.floor(row / rowsPerGroup) * perGroup + column];
  });
  const before = (bias?.data ?? [0]) as Float32Array;
  const biases = shift.map((value, c) => scale[c] * before[biasSize === 1 ? 0 : c] + value / biasFactor);
  return {
    isFresh,
    weight: weights,
    bias: tensorOf(weight.dtype, biases, [channels]),
  };
}

/** `weight` with each run of `inner` elements times the factor of its place; rounded once. */
function scaleChannels(
  { dtype, shape, data }: Tensor,
  { channels, inner, inPlace }: { readonly channels: number; readonly inner: number; readonly inPlace: boolean },
  factorAt: (row: number, column: number) => number,
): Tensor {
  const from = data as Float32Array;
  const to = inPlace ? from : dtype === "float64" ? new Float64Array(from.length) : new Float32Array(from.length);
  for (let start = 0, run = 0; start < from.length; start += inner, run++) {
    const factor = factorAt(Math.floor(run / channels), run % channels);
    for (let i = start; i < start + inner; i++) to[i] = factor * from[i];
  }
  return { dtype, shape, data: to };
}
