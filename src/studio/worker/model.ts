/** @file The model that is open: read once, made a classifier as the user says, and described for the page. */
import { type Classifier, type ClassifierOptions, createClassifier } from "../../classifier/classifier.ts";
import { builtInLabels } from "../../classifier/labels/labels.ts";
import { readLabels } from "../../classifier/labels/read-labels.ts";
import { anatomyOf } from "../../classifier/network/feature-grids.ts";
import { decidesEachLabel, describeHead } from "../../classifier/network/head/head.ts";
import { inspectModel } from "../../classifier/network/inspect-model.ts";
import type { ModelWarning } from "../../classifier/network/prepare-model.ts";
import { fullScaleOf } from "../../classifier/preprocessing/preprocessing.ts";
import { BadInputError, MisuseError } from "../../errors.ts";
import { describeGeometry } from "../../image/geometry.ts";
import type { Model } from "../../onnx/model.ts";
import { parseNumber } from "../../options/parse.ts";
import { bytesOf, readModelFile } from "../../web/load-classifier.ts";
import type { FileView, LayerView, ModelChoices, ModelView, NetworkView } from "../protocol.ts";
import type { Engine } from "./engine.ts";

/** A model with what the user chose for it. */
export interface OpenModel {
  readonly name: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly model: Model;
  /** Undefined where the model does not work. */
  readonly classifier: Classifier | undefined;
  /** What was known of its pixels before pictures were looked at, once they have been. */
  readonly guess?: Classifier["guess"];
  readonly view: ModelView;
}

/** Larger files do not fit into a page's memory together with the graphs that are made of them. */
export const mostModelBytes = 300e6;

/** Bytes of the machine, of which a model may need a quarter; of WebAssembly's four gigabytes a model with its gradients fits into two. */
function pageMemory(): number {
  const { deviceMemory = 8 } = navigator as { readonly deviceMemory?: number };
  return Math.min(8, deviceMemory) * 2 ** 30;
}

/** The bytes of a file that the page hands over or that lies beside it. Throws a BadInputError where it cannot be read. */
export async function fileBytes({ name, blob, address }: FileView): Promise<Uint8Array> {
  if (blob === undefined) return bytesOf(address, fetch);
  try {
    return new Uint8Array(await blob.arrayBuffer());
  } catch (cause) {
    throw new BadInputError({ where: name, what: "cannot be read; it may have been moved or changed" }, { cause });
  }
}

/** The model of `file`, with the files of weights among `beside`. */
export async function openModel(
  file: FileView,
  beside: readonly FileView[],
  choices: ModelChoices,
  engine: Engine,
): Promise<OpenModel> {
  const sizes = [file, ...beside].map(({ blob }) => blob?.size ?? 0);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total > mostModelBytes) throw tooLarge(file.name, total);
  const bytes = await fileBytes(file);
  if (bytes.length > mostModelBytes) throw tooLarge(file.name, bytes.length);
  const externalData = Object.fromEntries(
    await Promise.all(beside.map(async (each) => [each.name, await fileBytes(each)] as const)),
  );
  const named = new File([bytes as Uint8Array<ArrayBuffer>], file.name);
  const model = await readModelFile(named, { externalData });
  const digest = await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>);
  const sha256 = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return describe({ name: file.name, sha256, bytes: bytes.length, model }, choices, engine);
}

/** The same model, opened as the user now says. */
export function reopenModel(
  { name, sha256, bytes, model }: OpenModel,
  choices: ModelChoices,
  engine: Engine,
): Promise<OpenModel> {
  return describe({ name, sha256, bytes, model }, choices, engine);
}

async function describe(
  file: Pick<OpenModel, "name" | "sha256" | "bytes" | "model">,
  choices: ModelChoices,
  engine: Engine,
): Promise<OpenModel> {
  const options = { ...classifierOptions(choices), ...(await besideOptions(choices, file.name)) };
  const { runtime, providers } = engine;
  const { inspection, classifier } = inspectModel(file.model, () =>
    createClassifier(file.model, { ...options, runtime, providers, machineMemory: pageMemory(), where: file.name }),
  );
  const { layers: _, ...about } = inspection;
  const { name, sha256, bytes } = file;
  const network = classifier === undefined ? undefined : await networkView(classifier);
  return { ...file, classifier, view: { name, sha256, bytes, inspection: about, network } };
}

