/** @file Which layers the perceptual term compares: the paper's, the released code's, and a choice for any network. */
import type { Classifier } from "../../classifier/classifier.ts";
import {
  type Anatomy,
  anatomyOf,
  type FeatureGrid,
  holdsReals,
  isFeature,
  isRounding,
} from "../../classifier/network/feature-grids.ts";
import { isActivation, type Layer } from "../../classifier/network/layers.ts";
import { MisuseError } from "../../errors.ts";
import { type Node, producersOf } from "../../onnx/model.ts";
import { hasTrait, type OperatorName } from "../../onnx/operators/table.ts";

/**
 * The paper's layers {3, 8, 15, 22} of VGG-19 with BatchNormalization, where every operation counts, from 0: the second
 * convolution, the normalizations after the third and the fifth, and the seventh ReLU.
 *
 * Exporters fold BatchNormalization into the convolutions, which shifts the numbers. A chain that begins like such a VGG
 * (Conv, Relu, Conv, Relu, pool) is therefore counted as if the normalizations were there: the output of a folded
 * convolution is that of its normalization. Deviation: the second convolution before its normalization no longer exists
 * then; the folded one takes its place. Any other network is counted as it is.
 */
export function paperLayers(classifier: Classifier): Layer[] {
  const layers = countedLayers(classifier);
  const numbers = [3, 8, 15, 22];
  if (beginsLikeFoldedVgg(layers)) {
    const conv = layers.filter((layer) => layer.operator === "Conv");
    const relu = layers.filter((layer) => layer.operator === "Relu");
    const chosen = [conv[1], conv[2], conv[4], relu[6]];
    if (chosen.every((layer) => layer !== undefined)) return chosen;
  }
  return numbered(layers, numbers);
}

/**
 * The layers {5, 10, 15} of section 5, counted from 0 as operations of the paper's CIFAR-10 network: the second ReLU, the fourth
 * convolution and the normalization after the fifth.
 *
 * A chain that begins like a VGG and has its normalizations folded is counted as if they were there, as {@link paperLayers} does.
 * Deviation: the fourth convolution is then the folded one. Networks with fewer operations get {@link automaticLayers}.
 */
export function detectionLayers(classifier: Classifier): Layer[] {
  const layers = countedLayers(classifier);
  if (beginsLikeFoldedVgg(layers)) {
    const conv = layers.filter((layer) => layer.operator === "Conv");
    const relu = layers.filter((layer) => layer.operator === "Relu");
    const chosen = [relu[1], conv[3], conv[4]];
    if (chosen.every((layer) => layer !== undefined)) return chosen;
  }
  const numbers = [5, 10, 15];
  return layers.length > 15 ? numbers.map((index) => layers[index]) : automaticLayers(classifier);
}

/**
 * The layers that numbers count: all of them but what prepares the image, the steps between a quantized network's real numbers and its bytes, and what is
 * computed in bytes, so that a network counts as it was before it was given its normalization or quantized. Where the scales are worked out while it runs
 * (quantize_dynamic), a convolution counts once as it is scaled and once with its bias.
 */
function countedLayers(classifier: Classifier): Layer[] {
  const anatomy = anatomyOf(classifier);
  const isCounted = (layer: Layer): boolean => isFeature(anatomy, layer) && holdsReals(classifier, layer);
  return classifier.layers.filter((layer) => layer.operator !== "DequantizeLinear" && isCounted(layer));
}

function beginsLikeFoldedVgg(layers: readonly Layer[]): boolean {
  const beginning = ["Conv", "Relu", "Conv", "Relu", "MaxPool"];
  const hasNormalization = layers.some((layer) => layer.operator === "BatchNormalization");
  return !hasNormalization && beginning.every((operator, i) => layers[i]?.operator === operator);
}

function numbered(layers: readonly Layer[], numbers: readonly number[]): Layer[] {
  const chosen = numbers.map((index) => layers[index]);
  if (chosen.every((layer) => layer !== undefined)) return chosen;
  throw new MisuseError({
    where: "preset paper",
    what: `layers {${numbers.join(", ")}} do not exist`,
    expected: `numbers from 0 to ${layers.length - 1}`,
    advice: "Choose layers for this network with --layers (option layers).",
  });
}

/**
 * The released code's layers: the outputs of the fifth to the tenth ReLU (relu3_1 to relu4_2 of VGG-19). Other activations
 * count where a network has no ReLU; a network with fewer gives the middle ones it has.
 */
