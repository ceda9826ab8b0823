/**
 * @file The attention of a network: softmaxes over tokens that weigh values, of any exporter. onnxruntime's fused operators have become such
 * softmaxes when a model is read.
 */
import type { Classifier } from "../../classifier/classifier.ts";
import { anatomyOf, type FeatureGrid } from "../../classifier/network/feature-grids.ts";
import { describeLayer, type Layer } from "../../classifier/network/layers.ts";
import { UnsupportedError } from "../../errors.ts";
import { attributesOf } from "../../onnx/attributes.ts";
import type { Node } from "../../onnx/model.ts";
import { hasTrait } from "../../onnx/operators/table.ts";

/** The attention of a network whose layers all attend among the same tokens. */
export interface AttentionLayers {
  /** The probabilities, [heads, tokens, tokens] for one image, in order of execution. */
  readonly layers: readonly Layer[];
  readonly tokens: number;
  /** How the tokens that lie on the image do; the others are class, distillation and register tokens. */
  readonly grid: Pick<FeatureGrid, "height" | "width">;
  /** The first token that lies on the image. */
  readonly first: number;
}

/**
 * The attention of `classifier`. Throws an UnsupportedError, in the name of `where`, for networks without attention, and for those whose
 * layers do not all attend among the same tokens of a grid over the image: windows, pyramids, class attention.
 */
export function attentionLayers(where: string, classifier: Classifier): AttentionLayers {
  const { prepared } = classifier;
  const { graph, types } = prepared.typed(prepared.fixedBatch ?? 1);
  const readers = new Map<string, Node[]>();
  for (const node of graph.nodes) {
    for (const name of new Set(node.inputs)) readers.set(name, [...(readers.get(name) ?? []), node]);
  }
  const layersByName = new Map(classifier.layers.map((layer) => [layer.name, layer]));
  const found = graph.nodes.flatMap((node) => {
    const layer = layersByName.get(node.outputs[0]);
    const rank = types.get(node.outputs[0])?.shape.length ?? 0;
    const axis = attributesOf(node).int("axis", -1);
    const isSoftmax = node.opType === "Softmax" && rank >= 3 && (axis === -1 || axis === rank - 1);
    return layer !== undefined && isSoftmax && weighsValues(node.outputs[0], readers) ? [layer] : [];
  });
  if (found.length === 0) throw withoutAttention(where, graph.nodes);
  const grids = anatomyOf(classifier).grids.filter(({ layer }) => layer.shape.length === 3);
  const sizes = found.map(({ shape }) => shape.slice(-2));
  const [[tokens]] = sizes;
  const other = found.find((_, l) => sizes[l].some((extent) => extent !== tokens));
  const grid = grids.findLast(({ layer }) => layer.shape[1] === tokens);
  if (other === undefined && grid !== undefined) {
    const { height, width, offset, cellStride } = grid;
    return { layers: found, tokens, grid: { height, width }, first: offset / cellStride };
  }
  const named = other ?? found[0];
  throw new UnsupportedError({
    where,
    what: "attention is not among all tokens of a grid over the image",
    expected: "layers that all attend among the same tokens, as in ViT and DeiT",
    got: `${describeLayer(named)} [${named.shape.join(", ")}]`,
    advice: "lrp and grad-cam explain windows and pyramids of tokens too.",
  });
}

/** Whether a product reads `name` as its first factor, also behind operators that leave every element where it is. */
function weighsValues(name: string, readers: ReadonlyMap<string, readonly Node[]>): boolean {
  return (readers.get(name) ?? []).some((node) => {
    const [first] = node.inputs;
    if (first !== name) return false;
    if (hasTrait(node, "weighted")) return true;
    const isKept = hasTrait(node, "view") || node.opType === "Dropout" || node.opType === "Mul";
    return isKept && weighsValues(node.outputs[0], readers);
  });
}

function withoutAttention(where: string, nodes: readonly Node[]): UnsupportedError {
  const isWhole = nodes.some(({ opType }) => opType === "Attention");
  return new UnsupportedError({
    where,
    what: isWhole
      ? "the network's attention is the operator Attention, which does not give its probabilities away"
      : "the network has no attention",
    expected: "a transformer: a Softmax over tokens that weighs values",
    advice: isWhole
      ? "Export the model with operator set 22 or less, or use lrp or deep-lift."
      : "lrp, deep-lift and grad-cam explain any network.",
  });
}
