/**
 * @file The sanity check of saliency maps: a map that looks at the network changes when the network's weights are randomized.
 *
 * Source: Adebayo, Gilmer, Muelly, Goodfellow, Hardt and Kim, "Sanity Checks for Saliency Maps", 2018 (the paper's reference
 * [1]): cascading randomization, layer by layer from the top.
 */
import type { Classifier } from "../classifier/classifier.ts";
import type { PreparedModel } from "../classifier/prepare-model.ts";
import { MisuseError, numberIn } from "../errors.ts";
import { blur } from "../image/gaussian-blur.ts";
import type { ImageTensor } from "../image/picture.ts";
import { structuralSimilarity } from "../image/structural-similarity.ts";
import { initializerOf, type Model, tensorOfInitializer } from "../onnx/model.ts";
import { normal } from "../random/distributions.ts";
import { createRandom, type Random } from "../random/random.ts";
import type { SanityStage } from "../report/localization-summary.ts";
import { modelOf } from "../runtime/session.ts";
import type { MethodOptions, SaliencyMethod } from "../saliency/method.ts";
import type { SaliencyMap } from "../saliency/saliency-map.ts";
import { floatTensor } from "../tensor/tensor.ts";
import { spearman } from "./statistics.ts";

const weightedOperators = new Set(["Conv", "ConvTranspose", "Gemm", "MatMul"]);

/** One layer with weights: its node's name or output, and the initializer that holds the weights. */
export interface WeightLayer {
  readonly name: string;
  readonly weights: string;
}

/**
 * The layers whose weights can be randomized (convolutions and matrix products with a constant factor), from the top of the
 * network down. Weights that several layers share are named once, at the topmost of them.
 */
export function weightLayers({ graph }: PreparedModel): WeightLayer[] {
  const layers = new Map<string, WeightLayer>();
  for (const node of graph.nodes.toReversed()) {
    if (node.domain !== "" || !weightedOperators.has(node.opType)) continue;
    const weights = node.inputs.slice(0, 2).find((input) => graph.initializers.get(input)?.dtype === "float32");
    if (weights === undefined || layers.has(weights)) continue;
    layers.set(weights, { name: node.name === "" ? node.outputs[0] : node.name, weights });
  }
  return [...layers.values()];
}

/**
 * The classifier's model, up to its logits, with the weights of its `count` topmost layers drawn anew: independent normal numbers
 * with the mean and the standard deviation of the weights that they replace. Biases and normalizations stay. One seed gives the
 * same weights to a layer whatever the count, so that the stages of a cascade differ in one layer each.
 *
 * Deviation: Adebayo et al. draw from the distribution that training began with, which an ONNX file does not tell.
 */
export function withRandomWeights(prepared: PreparedModel, count: number, seed = 0): Model {
  const layers = weightLayers(prepared);
  numberIn("withRandomWeights: count", count, { min: 0, max: layers.length, integer: true });
  const initializers = new Map(prepared.graph.initializers);
  for (const [index, { weights }] of layers.slice(0, count).entries()) {
    const { data, shape } = tensorOfInitializer(initializers.get(weights)!, weights);
    const values = redrawn(data as Float32Array, createRandom(seed, index));
    initializers.set(weights, initializerOf(floatTensor(values, shape)));
  }
  return modelOf({ ...prepared.graph, initializers }, { opsets: prepared.opsets, metadata: prepared.model.metadata });
}

function redrawn(values: Float32Array, random: Random): Float32Array {
  let [sum, squares] = [0, 0];
  for (const value of values) sum += value;
  const mean = sum / values.length;
  for (const value of values) squares += (value - mean) ** 2;
  const deviation = Math.sqrt(squares / values.length);
  return Float32Array.from(values, () => normal(random, mean, deviation));
}

export interface WeightRandomizationOptions {
  readonly images: readonly ImageTensor[];
  readonly methods: readonly { readonly name: string; readonly method: SaliencyMethod; readonly settings?: object }[];
  /** Opens a model as the classifier was opened; what it returns is disposed of here. */
  readonly open: (model: Model) => Classifier;
  /** How many layers are randomized, stage by stage; default: see {@link cascadeStages}. */
  readonly stages?: readonly number[];
  /** Of the blur that all maps get first, in pixels. Default 2. */
  readonly sigmaPixels?: number;
  readonly seed?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: { readonly done: number; readonly of: number }) => void;
}

/** At most `most` counts of layers from 1 to `layerCount`, at about equal ratios, the first and the last among them. */
export function cascadeStages(layerCount: number, most = 8): number[] {
  if (layerCount < 1) return [];
  const counts = Array.from({ length: most }, (_, i) => Math.round(layerCount ** (i / Math.max(1, most - 1))));
  return [...new Set(counts)].sort((a, b) => a - b);
}

/**
 * For each stage and method, how much its maps still resemble those of the trained network. The class explained is the one that
 * the trained network predicts, throughout. Throws a MisuseError for stages that the network has not layers enough for.
 */
export async function weightRandomization(
  classifier: Classifier,
  options: WeightRandomizationOptions,
): Promise<SanityStage[]> {
  const { images, methods, open, sigmaPixels = 2, seed = 0, signal, onProgress } = options;
  const layers = weightLayers(classifier.prepared);
  const stages = options.stages ?? cascadeStages(layers.length);
  if (stages.some((count) => !Number.isInteger(count) || count < 1 || count > layers.length)) {
    throw new MisuseError({
      where: "weightRandomization: stages",
      what: "not numbers of layers",
      expected: `integers from 1 to ${layers.length}`,
      got: stages.join(", "),
    });
  }
  const of = (stages.length + 1) * methods.length * images.length;
  let done = 0;
  const labels: number[] = [];
  for (const image of images) labels.push((await classifier.classify(image, { signal })).label);
  const mapsOf = async (
    network: Classifier,
    { method, settings }: (typeof methods)[number],
  ): Promise<SaliencyMap[]> => {
    const maps: SaliencyMap[] = [];
    for (const [index, image] of images.entries()) {
      const given: MethodOptions = { label: labels[index], random: createRandom(seed, index), signal };
      const { map } = await method.explain(network, image, { ...given, settings: { ...settings } });
      maps.push(blur(map, { sigmaPixels }));
      onProgress?.({ done: ++done, of });
    }
    return maps;
  };
  const trained: SaliencyMap[][] = [];
  for (const method of methods) trained.push(await mapsOf(classifier, method));
  const results: SanityStage[] = [];
  for (const count of stages) {
    const network = open(withRandomWeights(classifier.prepared, count, seed));
    try {
      for (const [m, method] of methods.entries()) {
        const maps = await mapsOf(network, method);
        const mean = (similarity: (a: SaliencyMap, b: SaliencyMap) => number): number =>
          maps.reduce((sum, map, i) => sum + similarity(trained[m][i], map), 0) / maps.length;
        results.push({
          method: method.name,
          layers: count,
          layer: layers[count - 1].name,
          rankCorrelation: mean((a, b) => spearman(a.data, b.data) ?? 0),
          structuralSimilarity: mean(structuralSimilarity),
          images: maps.length,
        });
      }
    } finally {
      await network.dispose();
    }
  }
  return results;
}
