/** @file All passes of a network: which graph each runs, and one session for all that ask for the same. */
import type { RuleTable } from "../../autodiff/rules/index.ts";
import { checkForm, checkKeys, kindOf, MisuseError, numberIn, oneOf } from "../../errors.ts";
import type { Graph } from "../../onnx/model.ts";
import type { SessionOptions } from "../../runtime/session.ts";
import { checkReals } from "../network/feature-grids.ts";
import type { Layer } from "../network/layers.ts";
import type { PreparedModel } from "../network/prepare-model.ts";
import type { Normalization } from "../preprocessing/preprocessing.ts";
import { type ExtensionOptions, type ExtensionPass, extensionGraph, extensionPass } from "./extension.ts";
import { type LpipsDistancePass, type LpipsPass, lpipsDistancePass, lpipsPass } from "./lpips.ts";
import { lpipsGraph } from "./lpips-graph.ts";
import {
  backwardGraph,
  distanceGraph,
  leastClasses,
  logitsGraph,
  marginGraph,
  passOutputs,
  tailGraph,
} from "./network-graphs.ts";
import { type ObjectivePass, objectivePass, type ReferencePass, referencePass } from "./objective.ts";
import { type ObjectiveSpace, objectiveGraph } from "./objective-graph.ts";
import { openGraphs } from "./open-graphs.ts";
import type { OpenGraph } from "./pass.ts";
import {
  type BackwardOptions,
  type BackwardPass,
  backwardPass,
  type DistancePass,
  distancePass,
  type FeaturePass,
  type ForwardPass,
  featurePass,
  forwardPass,
  type LayerPass,
  layerPass,
  type MarginPass,
  marginPass,
  type TailPass,
  tailPass,
} from "./passes.ts";

/** Which layers a distance compares. */
export interface DistanceOptions {
  readonly layers: readonly Layer[];
  /** Layers whose values are wanted of the clean images besides. Default none. */
  readonly further?: readonly Layer[];
  /** The most images that one call takes. Default 1. */
  readonly batch?: number;
}

/** Which layers an objective compares. */
export interface ObjectiveOptions {
  readonly layers: readonly Layer[];
  /** Where images live: in pixels (default), or in the numbers that the network sees. */
  readonly space?: ObjectiveSpace;
  /** The most images that one call takes. Default 1. */
  readonly batch?: number;
}

/** Which layers an LPIPS distance compares. */
export interface LpipsOptions {
  readonly layers: readonly Layer[];
  /** The most images that one call takes. Default 1. */
  readonly batch?: number;
}

/** The passes of a network. Sessions are made when they are first asked for, and kept while there is memory for them. */
export interface NetworkPasses {
  /** Logits of up to `batch` images (default 1) in one run. */
  forward(options?: { readonly batch?: number }): Promise<ForwardPass>;
  /** Logits of up to `batch` images (default 1) if `layer` had other values; only what comes behind the layer is computed, where that is possible. */
  tail(options: { readonly layer: Layer; readonly batch?: number }): Promise<TailPass>;
  /** A pass back from any cotangent of the logits or what follows them, to layers and, unless `input` is false, to the image. */
  backward(options: BackwardOptions & { readonly input?: true }): Promise<BackwardPass>;
  backward(options: BackwardOptions & { readonly input: false }): Promise<LayerPass>;
  /** Margins of up to `batch` images (default 1) with their gradients under the given backward rules. */
  marginGradients(options?: { readonly batch?: number; readonly rules?: RuleTable }): Promise<MarginPass>;
  /** What {@link distances} with the same options measures by: features and their norms. */
  features(options: DistanceOptions): Promise<FeaturePass>;
  /** Logits with the distances to clean images in the given layers, computed in the run. */
  distances(options: DistanceOptions): Promise<DistancePass>;
  /** What {@link objective} with the same options compares with: clean images with their features. */
  references(options: ObjectiveOptions): Promise<ReferencePass>;
  /** Objective (4), comparing the given layers. */
  objective(options: ObjectiveOptions): Promise<ObjectivePass>;
  /** Logits with the LPIPS distance to other images in the given layers. */
  lpipsDistances(options: LpipsOptions): Promise<LpipsDistancePass>;
  /** The same with the gradient of the margin and of the distance, weighed for each image. */
  lpips(options: LpipsOptions): Promise<LpipsPass>;
  /** What the nodes of an extension compute of logits and layers, in the same run, with the gradient of one of their results where it is wanted. */
  extended(options: ExtensionOptions): Promise<ExtensionPass>;
  /** Releases all sessions, once the runs under way have ended; no pass can be opened or run afterwards. */
  dispose(): Promise<void>;
}

