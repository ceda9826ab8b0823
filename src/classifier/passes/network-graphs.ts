/** @file The network as graphs from pixels to logits, and from cotangents of its outputs back to pixels and layers. */
import { reshapeTo } from "../../autodiff/adjoints/linear-maps.ts";
import type { RuleTable } from "../../autodiff/rules/index.ts";
import { appendVjp } from "../../autodiff/sweep.ts";
import { GraphBuilder, type Value } from "../../onnx/builder.ts";
import { inferShapes } from "../../onnx/infer-shapes.ts";
import type { Graph } from "../../onnx/model.ts";
import { extractSubgraph } from "../../onnx/rewrites/extract-subgraph.ts";
import type { PreparedModel } from "../network/prepare-model.ts";
import type { Normalization } from "../preprocessing/preprocessing.ts";
import {
  appendMargin,
  appendSquaredNorm,
  imageGraph,
  type ObjectiveSpace,
  objectiveInputs,
  objectiveOutputs,
} from "./objective-graph.ts";

/** What a network says of the classes. */
export type NetworkOutput = "logits" | "probabilities" | "log-probabilities";

export const outputs: readonly NetworkOutput[] = ["logits", "probabilities", "log-probabilities"];

/**
 * What of a network a backward pass starts from: what it says of the classes, or what the difference of logits ratio (Croce and Hein 2020) is
 * made of, z being the logits and π their order, the largest first. `margin-ratios` are (z_j − max_{i≠j} z_i) / (z_π1 − z_π3 + 10⁻¹²), of which
 * the ratio itself is −1 times one, and need three classes; `scaled-logits` are z_j / (z_π1 − ½(z_π3 + z_π4) + 10⁻¹²), of which the targeted
 * ratio is a difference, and need four. Derivatives go through the order.
 */
export type PassOutput = NetworkOutput | "margin-ratios" | "scaled-logits";

export const passOutputs: readonly PassOutput[] = [...outputs, "margin-ratios", "scaled-logits"];

/** The classes that an output needs. */
export const leastClasses: Readonly<Record<PassOutput, number>> = {
  logits: 1,
  probabilities: 1,
  "log-probabilities": 1,
  "margin-ratios": 3,
  "scaled-logits": 4,
};

/** The names of the backward graph's own inputs and outputs; the layers keep the names that they have in the model. */
export const backwardNames = {
  /** [N, K]: the cotangent that the pass starts with. */
  seed: "backward/seed",
  /** The cotangent of compared layer l. */
  cotangent: (layer: number) => `backward/cotangent_${layer}`,
  /** [N, C, H, W]: the images that rules compare with, where they do. */
  baseline: "backward/baseline",
} as const;

export interface NetworkGraphOptions {
  readonly space: ObjectiveSpace;
  readonly normalization: Normalization;
  readonly batch: number;
}

/** The graph of the logits [N, K]. */
export function logitsGraph(prepared: PreparedModel, options: NetworkGraphOptions): Graph {
  const g = GraphBuilder.from(inferShapes(imageGraph(prepared, { ...options, keep: [] })));
  g.output(flatLogits(g, prepared), objectiveOutputs.logits);
  return g.toGraph("logits");
}

/**
 * The graph of the logits [N, K], of the values of the layers that are named, and of [N, L] ‖C⁽ˡ⁾(x') − C⁽ˡ⁾‖² for the first `compared` of
 * them, if any, C⁽ˡ⁾ being inputs of the graph.
 */
export function distanceGraph(
  prepared: PreparedModel,
  {
    layers,
    compared,
    ...options
  }: NetworkGraphOptions & { readonly layers: readonly string[]; readonly compared: number },
): Graph {
  const g = GraphBuilder.from(inferShapes(imageGraph(prepared, { ...options, keep: layers })));
  const { logits, distances } = g.scope("distances", () => {
    const columns = layers.slice(0, compared).map((name, l) => {
      const feature = g.value(name);
      const reference = g.input(objectiveInputs.reference(l), "float32", feature.shape);
      return reshapeTo(g, appendSquaredNorm(g, g.op("Sub", [feature, reference])), [options.batch, 1]);
    });
    return {
      logits: flatLogits(g, prepared),
      distances: columns.length === 0 ? undefined : g.op("Concat", columns, { axis: 1 }),
    };
  });
  g.output(logits, objectiveOutputs.logits);
  if (distances !== undefined) g.output(distances, objectiveOutputs.layerDistances);
  for (const name of new Set(layers)) g.output(g.value(name));
  return g.toGraph("distances");
}

export interface TailGraphOptions extends NetworkGraphOptions {
  /** The name of the layer whose values are given. */
  readonly layer: string;
}

/**
 * The graph of the logits [N, K] where the values of a layer are given, as an input of the layer's name, instead of computed. It has the
 * image as an input only where something of it reaches the logits besides through the layer.
 */
export function tailGraph(prepared: PreparedModel, { layer, ...options }: TailGraphOptions): Graph {
  const { graph, types } = inferShapes(imageGraph(prepared, { ...options, keep: [layer] }));
  const type = types.get(layer);
  const valueInfo = new Map(graph.valueInfo);
  if (type !== undefined) valueInfo.set(layer, { name: layer, ...type });
  const tail = extractSubgraph({ ...graph, valueInfo }, [prepared.logits], { inputs: [layer] });
  const g = GraphBuilder.from(inferShapes(tail));
  g.output(flatLogits(g, prepared), objectiveOutputs.logits);
  return g.toGraph("tail");
}

