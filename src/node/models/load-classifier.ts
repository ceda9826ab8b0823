/** @file Classifiers from ONNX files on disk. */
import { readFileSync } from "node:fs";
import {
  type Classifier,
  type ClassifierOptions,
  createClassifier,
  loadedOptionKeys,
} from "../../classifier/classifier.ts";
import { decodeText } from "../../classifier/labels/decode-text.ts";
import { builtInLabels } from "../../classifier/labels/labels.ts";
import { readLabels } from "../../classifier/labels/read-labels.ts";
import { BadInputError, checkKeys, kindOf, MisuseError } from "../../errors.ts";
import { checkRuntime, describeRuntime } from "../../runtime/runtime.ts";
import { type LoadedModel, loadModelFile } from "./load-model.ts";
import { machineMemory } from "./machine-memory.ts";
import { readBesideModel } from "./read-beside-model.ts";

export interface LoadClassifierOptions extends Omit<ClassifierOptions, "where" | "weightsFolder"> {
  /** As a list, as the name of a built-in one ("imagenet", "cifar10"), or as the path of a file of names. */
  readonly labels?: readonly string[] | string;
}

/** A classifier that knows which file it came from. */
export interface FileClassifier extends Classifier {
  readonly file: Omit<LoadedModel, "model">;
  withNames(...names: Parameters<Classifier["withNames"]>): FileClassifier;
  withPreprocessing(...guess: Parameters<Classifier["withPreprocessing"]>): FileClassifier;
  decision(...label: Parameters<Classifier["decision"]>): FileClassifier;
}

/**
 * The classifier in the ONNX file at `path`. With onnxruntime-node as the runtime, large weights are not read into memory:
 * the runtime takes them from the file, which must stay in place while the classifier is in use.
 *
 * Throws a MisuseError if there is no such file or an option cannot be meant, a BadInputError for a file that is no ONNX
 * model or damaged, and an UnsupportedError for a model that is no image classifier or has operators without a rule.
 */
export async function loadClassifier(path: string, options: LoadClassifierOptions): Promise<FileClassifier> {
  checkKeys("loadClassifier", options, loadedOptionKeys);
  checkRuntime("loadClassifier", options?.runtime);
  if (typeof path !== "string") {
    throw new MisuseError({
      where: "loadClassifier",
      what: "not the path of a model",
      expected: 'a string, such as "model.onnx"',
      got: kindOf(path),
    });
  }
  const { model, ...file } = loadModelFile(path);
  const { labels } = options;
  const beside = options.beside ?? readBesideModel(path);
  const readsFiles = describeRuntime(options.runtime).startsWith("onnxruntime-node");
  const classifier = createClassifier(model, {
    ...options,
    where: path,
    runtimeLog: options.runtimeLog ?? Boolean(process.env.PERCEPTUAL_BALL_DEBUG),
    beside,
    machineMemory: options.machineMemory ?? machineMemory(),
    labels: typeof labels === "string" ? labelsOf(labels) : labels,
    weightsFolder: readsFiles ? file.folder : undefined,
  });
  return withFile(classifier, file);
}

function withFile(classifier: Classifier, file: FileClassifier["file"]): FileClassifier {
  return {
    ...classifier,
    file,
    withNames: (names) => withFile(classifier.withNames(names), file),
    withPreprocessing: (guess) => withFile(classifier.withPreprocessing(guess), file),
    decision: (label) => withFile(classifier.decision(label), file),
  };
}

/** The name of a built-in list as it is, or the names in the file of this path; throws a BadInputError where that cannot be read. */
export function labelsOf(list: string): string | readonly string[] {
  return Object.hasOwn(builtInLabels, list) ? list : readLabelFile(list);
}

const whyNotRead: ReadonlyMap<string | undefined, string> = new Map([
  ["ENOENT", "no such file"],
  ["EISDIR", "is a folder"],
]);

/** The names in a file; throws a BadInputError where it cannot be read. */
function readLabelFile(path: string): readonly string[] {
  let text: string;
  try {
    text = decodeText(readFileSync(path));
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new BadInputError(
      {
        where: path,
        what: whyNotRead.get(code) ?? `cannot be read (${message})`,
        expected: `a file of class names (lines, CSV or JSON), or one of ${Object.keys(builtInLabels).join(", ")}`,
      },
      { cause },
    );
  }
  return readLabels(text, path);
}
