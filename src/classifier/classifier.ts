/** @file A model made usable as an image classifier: pixels in, labels, layers, objectives and gradients out. */
import type { RuleTable } from "../autodiff/rules/index.ts";
import { checkKeys, kindOf, MisuseError } from "../errors.ts";
import type { ImageTensor, Picture } from "../image/picture.ts";
import type { Model } from "../onnx/model.ts";
import { checkRuntime } from "../runtime/runtime.ts";
import { type SessionOptions, sessionOptionKeys } from "../runtime/session.ts";
import { checkClassifierOptions } from "./check-options.ts";
import { firstNoPixel, noPixels } from "./check-pixels.ts";
import { knownNetwork } from "./known-network.ts";
import { findLabel } from "./labels/labels.ts";
import {
  type LabelSources,
  type Labels,
  labelCountOf,
  labelSources,
  type NameSource,
  resolveLabels,
} from "./labels/resolve-labels.ts";
import { keepNamesApart } from "./labels/short-names.ts";
import { type Classification, classificationOf, sigmoidAt } from "./logits.ts";
import type { InputValue } from "./network/bind-inputs.ts";
import { decidesEachLabel, type HeadKind, type StatedHead } from "./network/head/head.ts";
import { embeddingWarnings } from "./network/head/meaning.ts";
import { statedHead } from "./network/head/stated-head.ts";
import { type Layer, type LayerSelector, listLayers, selectLayers } from "./network/layers.ts";
import { type ModelWarning, type PreparedModel, prepareModel } from "./network/prepare-model.ts";
import { type NetworkPasses, networkPasses } from "./passes/network-passes.ts";
import type { MarginEvaluation } from "./passes/passes.ts";
import { fitPicture } from "./preprocessing/fit-picture.ts";
import { guessPreprocessing, type PreprocessingGuess, statedInputSize } from "./preprocessing/guess-preprocessing.ts";
import {
  checkNormalization,
  type NormalizationName,
  normalizationForChannels,
  normalizations,
  type Preprocessing,
} from "./preprocessing/preprocessing.ts";
import type { StatedBeside, StatedPreprocessing } from "./preprocessing/source.ts";

export interface ClassifierOptions extends SessionOptions {
  /**
   * How pixels become the network's numbers: the name of a usual way ("imagenet", "unit", "symmetric", "caffe", "bytes", "mnist") or the
   * parts that are known. What is left out is guessed from the model; {@link Classifier.guess} says how.
   */
  readonly preprocessing?: NormalizationName | Partial<Preprocessing> | StatedPreprocessing;
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
  /**
   * Bytes that a run of the network may need, by its shapes. Default: a quarter of {@link ClassifierOptions.machineMemory}, and no more
   * than an image classifier of its number of weights and pixels could need.
   */
  readonly allowMemory?: number;
  /** The machine's memory in bytes (`loadClassifier` knows it; default 8 GB). */
  readonly machineMemory?: number;
  /**
   * Bytes that the sessions of different graphs, such as those of several methods, may take together while they stay open; beyond that those used the longest
   * time ago are closed, and opened again when they are needed. Default: {@link ClassifierOptions.allowMemory}, or a quarter of the machine's.
   */
  readonly sessionMemory?: number;
  /** What files beside the model say of its preprocessing and of its classes, in the order of trust; given options come before it. */
  readonly beside?: {
    readonly stated?: readonly StatedBeside[];
    readonly labels?: readonly NameSource[];
    readonly warnings?: readonly ModelWarning[];
    /** What the outputs are, where the graph does not show it. */
    readonly head?: StatedHead;
  };
}

export interface ImageInput extends Preprocessing {
  readonly channels: "rgb" | "bgr";
  readonly channelCount: number;
  readonly height: number;
  readonly width: number;
}

export interface Classifier extends NetworkPasses {
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
  /**
   * Of a multi-label head: the classifier of the decision on one label alone, with the classes "not <label>" and "<label>". Throws a
   * MisuseError for other heads. It shares nothing with this one and is disposed of by itself.
   */
  decision(label: number): Classifier;
  /** The same model with its classes called otherwise; as {@link Classifier.withPreprocessing}. */
  withNames(names: Labels): Classifier;
  /** The same model with its pixels prepared otherwise: a classifier of its own, with sessions of its own. */
  withPreprocessing(guess: PreprocessingGuess): Classifier;
}

/** Where nobody says how much there is, as in a page. */
const usualMemory = 2 ** 33;

const classifierOptionKeys = [
  ...sessionOptionKeys,
  "preprocessing",
  "labels",
  "inputSize",
  "logits",
  "head",
  "inputs",
  "allowMemory",
  "machineMemory",
  "sessionMemory",
  "beside",
] as const satisfies readonly (keyof ClassifierOptions)[];

/** Those of {@link ClassifierOptions} that are for whoever loads a model from a file to pass on: where it lies is the loader's to say. */
export const loadedOptionKeys = classifierOptionKeys.filter((key) => key !== "where" && key !== "weightsFolder");