/** The graph of the margin M [N] with its gradient with respect to the image under `rules`. */
export function marginGraph(
  prepared: PreparedModel,
  { rules, ...options }: NetworkGraphOptions & { readonly rules?: RuleTable },
): Graph {
  const g = GraphBuilder.from(inferShapes(imageGraph(prepared, { ...options, keep: [] })));
  const image = g.value(objectiveInputs.image);
  const { margin, logits, pair, signs } = g.scope("objective", () => appendMargin(g, g.value(prepared.logits)));
  const [gradient] = appendVjp(g, { seeds: [{ value: pair, cotangent: signs }], wrt: [image], rules });
  g.output(margin, objectiveOutputs.margin);
  g.output(logits, objectiveOutputs.logits);
  g.output(gradient, objectiveOutputs.gradient);
  return g.toGraph("margin");
}

export interface BackwardGraphOptions extends NetworkGraphOptions {
  readonly of: PassOutput;
  readonly rules?: RuleTable;
  /** Whether the seed is multiplied by what the pass starts from. */
  readonly scaled: boolean;
  /** Whether the graph has a second image as an input, for rules that compare with one. */
  readonly baseline: boolean;
  /** The names of the layers whose values and cotangents are given out as well. */
  readonly layers: readonly string[];
  /** Whether the pass goes on to the image. */
  readonly input: boolean;
  /** Whether BatchNormalization is folded into convolutions where no layer asked for would vanish. */
  readonly fold: boolean;
}

/** The graph of a pass back from any cotangent [N, K] of the logits, their softmax or its logarithm. */
export function backwardGraph(prepared: PreparedModel, options: BackwardGraphOptions): Graph {
  const { layers, input, fold, rules, scaled, baseline } = options;
  const normalizations = prepared.graph.nodes.filter(({ opType }) => opType === "BatchNormalization");
  const unfolded = fold ? [] : normalizations.flatMap((node) => [node.inputs[0], node.outputs[0]]);
  const g = GraphBuilder.from(inferShapes(imageGraph(prepared, { ...options, keep: [...layers, ...unfolded] })));
  const image = g.value(objectiveInputs.image);
  const features = layers.map((name) => g.value(name));
  const { logits, seed, start } = g.scope("backward", () => {
    const logits = flatLogits(g, prepared);
    const seed = g.input(backwardNames.seed, "float32", logits.shape);
    return { logits, seed, start: outputOf(g, logits, options.of) };
  });
  if (baseline) g.input(backwardNames.baseline, image.dtype, image.shape);
  const wrt = [...features, ...(input ? [image] : [])];
  const cotangent = scaled ? g.op("Mul", [seed, start]) : seed;
  const cotangents = appendVjp(g, { seeds: [{ value: start, cotangent }], wrt, rules });
  g.output(logits, objectiveOutputs.logits);
  new Map(features.map((feature) => [feature.name, feature])).forEach((feature) => {
    g.output(feature);
  });
  features.forEach((_, l) => {
    g.output(cotangents[l], backwardNames.cotangent(l));
  });
  if (input) g.output(cotangents[features.length], objectiveOutputs.gradient);
  return g.toGraph("backward");
}

function flatLogits(g: GraphBuilder, prepared: PreparedModel): Value {
  const scores = g.value(prepared.logits);
  const [batch, classes] = scores.shape;
  return reshapeTo(g, scores, [batch, classes]);
}

function outputOf(g: GraphBuilder, logits: Value, of: PassOutput): Value {
  switch (of) {
    case "logits":
      return logits;
    case "probabilities":
      return g.op("Softmax", [logits], { axis: 1 });
    case "log-probabilities":
      return g.op("LogSoftmax", [logits], { axis: 1 });
    case "margin-ratios": {
      const [first, second, third] = largest(g, logits, 3);
      const bestOther = g.op("Where", [g.op("Equal", [logits, first]), second, first]);
      return g.op("Div", [g.op("Sub", [logits, bestOther]), aboveZero(g, g.op("Sub", [first, third]))]);
    }
    case "scaled-logits": {
      const [first, , third, fourth] = largest(g, logits, 4);
      const mean = g.op("Mul", [g.op("Add", [third, fourth]), g.scalar(0.5)]);
      return g.op("Div", [logits, aboveZero(g, g.op("Sub", [first, mean]))]);
    }
  }
}

/** The `count` largest logits of each image, the largest first: [N, 1] each. */
function largest(g: GraphBuilder, logits: Value, count: number): Value[] {
  const [values] = g.ops("TopK", [logits, g.ints([count])], { axis: 1 }, 2);
  const ones = Array.from({ length: count }, () => 1);
  return g.ops("Split", [values, g.ints(ones)], { axis: 1 }, count);
}

/** Keeps a quotient finite where the logits are all the same. */
function aboveZero(g: GraphBuilder, spread: Value): Value {
  return g.op("Add", [spread, g.scalar(1e-12)]);
}
