/** @file Classifiers from ONNX files in a browser: by address, as a file that the user chose, or as bytes. */
import {
  type Classifier,
  type ClassifierOptions,
  createClassifier,
  loadedOptionKeys,
} from "../classifier/classifier.ts";
import { BadInputError, checkKeys, kindOf, MisuseError } from "../errors.ts";
import { readModel } from "../onnx/file/read-model.ts";
import type { Model } from "../onnx/model.ts";
import { checkRuntime, type Runtime } from "../runtime/runtime.ts";
import { loadRuntime, useThreads } from "./load-runtime.ts";

/** Where a file comes from: an address, a Blob (such as the File of an input element), or its bytes. */
export type FileSource = string | URL | Blob | ArrayBuffer | Uint8Array;

export interface ReadModelFileOptions {
  /** The files of weights beside the model, by the name under which the model refers to each. */
  readonly externalData?: Readonly<Record<string, FileSource>>;
  /** Fetches addresses; the environment's own `fetch` by default. */
  readonly fetch?: typeof globalThis.fetch;
}

export interface LoadClassifierOptions
  extends Omit<ClassifierOptions, "where" | "weightsFolder" | "runtime">,
    ReadModelFileOptions {
  /** The module of onnxruntime-web; by default its build for WebAssembly alone, the smallest: see {@link loadRuntime}. */
  readonly runtime?: Runtime;
  /**
   * Threads of WebAssembly; they need a page that is isolated from others, elsewhere there is one. All sessions of a runtime share them, so that
   * the first session decides: see {@link useThreads}.
   */
  readonly threads?: number;
  /**
   * Files that say how pixels are prepared and what the classes are called, by name: all that `perceptual-ball/node` reads beside a model on disk, such as
   * preprocessor_config.json and labels.txt. What single options say goes before. Default none.
   */
  readonly besideFiles?: Readonly<Record<string, FileSource>>;
}

/**
 * The classifier in the ONNX file `source`. Throws a BadInputError if it cannot be fetched or is no ONNX model, and an
 * UnsupportedError if it is no image classifier or has operators without a rule.
 */
export async function loadClassifier(source: FileSource, options: LoadClassifierOptions = {}): Promise<Classifier> {
  checkKeys("loadClassifier", options, [...loadedOptionKeys, "externalData", "fetch", "besideFiles"]);
  const { externalData, fetch, besideFiles, runtime: given, threads, ...classifierOptions } = options;
  const runtime = given === undefined ? await loadRuntime({ threads }) : checkRuntime("loadClassifier", given);
  if (given !== undefined && threads !== undefined) useThreads(given, threads);
  const model = await readModelFile(source, { externalData, fetch });
  const where = nameOf(source);
  const beside = classifierOptions.beside ?? (await readBesideFiles(besideFiles, where, fetch));
  return createClassifier(model, { ...classifierOptions, beside, runtime, where });
}

async function readBesideFiles(
  files: LoadClassifierOptions["besideFiles"] = {},
  model: string,
  fetch: typeof globalThis.fetch = globalThis.fetch,
): Promise<ClassifierOptions["beside"]> {
  const named = Object.entries(files);
  if (named.length === 0) return undefined;
  // Pages that need none of it do not load it.
  const [{ lastPart }, { readHandedOver }, { decodeText }] = await Promise.all([
    import("../classifier/beside/folder.ts"),
    import("../classifier/beside/read-beside.ts"),
    import("../classifier/labels/decode-text.ts"),
  ]);
  const texts = await Promise.all(
    named.map(async ([name, file]) => ({ name, text: decodeText(await bytesOf(file, fetch)) })),
  );
  return readHandedOver(texts, lastPart(model));
}

/** The model in the ONNX file `source`, with what lies beside it. Errors as {@link loadClassifier}. */
export async function readModelFile(source: FileSource, options: ReadModelFileOptions = {}): Promise<Model> {
  checkKeys("readModelFile", options, ["externalData", "fetch"]);
  const { externalData = {}, fetch = globalThis.fetch } = options;
  const where = nameOf(source);
  const read = async (file: FileSource) => bytesOf(file, fetch);
  const [bytes, ...weights] = await Promise.all([read(source), ...Object.values(externalData).map(read)]);
  const files = new Map(Object.keys(externalData).map((name, i) => [name, weights[i]]));
  return readModel(bytes, {
    where,
    external: (location, offset, length) => rangeOf(files.get(location), { where, location, offset, length }),
  });
}

function rangeOf(
  file: Uint8Array | undefined,
  { where, location, offset, length }: { where: string; location: string; offset: number; length: number },
): Uint8Array {
  if (file !== undefined && offset + length <= file.byteLength) return file.subarray(offset, offset + length);
  throw new BadInputError({
    where,
    what: file === undefined ? `its weights in ${JSON.stringify(location)} are missing` : `${location} is too short`,
    expected: file === undefined ? undefined : `at least ${offset + length} bytes`,
    got: file === undefined ? undefined : String(file.byteLength),
    advice: "Pass the files beside the model as the option externalData.",
  });
}

/** How messages call `source`. */
export function nameOf(source: FileSource): string {
  if (typeof source === "string") return source;
  if (source instanceof URL) return source.href;
  const { name } = (source ?? {}) as { readonly name?: unknown };
  return typeof name === "string" ? name : "model";
}

/** The bytes of `source`, without a copy where it holds them already. Throws a BadInputError if it cannot be fetched. */
export async function bytesOf(source: FileSource, fetch: typeof globalThis.fetch): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source;
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (source instanceof Blob) return new Uint8Array(await source.arrayBuffer());
  if (typeof source !== "string" && !(source instanceof URL)) {
    throw new MisuseError({
      where: "loadClassifier",
      what: "not a file",
      expected: "an address, a Blob, or bytes",
      got: kindOf(source),
    });
  }
  let response: Response;
  try {
    response = await fetch(source);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new BadInputError({ where: nameOf(source), what: `cannot be fetched (${reason})` }, { cause });
  }
  if (!response.ok) {
    throw new BadInputError({ where: nameOf(source), what: "cannot be fetched", got: `status ${response.status}` });
  }
  return new Uint8Array(await response.arrayBuffer());
}