/**
 * A classifier from an ONNX model. Nothing runs until it is asked for something. Throws a PerceptualBallError that says what
 * is missing if the model is no image classifier, and names every operator that is not supported.
 */
export function createClassifier(model: Model, options: ClassifierOptions): Classifier {
  checkKeys("createClassifier", options, classifierOptionKeys);
  checkRuntime("createClassifier", options?.runtime);
  if (!(model?.graph?.initializers instanceof Map)) {
    throw new MisuseError({
      where: "createClassifier",
      what: "not a model",
      expected: "what readModel() or parseModel() returns",
      got: kindOf(model),
      advice: "loadClassifier() takes the path of a file.",
    });
  }
  const { where = "model", runtime, threads, providers, weightsFolder, lowMemory, blocked, runtimeLog } = options;
  checkClassifierOptions(where, options);
  const sessionOptions = { where, runtime, threads, providers, weightsFolder, lowMemory, blocked, runtimeLog };
  const given = givenPreprocessing(options.preprocessing, where);
  const { labels, logits, head, inputs, inputSize } = options;
  const known = knownNetwork(model, where);
  const names = labelSources(labels, model, where, [
    ...(options.beside?.labels ?? []),
    ...(known?.names === undefined ? [] : [known.names]),
  ]);
  const labelCount = labelCountOf(names.sources);
  const stated = [...(options.beside?.stated ?? []), ...(known === undefined ? [] : [known.stated])];
  const prepared = prepareModel(model, {
    ...{ where, logits, head, inputs, inputSize },
    ...{
      statedHead: options.beside?.head ?? statedHead(model.metadata, "the model's metadata"),
      labelCount,
      layout: given.layout,
      usualSize: statedInputSize(model, stated),
    },
    ...{ allowMemory: options.allowMemory, machineMemory: options.machineMemory },
  });
  const typed = prepared.typed(prepared.fixedBatch ?? 1);
  return assemble(guessPreprocessing(prepared, typed, given, stated), {
    where,
    warnings: options.beside?.warnings ?? [],
    prepared,
    names: namesOf(prepared, names, where),
    layers: listLayers(typed),
    sessionOptions,
    sessionMemory: options.sessionMemory ?? options.allowMemory ?? (options.machineMemory ?? usualMemory) / 4,
  });
}

/** The names of the classes; those of a number are the ways in which it can change. */
function namesOf(prepared: PreparedModel, { sources, warnings }: LabelSources, where: string): Labels {
  const { model, classCount, channels, height, width, head } = prepared;
  if (head.kind === "value" && head.count === 1) {
    return { labels: ["lower", "higher"], reason: "the output is a number", warnings: [] };
  }
  const ofOutputs = prepared.classNames ?? [];
  const all: readonly NameSource[] =
    ofOutputs.length === 0
      ? sources
      : [...sources, { names: ofOutputs, reason: "what the outputs are called", where, isGiven: false }];
  const isOneNumber = classCount === 2 && head.count === 1;
  return resolveLabels({ sources: all, warnings, model, where, classCount, isOneNumber, channels, height, width });
}

/** The passes of a head that decides each of its labels by itself: those that compare labels with one another refuse. */
function separatePasses(passes: NetworkPasses, prepared: PreparedModel, where: string): NetworkPasses {
  const refuse = (): Promise<never> => Promise.reject(notSeparately(prepared, where));
  return {
    ...passes,
    backward: ((options: Parameters<NetworkPasses["backward"]>[0]) =>
      options?.of === "logits" ? passes.backward(options) : refuse()) as NetworkPasses["backward"],
    marginGradients: refuse,
    features: refuse,
    distances: refuse,
    references: refuse,
    objective: refuse,
    lpipsDistances: refuse,
    lpips: refuse,
    extended: refuse,
  };
}

function notSeparately({ head }: PreparedModel, where: string): MisuseError {
  return new MisuseError({
    where,
    what: `each of the ${head.count} labels is decided by itself, so that there is no margin between them`,
    expected: "the decision on one label",
    advice: "classifier.decision(label) is the classifier of it; on the command line, --label names it.",
  });
}

/** What does not depend on how pixels are prepared. */
interface Parts {
  readonly where: string;
  readonly prepared: PreparedModel;
  readonly names: Labels;
  readonly warnings: readonly ModelWarning[];
  readonly layers: readonly Layer[];
  readonly sessionOptions: SessionOptions;
  readonly sessionMemory: number;
}