function tooLarge(name: string, bytes: number): BadInputError {
  return new BadInputError({
    where: name,
    what: "is too large for a page",
    expected: `at most ${mostModelBytes / 1e6} MB`,
    got: `${Math.round(bytes / 1e6)} MB`,
    advice: `Outside of the browser there is no such limit: perceptual-ball explain picture.jpg --model ${name}`,
  });
}

function classifierOptions(choices: ModelChoices): Omit<ClassifierOptions, "runtime"> {
  const { normalization, mean, std, scale, channels, labels, labelsFile = "labels", logits, inputSize } = choices;
  const numbers = {
    ...(given(mean) ? { mean: numbersOf("mean", mean) } : {}),
    ...(given(std) ? { std: numbersOf("std", std) } : {}),
    ...(given(scale) ? { scale: scale === "symmetric" ? ("symmetric" as const) : Number(scale) } : {}),
    ...(given(channels) ? { channels: channels as "rgb" | "bgr" } : {}),
  };
  const preprocessing = normalization ?? (Object.keys(numbers).length > 0 ? numbers : undefined);
  return {
    ...(preprocessing === undefined ? {} : { preprocessing }),
    ...(given(labels) ? { labels: labels in builtInLabels ? labels : readLabels(labels, labelsFile) } : {}),
    ...(given(logits) ? { logits: logits.trim() } : {}),
    ...(given(inputSize) ? { inputSize: sizeOf(inputSize) } : {}),
  };
}

/** What the files say that were handed over with the model, as they do on disk. */
async function besideOptions(
  { configs = [] }: ModelChoices,
  model: string,
): Promise<Pick<ClassifierOptions, "beside">> {
  if (configs.length === 0) return {};
  const { readHandedOver } = await import("../../classifier/beside/read-beside.ts");
  return { beside: readHandedOver(configs, model) };
}

function given(text: string | undefined): text is string {
  return text !== undefined && text.trim() !== "";
}

function numbersOf(name: string, text: string): number[] {
  return text
    .split(/[\s,;]+/)
    .filter((part) => part !== "")
    .map((part) => parseNumber(name, part));
}

function sizeOf(text: string): readonly [number, number] {
  const [height, width = height] = text.split(/\s*[x×,]\s*/).map(Number);
  if (Number.isInteger(height) && Number.isInteger(width) && height > 0 && width > 0) return [height, width];
  throw new MisuseError({ where: "input size", what: "not a size", expected: "224, or height x width", got: text });
}

/** Browsers give pictures of 8 bits alone. */
function stretched({ input }: Classifier): ModelWarning[] {
  const fullScale = fullScaleOf(input);
  if (fullScale === undefined) return [];
  const message = `the model takes samples from 0 to ${fullScale}, and a browser gives pictures 8 bits: white is taken as ${fullScale}. The command line reads files of 16 bits as they are`;
  return [{ code: "full-scale", message }];
}

export async function networkView(classifier: Classifier): Promise<NetworkView> {
  const [{ techniqueViews }, { knowsScenes }] = await Promise.all([
    import("./techniques.ts"),
    import("./knows-scenes.ts"),
    // Needed by the first run, which then waits for nothing.
    import("./runs.ts"),
  ]);
  const { prepared, input, guess, labelsReason, warnings, classCount } = classifier;
  const { head } = prepared;
  const isSeparate = decidesEachLabel(classifier.prepared.head);
  const grids = new Set(anatomyOf(classifier).grids.map(({ layer }) => layer.name));
  return {
    classes: Array.from({ length: classCount }, (_, index) => classifier.labelName(index)),
    labelsReason,
    input: { channels: input.channelCount, height: input.height, width: input.width },
    head: describeHead(head),
    isOrderAssumed: input.channelCount === 3 && !guess.hasKnownChannels,
    geometryReason: guess.geometryReason,
    otherLogits: head.alternatives.map(({ value }) => value),
    preprocessing: guess.preprocessing,
    preprocessingName: guess.name,
    preprocessingReason: guess.reason,
    geometry: describeGeometry(input.geometry),
    warnings: [...warnings, ...stretched(classifier)],
    layers: classifier.layers.map(
      ({ index, name, operator, ordinal, shape, parameters }): LayerView => ({
        ...{ index, name, shape, parameters },
        pattern: `${operator}[${ordinal}]`,
        isSpatial: grids.has(name),
      }),
    ),
    ...techniqueViews(classifier),
    isSeparate,
    canFitDetector: !isSeparate && knowsScenes(classifier),
  };
}
