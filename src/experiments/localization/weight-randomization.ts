/**
 * @file The sanity check of saliency maps: a map that looks at the network changes when the network's weights are randomized.
 *
 * Source: Adebayo, Gilmer, Muelly, Goodfellow, Hardt and Kim, "Sanity Checks for Saliency Maps", 2018 (the paper's reference
 * [1]): cascading randomization, layer by layer from the top.
 */
import type { Classifier } from "../../classifier/classifier.ts";
import type { PreparedModel } from "../../classifier/network/prepare-model.ts";
import type { DatasetImage } from "../../datasets/dataset.ts";
import { checkForm, checkKeys, numberIn } from "../../errors.ts";
import { blur } from "../../image/gaussian-blur.ts";
import { structuralSimilarity } from "../../image/structural-similarity.ts";
import { initializerOf, type Model, tensorOfInitializer } from "../../onnx/model.ts";
import { hasTrait } from "../../onnx/operators/table.ts";
import { normal } from "../../random/distributions.ts";
import { createRandom, type Random } from "../../random/random.ts";
import { modelOf } from "../../runtime/session.ts";
import { createExplainer } from "../../saliency/explainer.ts";
import type { SaliencyMap } from "../../saliency/saliency-map.ts";
import type { SmoothingSettings } from "../../saliency/smoothing.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { type Form, isCount, isNumber, isText, objectOf, orNull } from "../records/record-form.ts";
import type { FinishedRecord } from "../records/record-store.ts";
import type { Computed, ExperimentItem } from "../records/run-experiment.ts";
import { spearman } from "../statistics/statistics.ts";
import { localizationKey, type MethodRun, randomPath } from "./protocol.ts";

/** One layer with weights: its node's name or output, and the initializer that holds the weights. */
export interface WeightLayer {
  readonly name: string;
  readonly weights: string;
}

/**
 * The layers whose weights can be randomized (convolutions and matrix products with a constant factor), from the top of the
 * network down. Weights that several layers share are named once, at the topmost of them.
 */
