/**
 * @file Objectives (2), (3) and (4) of the paper as one graph that gives value, logits and gradient in a single run.
 *
 * For images x' [N, C, H, W], clean images x and classes i,
 *
 *   value = μ (M_i(x') − T)² + Σ_l λ'_l ‖C⁽ˡ⁾(x') − C⁽ˡ⁾(x)‖² + λ ‖x' − x‖²,   M_i(x') = C_i(x') − max_{j≠i} C_j(x').
 *
 * With all λ'_l = 0 it is objective (3); with λ = 0 as well, objective (2). Everything that varies between images is an input
 * of the graph, one per image of the batch, so one session serves all of them. For a wanted class t the sign of the margin is
 * turned, max_{j≠t} C_j − C_t: it too is negative once the label is as wanted.
 */
import { reshapeTo } from "../../autodiff/adjoints/linear-maps.ts";
import { type RuleTable, vjpRules } from "../../autodiff/rules/index.ts";
import { appendVjp, type CotangentSeed } from "../../autodiff/sweep.ts";
import { GraphBuilder, type Value } from "../../onnx/builder.ts";
import { inferShapes } from "../../onnx/infer-shapes.ts";
import type { Graph } from "../../onnx/model.ts";
import { foldBatchNormalization } from "../../onnx/rewrites/fold-batch-normalization.ts";
import { twoLogits } from "../network/head/sliced-logits.ts";
import type { PreparedModel } from "../network/prepare-model.ts";
import { appendLayout, appendNormalization, type Normalization } from "../preprocessing/preprocessing.ts";

/** Where images live: pixels in [0, 1], or the numbers that the network sees after normalization (in its channel order). */
export type ObjectiveSpace = "pixels" | "network";

/** The names of the objective graph's inputs; `reference(l)` is that of layer l. */
export const objectiveInputs = {
  image: "objective/image",
  referenceImage: "objective/reference_image",
  reference: (layer: number) => `objective/reference_${layer}`,
  /** [N, K]: 1 at the class of the margin, 0 elsewhere. */
  classMask: "objective/class_mask",
  /** [N, 2]: (1, −1) to leave the class, (−1, 1) to reach it. */
  signs: "objective/signs",
  marginTarget: "objective/margin_target",
  marginWeight: "objective/margin_weight",
  /** [N, L]: λ'_l. */
  layerWeights: "objective/layer_weights",
  distanceWeight: "objective/distance_weight",
} as const;

/** The names of its outputs; the logits and the layers keep the names that they have in the model. */
export const objectiveOutputs = {
  value: "objective/value",
  margin: "objective/margin",
  /** [N, L]: ‖C⁽ˡ⁾(x') − C⁽ˡ⁾(x)‖². */
  layerDistances: "objective/layer_distances",
  /** [N]: ‖x' − x‖². */
  distance: "objective/distance",
  gradient: "objective/gradient",
  logits: "objective/logits",
} as const;

/** What any other logit lies above: subtracting it takes a class out of a maximum. */
const outOfTheRunning = 1e30;

/**
 * `prepared`'s graph with images as its input instead of the network's own numbers: [N, C, H, W], called
 * {@link objectiveInputs}.image. BatchNormalization is folded into convolutions except where a value in `keep` would vanish.
 */
export function imageGraph(
  prepared: PreparedModel,
  {
    space,
    normalization,
    batch,
    keep,
  }: { space: ObjectiveSpace; normalization: Normalization; batch: number; keep: Iterable<string> },
): Graph {
  const { graph } = foldBatchNormalization(prepared.graph, { keep: new Set([...keep, prepared.logits]) });
  const g = new GraphBuilder();
  const image = g.input(objectiveInputs.image, "float32", [batch, prepared.channels, prepared.height, prepared.width]);
  const network = space === "pixels" ? appendNormalization(g, image, normalization) : image;
  g.output(appendLayout(g, network, normalization), prepared.input);
  const head = g.toGraph();
  return {
    ...graph,
    inputs: head.inputs,
    nodes: [...head.nodes, ...graph.nodes],
    initializers: new Map([...head.initializers, ...graph.initializers]),
  };
}

/** The margin as part of a graph. */
interface Margin {
  /** M, [N]. */
  readonly margin: Value;
  /** All of them, [N, K]. */
  readonly logits: Value;
  /** The two logits that M is the difference of, [N, 2]; what is differentiated. */
  readonly pair: Value;
  /** ∂M/∂pair, [N, 2]. */
  readonly signs: Value;
}

/** The margin of the masked class, appended to `g`. Of several best other classes, the first counts. */
export function appendMargin(g: GraphBuilder, scores: Value): Margin {
  const [batch, classes] = scores.shape;
  const logits = reshapeTo(g, scores, [batch, classes]);
  const mask = g.input(objectiveInputs.classMask, "float32", [batch, classes]);
  const signs = g.input(objectiveInputs.signs, "float32", [batch, 2]);
  const others = g.op("Sub", [logits, g.op("Mul", [mask, g.scalar(outOfTheRunning)])]);
  const first = (value: Value): Value => g.op("ArgMax", [value], { axis: 1, keepdims: 1 });
  const compared = g.op("Concat", [first(mask), first(others)], { axis: 1 });
  const pair = g.op("GatherElements", [logits, compared], { axis: 1 });
  const margin = g.op("ReduceSum", [g.op("Mul", [pair, signs]), g.ints([1])], { keepdims: 0 });
  const alone = batch === 1 ? twoLogits(g, scores, g.op("Reshape", [compared, g.ints([2])])) : undefined;
  return { margin, logits, pair: alone ?? pair, signs };
}

