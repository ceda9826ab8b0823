/** @file A model made usable as an image classifier: pixels in, labels, layers, objectives and gradients out. */
import type { RuleTable } from "../autodiff/rules/index.ts";
import { checkKeys, MisuseError } from "../errors.ts";
import type { ImageTensor, Picture } from "../image/picture.ts";
import type { Graph, Model } from "../onnx/model.ts";
import { createSession, modelOf, type SessionOptions } from "../runtime/session.ts";
import { findLabel } from "./labels/labels.ts";
import { type LabelSource, type Labels, labelCountOf, labelSources, resolveLabels } from "./labels/resolve-labels.ts";
import { type Classification, classificationOf } from "./logits.ts";
import type { InputValue } from "./network/bind-inputs.ts";
import type { HeadKind } from "./network/find-head.ts";
import { type Layer, type LayerSelector, listLayers, selectLayers } from "./network/layers.ts";
import { type ModelWarning, type PreparedModel, prepareModel } from "./network/prepare-model.ts";
import {
  backwardGraph,
  distanceGraph,
  logitsGraph,
  marginGraph,
  type Output,
  outputs,
} from "./passes/network-graphs.ts";
import { type ObjectivePass, objectivePass, type ReferencePass, referencePass } from "./passes/objective.ts";
import { objectiveGraph, type Space } from "./passes/objective-graph.ts";
import type { OpenGraph } from "./passes/pass.ts";
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
  type MarginEvaluation,
  type MarginPass,
  marginPass,
} from "./passes/passes.ts";
import { fitPicture } from "./preprocessing/fit-picture.ts";
import { guessPreprocessing, type PreprocessingGuess } from "./preprocessing/guess-preprocessing.ts";
import {
  checkNormalization,
  type NormalizationName,
  normalizationForChannels,
  normalizations,
  type Preprocessing,
} from "./preprocessing/preprocessing.ts";

export interface ClassifierOptions extends SessionOptions {
  /** How messages call the model, such as its path. Default "model". */
  readonly where?: string;
  /**
   * How pixels become the network's numbers: the name of a usual way ("imagenet", "unit", "symmetric", "caffe", "bytes") or the
   * parts that are known. What is left out is guessed from the model; {@link Classifier.guess} says how.
   */
  readonly preprocessing?: NormalizationName | Partial<Preprocessing>;
  /** Names of the classes: a list, or the name of a built-in one ("imagenet", "cifar10"). */
  readonly labels?: readonly string[] | string;
  /** Height and width where the model leaves them open; default 224. */
  readonly inputSize?: readonly [height: number, width: number];
  /** The value that holds the logits, where it is not found by itself. */
  readonly logits?: string;
  /** What its numbers are, where that is not found by itself: "value" asks what moves a number that is no class. */
  readonly head?: HeadKind;
  /** Values of inputs beside the picture, by name; unused ones and such as "keras_learning_phase" need none. */
  readonly inputs?: Readonly<Record<string, InputValue>>;
  /** Names of classes found in files beside the model, in the order of trust. */
  readonly labelSources?: readonly LabelSource[];
}

export interface ImageInput extends Preprocessing {
  readonly channels: "rgb" | "bgr";
  readonly channelCount: number;
  readonly height: number;
  readonly width: number;
}

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
  readonly space?: Space;
  /** The most images that one call takes. Default 1. */
  readonly batch?: number;
}

export interface Classifier {
  readonly model: Model;
  readonly prepared: PreparedModel;
  readonly input: ImageInput;
  /** What was guessed about the preprocessing, and why; empty where everything was given. */
  readonly guess: PreprocessingGuess;
  readonly classCount: number;
  readonly labels: readonly string[] | undefined;
  /** Where the names come from, or why there are none, a phrase. */
  readonly labelsReason: string;
  /** What a user must know before trusting a result. */
  readonly warnings: readonly ModelWarning[];
  /** The name of a class: its label, or "class 7" where the classes have no names. */
  labelName(index: number): string;
  /** The index of a class given by number or name. */
  findLabel(label: string | number): number;
  readonly layers: readonly Layer[];
  selectLayers(selectors: readonly LayerSelector[]): Layer[];
  /** `picture` resized and cropped as the network's preprocessing says: [C, H, W], pixels in [0, 1]. */
  fit(picture: Picture | ImageTensor): ImageTensor;
  classify(image: ImageTensor, options?: { readonly signal?: AbortSignal }): Promise<Classification>;
  /** The margin of class `label` at `image` and its gradient [C, H, W] under the given backward rules. */
  marginGradient(
    image: ImageTensor,
    label: number,
    options?: { readonly rules?: RuleTable; readonly targeted?: boolean; readonly signal?: AbortSignal },
  ): Promise<MarginEvaluation>;
  /** Logits of up to `batch` images (default 1) in one run. */
  forward(options?: { readonly batch?: number }): Promise<ForwardPass>;
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
  /**
   * Of a multi-label head: the classifier of the decision on one label alone, with the classes "not <label>" and "<label>". Throws a
   * MisuseError for other heads. It shares nothing with this one and is disposed of by itself.
   */
  decision(label: number): Classifier;
  /** The same model with its pixels prepared otherwise: a classifier of its own, with sessions of its own. */
  withPreprocessing(guess: PreprocessingGuess): Classifier;
  /** Releases all sessions. */
  dispose(): Promise<void>;
}