export function weightLayers(prepared: PreparedModel): WeightLayer[] {
  checkForm("weightLayers: prepared", prepared, ["model", "graph", "opsets", "input"]);
  const { graph } = prepared;
  const layers = new Map<string, WeightLayer>();
  for (const node of graph.nodes.toReversed()) {
    if (!hasTrait(node, "weighted")) continue;
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
  checkForm("withRandomWeights: prepared", prepared, ["model", "graph", "opsets", "input"]);
  checkForm("withRandomWeights: count", count, "number");
  const layers = weightLayers(prepared);
  numberIn("withRandomWeights: count", count, { min: 0, max: layers.length, integer: true });
  const initializers = new Map(prepared.graph.initializers);
  for (const [index, { weights }] of layers.slice(0, count).entries()) {
    const initializer = initializers.get(weights);
    if (initializer === undefined) continue;
    const { data, shape } = tensorOfInitializer(initializer, weights);
    const values = redrawn(Float32Array.from(data, Number), createRandom(seed, index));
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

/** At most `most` counts of layers from 1 to `layerCount`, at about equal ratios, the first and the last among them. */
export function cascadeStages(layerCount: number, most = 8): number[] {
  if (layerCount < 1) return [];
  const counts = Array.from({ length: most }, (_, i) => Math.round(layerCount ** (i / Math.max(1, most - 1))));
  return [...new Set(counts)].sort((a, b) => a - b);
}

/** How alike two maps of one picture and method are, before and after the network's topmost layers were randomized. */
export interface RandomizationRecord {
  /** Layers randomized, from the top; `layer` is the last of them. */
  readonly layers: number;
  readonly layer: string;
  /** Spearman's rank correlation; null if one of the maps is constant. */
  readonly rankCorrelation: number | null;
  /** Of the maps scaled to [0, 1]. */
  readonly structuralSimilarity: number;
}

/** Whether a value that was read is a {@link RandomizationRecord}. */
export const isRandomizationRecord: Form<RandomizationRecord> = objectOf<RandomizationRecord>({
  layers: isCount,
  layer: isText,
  rankCorrelation: orNull(isNumber),
  structuralSimilarity: isNumber,
});

/** One picture with one method at one stage of the cascade. */
export interface RandomizationItem extends ExperimentItem {
  readonly image: DatasetImage;
  readonly run: MethodRun;
  readonly layers: number;
}

/** Every picture with every method at every stage, stage by stage, so that one randomized network is open at a time. */
export function randomizationItems(
  images: readonly DatasetImage[],
  runs: readonly MethodRun[],
  stages: readonly number[],
): RandomizationItem[] {
  checkForm("randomizationItems: images", images, "list");
  checkForm("randomizationItems: runs", runs, "list");
  checkForm("randomizationItems: stages", stages, "list");
  return stages.flatMap((layers) =>
    images.flatMap((image) =>
      runs.map((run) => {
        const { image: id, method, options } = localizationKey(image, run);
        return { key: { image: id, method, options: { ...options, layers } }, image, run, layers };
      }),
    ),
  );
}

export interface RandomizationOptions {
  /** Opens a model as the classifier was opened; what it returns is disposed of here. */
  readonly open: (model: Model) => Classifier;
  /** Of the blur that all maps get first, in pixels. */
  readonly sigmaPixels: number;
  /** Of the weights, and of methods that draw. */
  readonly seed: number;
  /** Of every map, by noisy copies of the picture. Default: none. */
  readonly smoothing?: SmoothingSettings | undefined;
}

/** Computes records for `runExperiment`, and lets go of the randomized network at the end. */
export interface RandomizationComputer {
  compute(
    items: readonly RandomizationItem[],
    context: { readonly signal?: AbortSignal },
  ): Promise<Computed<RandomizationRecord>[]>;
  dispose(): Promise<void>;
}

/**
 * The computer of the cascade's records. The class explained is the one that the trained network predicts, throughout; a method that
 * draws draws the same numbers at every stage. The trained network's maps are kept in memory.
 */
export function randomizationComputer(classifier: Classifier, options: RandomizationOptions): RandomizationComputer {
  checkKeys("randomizationComputer", options, ["open", "sigmaPixels", "seed", "smoothing"]);
  checkForm("randomizationComputer: classifier", classifier, ["model", "prepared", "input", "guess"]);
  checkForm("randomizationComputer: options", options, ["open", "sigmaPixels", "seed"]);
  const { open, sigmaPixels, seed, smoothing } = options;
  const layerNames = weightLayers(classifier.prepared).map(({ name }) => name);
  const trained = new Map<string, { readonly label: number; readonly map: SaliencyMap }>();
  let randomized: { readonly layers: number; readonly network: Classifier } | undefined;

  const mapOf = async (
    network: Classifier,
    { key, image, run }: RandomizationItem,
    label: number | undefined,
    signal: AbortSignal | undefined,
  ): Promise<{ label: number; map: SaliencyMap }> => {
    const input = classifier.fit(await image.picture());
    const random = createRandom(seed, randomPath(key));
    const explainer = createExplainer(network, input, { label, smoothing });
    const { explanation } = await explainer.explain(run.method, run.settings, { random, signal });
    return { label: explanation.label, map: blur(explanation.map, { sigmaPixels }) };
  };
  const networkOf = async (layers: number): Promise<Classifier> => {
    if (randomized?.layers !== layers) {
      await randomized?.network.dispose();
      randomized = { layers, network: open(withRandomWeights(classifier.prepared, layers, seed)) };
    }
    return randomized.network;
  };
  return {
    async compute(items, { signal }) {
      const results: Computed<RandomizationRecord>[] = [];
      for (const item of items) {
        const { key, layers } = item;
        const pair = JSON.stringify([key.image, key.method]);
        const before = trained.get(pair) ?? (await mapOf(classifier, item, undefined, signal));
        trained.set(pair, before);
        const after = await mapOf(await networkOf(layers), item, before.label, signal);
        const result = {
          layers,
          layer: layerNames[layers - 1],
          rankCorrelation: spearman(before.map.data, after.map.data) ?? null,
          structuralSimilarity: structuralSimilarity(before.map, after.map),
        };
        results.push({ result });
      }
      return results;
    },
    async dispose() {
      await randomized?.network.dispose();
      randomized = undefined;
    },
  };
}

/** How alike the maps of one method are, before and after `layers` layers were randomized: means over the images. */
export interface SanityStage {
  readonly method: string;
  /** Layers randomized, from the top; `layer` is the last of them. */
  readonly layers: number;
  readonly layer: string;
  /** Spearman's rank correlation of the maps, in [−1, 1]; for a constant map 0. */
  readonly rankCorrelation: number;
  /** Structural similarity of the maps scaled to [0, 1], in [−1, 1]. */
  readonly structuralSimilarity: number;
  readonly images: number;
}

/** The means over the pictures, method by method and stage by stage; a constant map counts as uncorrelated. */
export function summarizeRandomization(records: readonly FinishedRecord<RandomizationRecord>[]): SanityStage[] {
  checkForm("summarizeRandomization: records", records, "list");
  const groups = new Map<string, FinishedRecord<RandomizationRecord>[]>();
  for (const record of records) {
    const name = JSON.stringify([record.key.method, record.result.layers]);
    groups.set(name, [...(groups.get(name) ?? []), record]);
  }
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  return [...groups.values()]
    .map((group) => ({
      method: group[0].key.method,
      layers: group[0].result.layers,
      layer: group[0].result.layer,
      rankCorrelation: mean(group.map(({ result }) => result.rankCorrelation ?? 0)),
      structuralSimilarity: mean(group.map(({ result }) => result.structuralSimilarity)),
      images: group.length,
    }))
    .sort((a, b) => (a.method === b.method ? a.layers - b.layers : a.method < b.method ? -1 : 1));
}
