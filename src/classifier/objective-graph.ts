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
import { type RuleTable, vjpRules } from "../autodiff/rules/index.ts";
import { appendVjp, filled } from "../autodiff/sweep.ts";
import { GraphBuilder, type Value } from "../onnx/builder.ts";
import { inferShapes } from "../onnx/infer-shapes.ts";
import type { Graph } from "../onnx/model.ts";
import { foldBatchNormalization } from "../onnx/passes/fold-batch-normalization.ts";
import type { PreparedModel } from "./prepare-model.ts";
import { appendLayout, appendNormalization, type Normalization } from "./preprocessing.ts";

/** Where images live: pixels in [0, 1], or the numbers that the network sees after normalization (in its channel order). */
export type Space = "pixels" | "network";

/** The names of the objective graph's inputs; `reference(l)` is that of layer l. */
export const objectiveInputs = {
  image: "objective/image",
  referenceImage: "objective/reference_image",
  reference: (layer: number) => `objective/reference_${layer}`,
  /** [N, K]: 1 at the class of the margin, 0 elsewhere. */
  classMask: "objective/class_mask",
  /** [N]: 1 to leave the class, −1 to reach it. */
  sign: "objective/sign",
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
  }: { space: Space; normalization: Normalization; batch: number; keep: Iterable<string> },
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

/** The margin M [N] of the masked class and the logits [N, K], appended to `g`. */
export function appendMargin(g: GraphBuilder, scores: Value): { margin: Value; logits: Value } {
  const [batch, classes] = scores.shape;
  const logits = scores.shape.length === 2 ? scores : g.op("Reshape", [scores, g.ints([batch, classes])]);
  const mask = g.input(objectiveInputs.classMask, "float32", [batch, classes]);
  const sign = g.input(objectiveInputs.sign, "float32", [batch]);
  const axis = g.ints([1]);
  const own = g.op("ReduceSum", [g.op("Mul", [logits, mask]), axis], { keepdims: 0 });
  const others = g.op("Sub", [logits, g.op("Mul", [mask, g.scalar(outOfTheRunning)])]);
  const best = g.op("ReduceMax", [others, axis], { keepdims: 0 });
  return { margin: g.op("Mul", [sign, g.op("Sub", [own, best])]), logits };
}

/** ‖a − b‖² for each image of the batch: [N]. */
function appendSquaredDistance(g: GraphBuilder, a: Value, b: Value): Value {
  const axes = g.ints(a.shape.slice(1).map((_, i) => i + 1));
  return g.op("ReduceSumSquare", [g.op("Sub", [a, b]), axes], { keepdims: 0 });
}

export interface ObjectiveGraphOptions {
  readonly space: Space;
  readonly normalization: Normalization;
  readonly batch: number;
  /** The names of the layers that are compared. */
  readonly layers: readonly string[];
  readonly rules?: RuleTable;
}

/** The graph of objective (4) with its gradient with respect to the image. */
export function objectiveGraph(prepared: PreparedModel, options: ObjectiveGraphOptions): Graph {
  const { batch, layers, rules = vjpRules } = options;
  const g = GraphBuilder.from(inferShapes(imageGraph(prepared, { ...options, keep: layers })));
  const image = g.value(objectiveInputs.image);
  const features = layers.map((layer) => g.value(layer));
  const { margin, logits, value, distance, layerDistances } = g.scope("objective", () => {
    const { margin, logits } = appendMargin(g, g.value(prepared.logits));
    const perImage = (name: string): Value => g.input(name, "float32", [batch]);
    const referenceImage = g.input(objectiveInputs.referenceImage, "float32", image.shape);
    const miss = g.op("Sub", [margin, perImage(objectiveInputs.marginTarget)]);
    const marginTerm = g.op("Mul", [perImage(objectiveInputs.marginWeight), g.op("Mul", [miss, miss])]);
    const distance = appendSquaredDistance(g, image, referenceImage);
    const distanceTerm = g.op("Mul", [perImage(objectiveInputs.distanceWeight), distance]);
    let value = g.op("Add", [marginTerm, distanceTerm]);
    let layerDistances: Value | undefined;
    if (features.length > 0) {
      const weights = g.input(objectiveInputs.layerWeights, "float32", [batch, features.length]);
      const columns = features.map((feature, l) => {
        const reference = g.input(objectiveInputs.reference(l), "float32", feature.shape);
        return g.op("Unsqueeze", [appendSquaredDistance(g, feature, reference), g.ints([1])]);
      });
      layerDistances = columns.length === 1 ? columns[0] : g.op("Concat", columns, { axis: 1 });
      const perceptual = g.op("ReduceSum", [g.op("Mul", [weights, layerDistances]), g.ints([1])], { keepdims: 0 });
      value = g.op("Add", [value, perceptual]);
    }
    return { margin, logits, value, distance, layerDistances };
  });
  const [gradient] = appendVjp(g, { seeds: [{ value, cotangent: filled(g, value, 1) }], wrt: [image], rules });
  g.output(value, objectiveOutputs.value);
  g.output(margin, objectiveOutputs.margin);
  g.output(distance, objectiveOutputs.distance);
  if (layerDistances !== undefined) g.output(layerDistances, objectiveOutputs.layerDistances);
  g.output(logits, objectiveOutputs.logits);
  g.output(gradient, objectiveOutputs.gradient);
  for (const feature of new Set(features)) if (feature.name !== logits.name) g.output(feature);
  return g.toGraph("objective");
}

/** The graph of the margin M [N] with its gradient with respect to the image under `rules`. */
export function marginGraph(
  prepared: PreparedModel,
  options: { space: Space; normalization: Normalization; batch: number; rules?: RuleTable },
): Graph {
  const g = GraphBuilder.from(inferShapes(imageGraph(prepared, { ...options, keep: [] })));
  const image = g.value(objectiveInputs.image);
  const { margin, logits } = g.scope("objective", () => appendMargin(g, g.value(prepared.logits)));
  const [gradient] = appendVjp(g, {
    seeds: [{ value: margin, cotangent: filled(g, margin, 1) }],
    wrt: [image],
    rules: options.rules,
  });
  g.output(margin, objectiveOutputs.margin);
  g.output(logits, objectiveOutputs.logits);
  g.output(gradient, objectiveOutputs.gradient);
  return g.toGraph("margin");
}

/** The graph of the logits [N, K] alone. */
export function logitsGraph(
  prepared: PreparedModel,
  options: { space: Space; normalization: Normalization; batch: number },
): Graph {
  const g = GraphBuilder.from(inferShapes(imageGraph(prepared, { ...options, keep: [] })));
  const scores = g.value(prepared.logits);
  const [batch, classes] = scores.shape;
  const logits = scores.shape.length === 2 ? scores : g.op("Reshape", [scores, g.ints([batch, classes])]);
  g.output(logits, objectiveOutputs.logits);
  return g.toGraph("logits");
}