const optionKeys = [
  "runtime",
  "threads",
  "providers",
  "weightsFolder",
  "lowMemory",
  "blocked",
  "where",
  "preprocessing",
  "labels",
  "inputSize",
  "logits",
  "head",
  "inputs",
  "labelSources",
] as const satisfies readonly (keyof ClassifierOptions)[];

/**
 * A classifier from an ONNX model. Nothing runs until it is asked for something. Throws a PerceptualBallError that says what
 * is missing if the model is no image classifier, and names every operator that is not supported.
 */
export function createClassifier(model: Model, options: ClassifierOptions): Classifier {
  checkKeys("createClassifier", options, optionKeys);
  const { where = "model", runtime, threads, providers, weightsFolder, lowMemory, blocked } = options;
  const sessionOptions = { runtime, threads, providers, weightsFolder, lowMemory, blocked };
  const given =
    typeof options.preprocessing === "string"
      ? namedNormalization(options.preprocessing)
      : checkNormalization(`${where}: preprocessing`, options.preprocessing ?? {});
  const { labels, logits, head, inputs, inputSize } = options;
  const sources = labelSources(labels, model, where, options.labelSources);
  const labelCount = labelCountOf(sources);
  const prepared = prepareModel(model, {
    ...{ where, logits, head, inputs, inputSize },
    ...{ labelCount, layout: given.layout },
  });
  const typed = prepared.typed(prepared.fixedBatch ?? 1);
  return assemble(guessPreprocessing(prepared, typed, given), {
    where,
    prepared,
    names: namesOf(prepared, sources, where),
    layers: listLayers(typed),
    sessionOptions,
  });
}

/** The names of the classes; those of a number are the ways in which it can change. */
function namesOf(prepared: PreparedModel, sources: readonly LabelSource[], where: string): Labels {
  const { model, classCount, channels, height, width, head } = prepared;
  if (head.kind === "value" && head.count === 1) {
    return { labels: ["lower", "higher"], reason: "the output is a number", warnings: [] };
  }
  return resolveLabels({ sources, model, where, classCount, channels, height, width });
}

/** What does not depend on how pixels are prepared. */
interface Parts {
  readonly where: string;
  readonly prepared: PreparedModel;
  readonly names: Labels;
  readonly layers: readonly Layer[];
  readonly sessionOptions: SessionOptions;
}

