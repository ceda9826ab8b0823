/**
 * @file In which range of pixels the outputs of the first convolution vary as those of trained networks do.
 *
 * What a BatchNormalization has seen is gone once it is folded into the convolution before it, but the weights are scaled by it: the outputs that pictures
 * then have vary by about 1. On pixels a hundred times smaller they hardly vary at all, and on such a hundred times larger much more than anything
 * that follows was trained for.
 */
import { attributesOf } from "../../onnx/attributes.ts";
import type { TypedGraph } from "../../onnx/infer-shapes.ts";
import { type Graph, type Node, usesOf } from "../../onnx/model.ts";
import { hasTrait } from "../../onnx/operators/table.ts";
import { momentsOfFilters } from "./natural-pictures.ts";
import { normalizations } from "./preprocessing.ts";

/** Which pixels a network's first layer was trained on: those to about 1, or those to 255. */
export interface ShownRange {
  readonly range: "unit" | "bytes";
  /** By how much the outputs of the first layer vary on natural pictures whose pixels have deviation 1. */
  readonly deviation: number;
}

/**
 * Deviations of the first layer's outputs under ImageNet's numbers: of networks trained on pixels to about 1, .4 to 10 in the median over the filters and .5 to 26 in their
 * ninth tenth (five published networks and twelve others); of a published one trained on pixels to 255 with its normalizations folded, .004 and .005.
 */
const leastOfUnits = 0.2;
const mostOfBytes = 0.05;
/** So many sums of two paths, or convolutions of single channels, are found only in networks that were trained with normalizations. */
const leastSigns = 3;
const correlationLength = 8;
const largestKernel = 11;

/** What `first`, the layer that reads the pixels as they are, tells of them; undefined where it does not. */
export function rangeShownByFirstLayer(typed: TypedGraph, first: Node | undefined): ShownRange | undefined {
  const { graph } = typed;
  if (first?.opType !== "Conv") return undefined;
  const weights = graph.initializers.get(first.inputs[1]);
  if (weights?.shape.length !== 4 || weights.shape[1] !== 3) return undefined;
  const [filters, , height, width] = weights.shape;
  const strides = attributesOf(first).ints("strides", [1, 1]);
  // Patches that do not overlap are a transformer's, which normalizes them.
  const isOfPatches = height > 1 && strides[0] >= height && strides[1] >= width;
  if (isOfPatches || Math.max(height, width) > largestKernel || filters < 3) return undefined;
  const next = usesOf(graph).get(first.outputs[0]) ?? [];
  // Whatever normalizes the outputs, written out or not, makes their scale mean nothing.
  if (!next.every((node) => hasTrait(node, "elementwise") || followers.has(node.opType))) return undefined;
  const moments = momentsOfFilters(weights, normalizations.imagenet, correlationLength);
  const deviations = moments.map(({ variance }) => Math.sqrt(Math.max(0, variance))).sort((a, b) => a - b);
  const most = deviations[Math.floor(0.9 * (filters - 1))] ?? Number.NaN;
  if (most > 0 && most < mostOfBytes) return { range: "bytes", deviation: most };
  // Filters that do nothing say nothing.
  const live = deviations.filter((one) => one > 0.01 * most);
  const median = live[Math.floor(live.length / 2)] ?? Number.NaN;
  return median > leastOfUnits && wasNormalized(graph) ? { range: "unit", deviation: median } : undefined;
}

/** What may come behind a convolution, besides activations, without changing what its scale means. */
const followers = new Set(["Conv", "Add", "Mul", "Div", "MaxPool", "AveragePool", "PRelu", "LRN"]);

/** Whether the network has what is trained with normalizations: residual connections, or convolutions of single channels. */
function wasNormalized({ nodes, initializers }: Graph): boolean {
  const signs = nodes.filter((node) => {
    if (node.opType === "Add" || node.opType === "Sum") return node.inputs.every((name) => !initializers.has(name));
    return (
      node.opType === "Conv" &&
      attributesOf(node).int("group", 1) > 1 &&
      initializers.get(node.inputs[1])?.shape[1] === 1
    );
  });
  return signs.length >= leastSigns;
}
