/**
 * @file In which range of pixels the outputs of the first convolution vary as those of trained networks do.
 *
 * What a BatchNormalization has seen is gone once it is folded into the convolution before it, but the weights are scaled by it: the outputs that pictures
 * then have vary by about 1. On pixels a hundred times smaller they hardly vary at all, and on such a hundred times larger much more than anything
 * that follows was trained for.
 */
import { attributesOf } from "../../../onnx/attributes.ts";
import type { TypedGraph } from "../../../onnx/infer-shapes.ts";
import { type Graph, type Node, usesOf } from "../../../onnx/model.ts";
import { hasTrait } from "../../../onnx/operators/table.ts";
import { normalizationForChannels, normalizations } from "../preprocessing.ts";
import { momentsOfFilters } from "./natural-pictures.ts";

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
  const weights = first?.opType === "Conv" ? graph.initializers.get(first.inputs[1]) : undefined;
  if (first === undefined || weights?.shape.length !== 4) return undefined;
  const [filters, channels, height, width] = weights.shape;
  if ((channels !== 1 && channels !== 3) || filters < 3 || Math.max(height, width) > largestKernel) return undefined;
  const seen = deviationsSeen(typed, first);
  const strides = attributesOf(first).ints("strides", [1, 1]);
  // Patches that do not overlap are a transformer's, which normalizes them.
  const isOfPatches = height > 1 && strides[0] >= height && strides[1] >= width;
  const next = usesOf(graph).get(first.outputs[0]) ?? [];
  // Whatever normalizes the outputs, written out or not, makes their scale mean nothing, but what it has seen is not folded.
  const isPassedOn = next.every(passesOn);
  if (seen === undefined && (isOfPatches || !isPassedOn)) return undefined;
  const normalization = normalizationForChannels(normalizations.imagenet, channels);
  const moments = momentsOfFilters(weights, normalization, correlationLength);
  const deviations = moments
    .map(({ variance }, o) => Math.sqrt(Math.max(0, variance)) / (seen?.[o] ?? 1))
    .sort((a, b) => a - b);
  const most = deviations[Math.floor(0.9 * (filters - 1))] ?? Number.NaN;
  if (most > 0 && most < mostOfBytes) return { range: "bytes", deviation: most };
  // Filters that do nothing say nothing.
  const live = deviations.filter((one) => one > 0.01 * most);
  const median = live[Math.floor(live.length / 2)] ?? Number.NaN;
  const isOfUnits = median > leastOfUnits && (seen !== undefined || wasNormalized(graph));
  return isOfUnits ? { range: "unit", deviation: median } : undefined;
}

/** The deviations of `first`'s outputs that a BatchNormalization behind it has seen; undefined where there is none. */
function deviationsSeen({ graph, constants }: TypedGraph, first: Node): readonly number[] | undefined {
  const [next, ...others] = usesOf(graph).get(first.outputs[0]) ?? [];
  if (next?.opType !== "BatchNormalization" || others.length > 0) return undefined;
  const variance = constants.get(next.inputs[4])?.data;
  const epsilon = attributesOf(next).float("epsilon", 1e-5);
  return variance === undefined ? undefined : Array.from(variance, (one) => Math.sqrt(Number(one) + epsilon));
}

/** Whether what reads a convolution's output takes its scale as it is: activations, sums and products, pooling, another convolution. */
function passesOn(node: Node): boolean {
  const traits = ["elementwise", "broadcasting", "activation", "channelsFirst"] as const;
  return !hasTrait(node, "normalizing") && traits.some((trait) => hasTrait(node, trait));
}

/** Whether the network has what is trained with normalizations: residual connections, or convolutions of single channels. */
export function wasNormalized({ nodes, initializers }: Graph): boolean {
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