function assemble(guess: PreprocessingGuess, parts: Parts): Classifier {
  const { where, prepared, layers, sessionOptions } = parts;
  const { labels } = parts.names;
  const { model, height, width, classCount, channels } = prepared;
  const { preprocessing } = guess;
  const input: ImageInput = {
    ...preprocessing,
    ...normalizationForChannels(preprocessing, channels),
    channelCount: channels,
    height,
    width,
  };
  const owned = new Map<string, Promise<OpenGraph>>();
  const tables: (RuleTable | undefined)[] = [undefined];
  /** The session of the graph that `key` stands for: one for all that ask for the same. */
  const open = (key: readonly unknown[], graphOf: () => Graph): Promise<OpenGraph> => {
    const name = JSON.stringify(key);
    const existing = owned.get(name);
    if (existing !== undefined) return existing;
    const create = async (): Promise<OpenGraph> => {
      const graph = graphOf();
      return {
        graph,
        session: await createSession(modelOf(graph, { opsets: prepared.opsets }), sessionOptions),
        where,
      };
    };
    const created = create();
    owned.set(name, created);
    // What could not be made is not kept: the next caller gets the error of its own attempt.
    created.catch(() => owned.delete(name));
    return created;
  };
  const numberOf = (rules: RuleTable | undefined): number => {
    if (!tables.includes(rules)) tables.push(rules);
    return tables.indexOf(rules);
  };
  const graphOptions = { space: "pixels", normalization: input } as const;
  const forward: Classifier["forward"] = async ({ batch: most = 1 } = {}) => {
    const batch = prepared.batchFor(most);
    return forwardPass(await open(["logits", batch], () => logitsGraph(prepared, { ...graphOptions, batch })), most);
  };
  const marginGradients: Classifier["marginGradients"] = async ({ batch: most = 1, rules } = {}) => {
    const batch = prepared.batchFor(most);
    const graph = (): Graph => marginGraph(prepared, { ...graphOptions, batch, rules });
    return marginPass(await open(["margin", batch, numberOf(rules)], graph), most, classCount);
  };
  const openDistances = ({ layers: compared, further = [], batch: most = 1 }: DistanceOptions): Promise<OpenGraph> => {
    const batch = prepared.batchFor(most);
    const names = [...compared, ...further].map((layer) => layer.name);
    const options = { ...graphOptions, batch, layers: names, compared: compared.length };
    return open(["distances", batch, names, compared.length], () => distanceGraph(prepared, options));
  };
  const openObjective = ({ layers: compared, space = "pixels", batch: most = 1 }: ObjectiveOptions) => {
    const batch = prepared.batchFor(most);
    const names = compared.map((layer) => layer.name);
    const options = { space, normalization: input, batch, layers: names };
    return open(["objective", space, batch, names], () => objectiveGraph(prepared, options));
  };
  async function backward(options: BackwardOptions & { readonly input?: true }): Promise<BackwardPass>;
  async function backward(options: BackwardOptions & { readonly input: false }): Promise<LayerPass>;
  async function backward(options: BackwardOptions): Promise<BackwardPass | LayerPass> {
    const { of, batch: most = 1, rules, layers: wanted = [], input: reachesInput = true, fold = true } = options;
    if (!outputs.includes(of)) throw unknownOutput(of);
    const batch = prepared.batchFor(most);
    const names = wanted.map((layer) => layer.name);
    const key = ["backward", of, batch, numberOf(rules), names, reachesInput, fold];
    const graph = (): Graph =>
      backwardGraph(prepared, { ...graphOptions, of, batch, rules, layers: names, input: reachesInput, fold });
    const opened = await open(key, graph);
    return reachesInput ? backwardPass(opened, most, wanted) : layerPass(opened, most, wanted);
  }
  const checkImage = (image: ImageTensor): ImageTensor => {
    const [c, h, w] = image.shape;
    if (image.shape.length === 3 && c === channels && h === height && w === width) return image;
    throw new MisuseError({
      where: "classifier",
      what: "the image does not have the network's size",
      expected: `[${channels}, ${height}, ${width}]`,
      got: `[${image.shape.join(", ")}]`,
      advice: "classifier.fit() resizes and crops a picture.",
    });
  };

  return {
    model,
    prepared,
    input,
    guess,
    classCount,
    labels,
    labelsReason: parts.names.reason,
    warnings: [...prepared.warnings, ...parts.names.warnings, ...(guess.warnings ?? [])],
    labelName: (index) => labels?.[index] ?? `class ${index}`,
    findLabel: (label) => findLabel(label, labels, classCount),
    layers,
    selectLayers: (selectors) => selectLayers(layers, selectors),
    fit: (picture) => fitPicture(picture, input),
    async classify(image, options) {
      const [logits] = await (await forward()).run([checkImage(image).data], options);
      return classificationOf(logits);
    },
    async marginGradient(image, label, { rules, targeted, signal } = {}) {
      const pass = await marginGradients({ rules });
      const [result] = await pass.run([{ image: checkImage(image).data, classIndex: label, targeted }], { signal });
      return result;
    },
    forward,
    backward,
    marginGradients,
    async features(options) {
      const { layers: compared, further = [], batch = 1 } = options;
      return featurePass(await openDistances(options), batch, [...compared, ...further], compared.length);
    },
    async distances(options) {
      return distancePass(await openDistances(options), options.batch ?? 1, options.layers.length);
    },
    async references(options) {
      return referencePass(await openObjective(options), options.batch ?? 1, options.layers, classCount);
    },
    async objective(options) {
      return objectivePass(await openObjective(options), options.batch ?? 1, options.layers, classCount);
    },
    decision(label) {
      const decided = prepared.decision(label);
      const name = labels?.[label] ?? `label ${label}`;
      const names = { ...parts.names, labels: [`not ${name}`, name], warnings: [] };
      const own = listLayers(decided.typed(decided.fixedBatch ?? 1));
      return assemble(guess, { ...parts, prepared: decided, names, layers: own });
    },
    withPreprocessing: (other) => assemble(other, parts),
    async dispose() {
      const opened = await Promise.allSettled(owned.values());
      owned.clear();
      await Promise.all(opened.map((one) => (one.status === "fulfilled" ? one.value.session.dispose() : undefined)));
    },
  };
}

function unknownOutput(of: Output): MisuseError {
  return new MisuseError({
    where: "classifier.backward",
    what: "no such output",
    expected: `one of ${outputs.join(", ")}`,
    got: JSON.stringify(of),
  });
}

function namedNormalization(name: string): Partial<Preprocessing> {
  const preset = normalizations[name as NormalizationName];
  if (preset !== undefined) return preset;
  throw new MisuseError({
    where: "preprocessing",
    what: "unknown name",
    expected: `one of ${Object.keys(normalizations).join(", ")}`,
    got: JSON.stringify(name),
  });
}