export function releasedLayers(classifier: Classifier): Layer[] {
  const layers = countedLayers(classifier);
  const relus = layers.filter((layer) => layer.operator === "Relu");
  const activations = relus.length > 0 ? relus : layers.filter(isActivation);
  if (activations.length >= 10) return activations.slice(4, 10);
  const third = Math.floor(activations.length / 3);
  const middle = activations.slice(third, Math.max(third + 1, activations.length - third));
  if (middle.length > 0) return middle;
  throw new MisuseError({
    where: "preset released",
    what: "the network has no activation layers",
    advice: "Choose layers for this network with --layers (option layers).",
  });
}

/** As many as the paper compares. */
const mostStages = 4;

/**
 * Layers for a network of any architecture: what enters each step that makes the feature maps smaller, the image, also a normalized one, and the
 * final pooling excepted – the end of each stage, as in the perceptual loss of Johnson, Alahi and Fei-Fei (2016); the first
 * four of them, since comparing the coarsest maps as well makes the perturbation less focused (energy inside the box on
 * SqueezeNet 1.1: 1.2 times what chance gives, against 1.6). Networks with attention, or with channels last, give the last sum or
 * normalization of each resolution but the coarsest; those that keep one resolution four of their residual sums, evenly spaced,
 * or of their activations.
 */
export function automaticLayers(classifier: Classifier): Layer[] {
  const anatomy = anatomyOf(classifier);
  const { grids, cuts, lastAttention } = anatomy;
  const isReal = (layer: Layer): boolean => isFeature(anatomy, layer) && holdsReals(classifier, layer);
  const ways = grids.filter((grid) => {
    const { layer } = grid;
    return cellsOf(grid) > 1 && cuts.has(layer.name) && isReal(layer) && !isMove({ opType: layer.operator });
  });
  const isMixing = lastAttention !== undefined || ways.some(({ cellStride }) => cellStride > 1);
  const stages = isMixing ? stagesOf(ways) : stepsDown(classifier, anatomy);
  if (stages.length >= 2) return stages.slice(0, mostStages);
  const way = ways.map(({ layer }) => layer);
  const sums = way.filter(({ operator }) => operator === "Add");
  const choices = [
    sums.length < mostStages ? [] : sums,
    way.filter(isActivation),
    way,
    classifier.layers.slice(0, -1).filter(isReal),
  ];
  const pool = choices.find((choice) => choice.length > 0) ?? [];
  const count = Math.min(mostStages, pool.length);
  return Array.from({ length: count }, (_, i) => pool[Math.floor(((i + 0.5) * pool.length) / count)]);
}

/** Whether an operator moves values about and computes none. */
function isMove(node: OperatorName): boolean {
  return hasTrait(node, "moves") || node.opType === "Pad";
}

/** The last layer of each resolution but the coarsest, of layers that every way passes through. */
function stagesOf(ways: readonly FeatureGrid[]): Layer[] {
  const stages = new Map(ways.map((grid) => [cellsOf(grid), grid.layer]));
  return [...stages]
    .filter(([cells]) => cells > 1)
    .slice(0, -1)
    .map(([, layer]) => layer);
}

/** What enters each step down in resolution: one layer for each, the last one, which the branches of a stage have joined. */
function stepsDown(classifier: Classifier, anatomy: Anatomy): Layer[] {
  const { layers, prepared } = classifier;
  const { graph } = prepared;
  const producers = producersOf(graph);
  const byName = new Map(layers.map((layer) => [layer.name, layer]));
  const isPassedOn = (node: Node): boolean => isMove(node) || isRounding(classifier, node);
  const cells = new Map(anatomy.grids.map((grid) => [grid.layer.name, cellsOf(grid)]));
  /** The layer that computed what a value holds, before it was rounded to bytes; undefined for the image. */
  const sourceOf = (name: string): Layer | undefined => {
    let source = name;
    for (let node = producers.get(name); node !== undefined && isPassedOn(node); node = producers.get(source)) {
      [source] = node.inputs;
    }
    return byName.get(source);
  };
  const stages = new Map<number, Layer>();
  for (const { inputs, outputs } of graph.nodes) {
    const after = cells.get(outputs[0]) ?? 0;
    for (const name of inputs) {
      const before = cells.get(name);
      // A convolution without padding takes a row and a column away: no step.
      if (before === undefined || after <= 1 || before < 2 * after || before >= 9 * after) continue;
      const source = sourceOf(name);
      const previous = stages.get(before);
      if (source === undefined || !isFeature(anatomy, source) || !holdsReals(classifier, source)) continue;
      if (source.index >= (previous?.index ?? 0)) stages.set(before, source);
    }
  }
  return [...stages.values()];
}

function cellsOf({ height, width }: FeatureGrid): number {
  return height * width;
}