/**
 * ‖d‖² for each image of the batch: [N]. Rows are summed before their sums, in float32 three digits more exact than one sum
 * over all. onnxruntime's ReduceSumSquare takes 1.7 times as long as the product and its sum.
 */
export function appendSquaredNorm(g: GraphBuilder, d: Value): Value {
  const squares = g.op("Mul", [d, d]);
  const rank = d.shape.length;
  const rows = rank > 2 ? g.op("ReduceSum", [squares, g.ints([rank - 1])], { keepdims: 0 }) : squares;
  const others = rows.shape.flatMap((_, axis) => (axis > 0 ? [axis] : []));
  // No axes at all would mean all of them.
  return others.length === 0 ? rows : g.op("ReduceSum", [rows, g.ints(others)], { keepdims: 0 });
}

/** `perImage` [N] such that it multiplies a tensor of `like`'s shape. */
function alongImages(g: GraphBuilder, perImage: Value, like: Value): Value {
  return reshapeTo(g, perImage, [like.shape[0], ...like.shape.slice(1).map(() => 1)]);
}

export interface ObjectiveGraphOptions {
  readonly space: ObjectiveSpace;
  readonly normalization: Normalization;
  readonly batch: number;
  /** The names of the layers that are compared. */
  readonly layers: readonly string[];
  readonly rules?: RuleTable;
}

/**
 * The graph of objective (4) with its gradient with respect to the image. What is squared is differentiated here, the network by
 * its rules: ∂value/∂M = 2 μ (M − T), and 2 λ'_l (C⁽ˡ⁾(x') − C⁽ˡ⁾(x)) enters at layer l.
 */
export function objectiveGraph(prepared: PreparedModel, options: ObjectiveGraphOptions): Graph {
  const { batch, layers, rules = vjpRules } = options;
  const g = GraphBuilder.from(inferShapes(imageGraph(prepared, { ...options, keep: layers })));
  const image = g.value(objectiveInputs.image);
  const features = layers.map((layer) => g.value(layer));
  const seeds: CotangentSeed[] = [];
  const { margin, logits, value, distance, layerDistances } = g.scope("objective", () => {
    const { margin, logits, pair, signs } = appendMargin(g, g.value(prepared.logits));
    const perImage = (name: string): Value => g.input(name, "float32", [batch]);
    const miss = g.op("Sub", [margin, perImage(objectiveInputs.marginTarget)]);
    const weighted = g.op("Mul", [perImage(objectiveInputs.marginWeight), miss]);
    const marginSlope = alongImages(g, g.op("Add", [weighted, weighted]), pair);
    seeds.push({ value: pair, cotangent: g.op("Mul", [signs, marginSlope]) });

    /** ‖a − b‖² [N]; its derivative times `weight` [N] is a seed. */
    const appendDistance = (a: Value, b: Value, weight: Value): Value => {
      const d = g.op("Sub", [a, b]);
      const slope = alongImages(g, g.op("Add", [weight, weight]), d);
      seeds.push({ value: a, cotangent: g.op("Mul", [d, slope]) });
      return appendSquaredNorm(g, d);
    };
    const distanceWeight = perImage(objectiveInputs.distanceWeight);
    const referenceImage = g.input(objectiveInputs.referenceImage, "float32", image.shape);
    const distance = appendDistance(image, referenceImage, distanceWeight);
    const distanceTerm = g.op("Mul", [distanceWeight, distance]);
    let value = g.op("Add", [g.op("Mul", [weighted, miss]), distanceTerm]);
    if (features.length === 0) return { margin, logits, value, distance, layerDistances: undefined };

    const weights = g.input(objectiveInputs.layerWeights, "float32", [batch, features.length]);
    const ones = features.map(() => 1);
    const weightOf =
      features.length === 1 ? [weights] : g.ops("Split", [weights, g.ints(ones)], { axis: 1 }, ones.length);
    const columns = features.map((feature, l) => {
      const reference = g.input(objectiveInputs.reference(l), "float32", feature.shape);
      return reshapeTo(g, appendDistance(feature, reference, weightOf[l]), [batch, 1]);
    });
    const layerDistances = columns.length === 1 ? columns[0] : g.op("Concat", columns, { axis: 1 });
    const perceptual = g.op("ReduceSum", [g.op("Mul", [weights, layerDistances]), g.ints([1])], { keepdims: 0 });
    value = g.op("Add", [value, perceptual]);
    return { margin, logits, value, distance, layerDistances };
  });
  const [gradient] = appendVjp(g, { seeds, wrt: [image], rules });
  g.output(value, objectiveOutputs.value);
  g.output(margin, objectiveOutputs.margin);
  g.output(distance, objectiveOutputs.distance);
  if (layerDistances !== undefined) g.output(layerDistances, objectiveOutputs.layerDistances);
  g.output(logits, objectiveOutputs.logits);
  g.output(gradient, objectiveOutputs.gradient);
  for (const feature of new Set(features)) if (feature.name !== logits.name) g.output(feature);
  return g.toGraph("objective");
}