export interface NetworkPassesOptions {
  /** How messages call the model. */
  readonly where: string;
  readonly normalization: Normalization;
  readonly sessionOptions: SessionOptions;
  /** Bytes that open sessions may take together, by their shapes. */
  readonly sessionMemory: number;
}

/** The passes of `prepared`, of which none is open yet. */
export function networkPasses(
  prepared: PreparedModel,
  { where, normalization, sessionOptions, sessionMemory }: NetworkPassesOptions,
): NetworkPasses {
  const { classCount } = prepared;
  const { open, dispose } = openGraphs(prepared, { where, sessionOptions, sessionMemory });
  const inPixels = { space: "pixels", normalization } as const;
  const tables: (RuleTable | undefined)[] = [undefined];
  const numberOf = (rules: RuleTable | undefined): number => {
    if (!tables.includes(rules)) tables.push(rules);
    return tables.indexOf(rules);
  };

  const extensions: ExtensionOptions["extension"][] = [];
  const namesOfResults = new WeakMap<ExtensionOptions["extension"], readonly string[]>();
  const numberOfExtension = (extension: ExtensionOptions["extension"]): number => {
    if (!extensions.includes(extension)) extensions.push(extension);
    return extensions.indexOf(extension);
  };

  const checkCompared = (name: string, layers: readonly Layer[]): readonly Layer[] =>
    checkReals(name, { prepared }, checkLayers(name, layers));

  const openDistances = (options: DistanceOptions, further: readonly Layer[], most: number): Promise<OpenGraph> => {
    const batch = prepared.batchFor(most);
    const layers = [...options.layers, ...further].map((layer) => layer.name);
    const compared = options.layers.length;
    const graph = (): Graph => distanceGraph(prepared, { ...inPixels, batch, layers, compared });
    return open(["distances", batch, layers, compared], graph);
  };
  const checkedDistances = (name: string, options: DistanceOptions) => {
    checkKeys(name, options, ["layers", "further", "batch"]);
    checkCompared(`${name}: layers`, options?.layers);
    const further = checkLayers(`${name}: further`, options.further ?? []);
    return { further, most: checkBatch(name, options.batch) };
  };
  const openObjective = async (name: string, options: ObjectiveOptions) => {
    checkKeys(name, options, ["layers", "space", "batch"]);
    const layers = checkCompared(`${name}: layers`, options?.layers);
    const space = oneOf(`${name}: space`, options.space ?? "pixels", ["pixels", "network"]);
    const most = checkBatch(name, options.batch);
    const batch = prepared.batchFor(most);
    const names = layers.map((layer) => layer.name);
    const graph = (): Graph => objectiveGraph(prepared, { space, normalization, batch, layers: names });
    return { opened: await open(["objective", space, batch, names], graph), most, layers };
  };

  const openLpips = async (name: string, options: LpipsOptions, hasGradient: boolean) => {
    checkKeys(name, options, ["layers", "batch"]);
    const layers = checkCompared(`${name}: layers`, options?.layers);
    if (layers.length === 0) {
      throw new MisuseError({
        where: `${name}: layers`,
        what: "there are no layers to compare",
        expected: "one at least",
      });
    }
    const most = checkBatch(name, options.batch);
    const batch = prepared.batchFor(most);
    const names = layers.map((layer) => layer.name);
    const graph = (): Graph => lpipsGraph(prepared, { ...inPixels, batch, layers: names, hasGradient });
    return { opened: await open(["lpips", hasGradient, batch, names], graph), most, layers };
  };

  async function backward(options: BackwardOptions & { readonly input?: true }): Promise<BackwardPass>;
  async function backward(options: BackwardOptions & { readonly input: false }): Promise<LayerPass>;
  async function backward(options: BackwardOptions): Promise<BackwardPass | LayerPass> {
    checkKeys("backward", options, ["of", "batch", "rules", "scaled", "baseline", "layers", "input", "fold"]);
    const of = oneOf("backward: of", options?.of, passOutputs);
    numberIn(`backward: classes of the model for ${of}`, classCount, { min: leastClasses[of], integer: true });
    const { rules, input = true, fold = true, scaled = false, baseline = false } = options;
    const most = checkBatch("backward", options.batch);
    const wanted = checkLayers("backward: layers", options.layers ?? []);
    const batch = prepared.batchFor(most);
    const layers = wanted.map((layer) => layer.name);
    const plan = { of, batch, rules, scaled, baseline, layers, input, fold };
    const graph = (): Graph => backwardGraph(prepared, { ...inPixels, ...plan });
    const opened = await open(["backward", { ...plan, rules: numberOf(rules) }], graph);
    return input ? backwardPass(opened, most, wanted) : layerPass(opened, most, wanted);
  }

  return {
    async forward(options) {
      checkKeys("forward", options, ["batch"]);
      const most = checkBatch("forward", options?.batch);
      const batch = prepared.batchFor(most);
      return forwardPass(await open(["logits", batch], () => logitsGraph(prepared, { ...inPixels, batch })), most);
    },
    async tail(options) {
      checkKeys("tail", options, ["layer", "batch"]);
      const [layer] = checkLayers("tail: layer", [options.layer]);
      const most = checkBatch("tail", options.batch);
      const batch = prepared.batchFor(most);
      const graph = (): Graph => tailGraph(prepared, { ...inPixels, batch, layer: layer.name });
      return tailPass(await open(["tail", batch, layer.name], graph), most, layer);
    },
    backward,
    async marginGradients(options) {
      checkKeys("marginGradients", options, ["batch", "rules"]);
      const rules = options?.rules;
      const most = checkBatch("marginGradients", options?.batch);
      const batch = prepared.batchFor(most);
      const graph = (): Graph => marginGraph(prepared, { ...inPixels, batch, rules });
      return marginPass(await open(["margin", batch, numberOf(rules)], graph), most, classCount);
    },
    async features(options) {
      const { further, most } = checkedDistances("features", options);
      const opened = await openDistances(options, further, most);
      return featurePass(opened, most, [...options.layers, ...further], options.layers.length);
    },
    async distances(options) {
      const { further, most } = checkedDistances("distances", options);
      return distancePass(await openDistances(options, further, most), most, options.layers.length);
    },
    async references(options) {
      const { opened, most, layers } = await openObjective("references", options);
      return referencePass(opened, most, layers, classCount);
    },
    async objective(options) {
      const { opened, most, layers } = await openObjective("objective", options);
      return objectivePass(opened, most, layers, classCount);
    },
    async lpipsDistances(options) {
      const { opened, most, layers } = await openLpips("lpipsDistances", options, false);
      return lpipsDistancePass(opened, most, layers);
    },
    async lpips(options) {
      const { opened, most, layers } = await openLpips("lpips", options, true);
      return lpipsPass(opened, most, layers, classCount);
    },
    async extended(options) {
      checkKeys("extended", options, ["extension", "batch", "gradientOf"]);
      checkForm("extended: options", options, ["extension"]);
      const { extension, gradientOf } = options;
      checkForm("extended: extension", extension, ["append"]);
      checkLayers("extended: layers", extension.layers ?? []);
      const most = checkBatch("extended", options.batch);
      const batch = prepared.batchFor(most);
      let names = namesOfResults.get(extension);
      const graph = (): Graph => {
        const built = extensionGraph(prepared, { ...inPixels, batch, extension, gradientOf });
        names = built.names;
        namesOfResults.set(extension, built.names);
        return built.graph;
      };
      const opened = await open(["extended", batch, numberOfExtension(extension), gradientOf ?? ""], graph);
      return extensionPass(opened, most, { extension, gradientOf }, names ?? []);
    },
    dispose,
  };
}

function checkBatch(name: string, batch: number | undefined): number {
  return numberIn(`${name}: batch`, batch ?? 1, { min: 1, integer: true });
}

function checkLayers(where: string, layers: readonly Layer[]): readonly Layer[] {
  const isLayer = (layer: unknown): boolean => typeof (layer as Partial<Layer> | undefined)?.name === "string";
  if (Array.isArray(layers) && layers.every(isLayer)) return layers;
  throw new MisuseError({
    where,
    what: "not a list of layers",
    expected: "some of the classifier's layers",
    got: kindOf(layers),
    advice: "classifier.selectLayers([…]) finds layers by name.",
  });
}