function assemble(guess: PreprocessingGuess, parts: Parts): Classifier {
  const { where, prepared, layers, sessionOptions, sessionMemory } = parts;
  const { labels } = parts.names;
  keepNamesApart(labels ?? []);
  const { model, height, width, classCount, channels } = prepared;
  const { preprocessing } = guess;
  const input: ImageInput = {
    ...preprocessing,
    ...normalizationForChannels(preprocessing, channels),
    channelCount: channels,
    height,
    width,
  };
  const isSeparate = decidesEachLabel(prepared.head);
  const passes = networkPasses(prepared, { where, normalization: input, sessionOptions, sessionMemory });
  /** The pixels of `image`, if it has the network's size and they are numbers. */
  const checkImage = (method: string, image: ImageTensor): Float32Array => {
    const expected = [channels, height, width];
    const { shape, data } = (image ?? {}) as Partial<ImageTensor>;
    const isTensor = Array.isArray(shape) && data instanceof Float32Array;
    const fits = isTensor && shape.length === 3 && shape.every((extent, axis) => extent === expected[axis]);
    if (fits && data.length === channels * height * width) {
      const bad = firstNoPixel(data);
      if (bad < 0) return data;
      throw noPixels(`classifier.${method}`, "the image", data, bad);
    }
    throw new MisuseError({
      where: `classifier.${method}`,
      what: isTensor ? "the image does not have the network's size" : "not an image",
      expected: `${isTensor ? "" : "a float32 tensor "}[${expected.join(", ")}]`,
      got: isTensor ? `[${shape.join(", ")}]${fits ? ` with ${data.length} numbers` : ""}` : kindOf(image),
      advice: isTensor
        ? "classifier.fit() resizes and crops a picture."
        : "readImage() reads a file, classifier.fit() resizes and crops a picture.",
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
    warnings: [
      ...parts.warnings,
      ...prepared.warnings,
      ...(prepared.isMeaningAssumed && labels === undefined ? embeddingWarnings(prepared.head) : []),
      ...parts.names.warnings,
      ...(guess.warnings ?? []),
    ],
    labelName: (index) => labels?.[index] || `class ${index}`,
    findLabel: (label) => findLabel(label, labels, classCount),
    layers,
    selectLayers(selectors) {
      if (Array.isArray(selectors)) return selectLayers(layers, selectors);
      throw new MisuseError({
        where: "classifier.selectLayers",
        what: "not a list of layers",
        expected: 'names, numbers or patterns, such as ["Relu[-1]"]',
        got: kindOf(selectors),
      });
    },
    fit: (picture) => fitPicture(checkPictureOrImage(picture), input),
    async classify(image, options) {
      checkKeys("classifier.classify", options, ["signal"]);
      const data = checkImage("classify", image);
      const [logits] = await (await passes.forward()).run([data], options);
      const found = classificationOf(logits);
      // The most probable label of those that are decided each by itself.
      return isSeparate ? { ...found, confidence: sigmoidAt(logits, found.label) } : found;
    },
    async marginGradient(image, label, options = {}) {
      checkKeys("classifier.marginGradient", options, ["rules", "targeted", "signal"]);
      const { rules, targeted, signal } = options;
      const data = checkImage("marginGradient", image);
      if (isSeparate) throw notSeparately(prepared, where);
      const pass = await passes.marginGradients({ rules });
      const [result] = await pass.run([{ image: data, classIndex: label, targeted }], { signal });
      return result;
    },
    ...(isSeparate ? separatePasses(passes, prepared, where) : passes),
    decision(label) {
      const decided = prepared.decision(label);
      const name = labels?.[label] ?? `label ${label}`;
      const names = { ...parts.names, labels: [`not ${name}`, name], warnings: [] };
      const own = listLayers(decided.typed(decided.fixedBatch ?? 1));
      return assemble(guess, { ...parts, prepared: decided, names, layers: own });
    },
    withNames: (names) => assemble(guess, { ...parts, names }),
    withPreprocessing: (other) => assemble(other, parts),
  };
}

/** `picture`, if it is one or an image; what its sizes must be is checked where it is resized. */
function checkPictureOrImage(picture: Picture | ImageTensor): Picture | ImageTensor {
  const { data } = (picture ?? {}) as { readonly data?: unknown };
  const given: object = typeof picture === "object" && picture !== null ? picture : {};
  if (ArrayBuffer.isView(data) && ("shape" in given || "channels" in given)) {
    const bad = data instanceof Float32Array ? firstNoPixel(data) : -1;
    if (data instanceof Float32Array && bad >= 0) throw noPixels("classifier.fit", "the picture", data, bad);
    return picture;
  }
  throw new MisuseError({
    where: "classifier.fit",
    what: "not a picture",
    expected: "a picture (width, height, channels, data) or an image tensor [C, H, W]",
    got: kindOf(picture),
    advice: "readImage() reads a file and fits it.",
  });
}

/** What the option states, in one form; throws a MisuseError for what cannot be meant. */
function givenPreprocessing(given: ClassifierOptions["preprocessing"] = {}, where: string): StatedPreprocessing {
  if (typeof given === "object" && "normalization" in given) {
    const { normalization, channels, layout } = given;
    checkNormalization(`${where}: preprocessing`, {
      ...normalization,
      ...(channels === undefined ? {} : { channels }),
      ...(layout === undefined ? {} : { layout }),
    });
    return given;
  }
  const parts =
    typeof given === "string" ? namedNormalization(given) : checkNormalization(`${where}: preprocessing`, given);
  const { scale, mean, std, channels, layout, geometry }: Partial<Preprocessing> = parts;
  const numbers = Object.entries({ scale, mean, std }).filter(([, value]) => value !== undefined);
  return {
    ...{ normalization: Object.fromEntries(numbers), channels, layout },
    geometry: geometry === undefined ? undefined : () => geometry,
  };
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
