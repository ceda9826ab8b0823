/// <reference lib="es2024.arraybuffer" />
/**
 * @file ONNX files on disk: loaded with their weights left where they are.
 *
 * A loaded model refers to its large weights as external data *inside the user's own file* (its name, where the raw bytes
 * start, how many there are), so the buffer that the file was read into can be reclaimed, and any model derived from it
 * stays small when it is written. onnxruntime-node 1.30 reads such weights from the file itself, if the session that is
 * created from the derived model's bytes is told the folder: see {@link weightsFolderOption}.
 */
import { createHash } from "node:crypto";
import { closeSync, existsSync, openSync, readSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { create } from "@bufbuild/protobuf";
import {
  type ModelProto,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProto_DataType,
} from "onnx-buf";
import { BadInputError, MisuseError } from "../../errors.ts";
import type { ExternalReader } from "../../onnx/file/external-data.ts";
import { modelOfProto, parseModelProto } from "../../onnx/file/read-model.ts";
import type { Model } from "../../onnx/model.ts";

/** A file that holds weights of a model beside it. */
export interface WeightsFile {
  /** Relative to the model's folder. */
  readonly location: string;
  readonly path: string;
  readonly bytes: number;
  /** Computes the hash of the whole file, which may be many GiB: on demand only. */
  readonly sha256: () => string;
}

export interface LoadedModel {
  readonly model: Model;
  /** Absolute path of the file as it was given. */
  readonly path: string;
  /** The folder that the locations of external weights are relative to: that of the file itself, symbolic links followed. */
  readonly folder: string;
  /** Size of the model's file. */
  readonly bytes: number;
  /** Hash of the model's file in hexadecimal, as `sha256sum` prints it; files of weights beside it have their own. */
  readonly sha256: string;
  readonly weightsFiles: readonly WeightsFile[];
}

/** Weights of at least this many bytes stay in the file; onnxruntime reads smaller ones (shapes, axes) during its own inference of shapes. */
const smallestExternal = 16 * 1024;

/** Protobuf's limit on one file. */
const largestFile = 2 ** 31 - 1;

/**
 * The part of an onnxruntime session's options with which a model given as bytes finds its external weights in `folder`.
 * Works in onnxruntime-node; in a browser pass the weights as `externalData` or inline.
 */
export function weightsFolderOption(folder: string) {
  return { extra: { session: { model_external_initializers_file_folder_path: folder } } };
}

/**
 * The model in the file at `path`. The file is read once; weights of at least 16 KiB become `external` storage that is
 * read from it on demand, smaller ones, typed fields and tensors inside of nodes stay in memory. The file must stay in place
 * and unchanged while the model is in use.
 *
 * Throws a MisuseError if there is no such file; a BadInputError that says what is wrong with it: no ONNX model, damaged,
 * or weights in files that are missing, too short, or outside of the model's folder (after following symbolic links; a
 * model that is itself a link may have its weights beside the link or beside the file it leads to).
 */
export function loadModelFile(path: string): LoadedModel {
  const bytes = readWhole(path);
  const { byteLength } = bytes;
  const proto = parseModelProto(bytes, path);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const file = realpathSync(path);
  releaseBuffer(proto, bytes, basename(file));
  // Not left to the garbage collector, which sees no need until long after the runtime has read the weights once more.
  (bytes.buffer as ArrayBuffer).resize(0);
  const weights = new WeightsFiles(path, file, byteLength);
  const model = modelOfProto(proto, path, weights.read);
  weights.throwIfMissing();
  return {
    model,
    path: resolve(path),
    folder: dirname(file),
    bytes: byteLength,
    sha256,
    weightsFiles: weights.describe(),
  };
}

/** All of a file, in a buffer that can be given back by resizing it. */
function readWhole(path: string): Uint8Array {
  if (!existsSync(path)) {
    throw new MisuseError({ where: path, what: "there is no such file", advice: "Check the path of the model." });
  }
  const stats = statSync(path);
  if (!stats.isFile()) {
    const got = stats.isDirectory() ? "a folder" : "a device or pipe";
    throw new BadInputError({ where: path, what: "not an ONNX model", expected: "a file", got });
  }
  if (stats.size > largestFile) {
    throw new BadInputError({
      where: path,
      what: "the file is too large",
      expected: "at most 2 GiB, protobuf's limit",
      got: `${stats.size} bytes`,
      advice: "Export the model with external data.",
    });
  }
  return readInto(new Uint8Array(new ArrayBuffer(stats.size, { maxByteLength: stats.size })), path, 0, path);
}

/** `length` bytes at `offset` of a file. */
function readRange(path: string, offset: number, length: number, where: string): Uint8Array {
  return readInto(new Uint8Array(length), path, offset, where);
}

/** `bytes`, filled with what a file holds from `offset` on. */
function readInto(bytes: Uint8Array, path: string, offset: number, where: string): Uint8Array {
  const { length } = bytes;
  let done = 0;
  try {
    const file = openSync(path, "r");
    try {
      while (done < length) {
        const count = readSync(file, bytes, done, Math.min(length - done, 2 ** 30), offset + done);
        if (count === 0) break;
        done += count;
      }
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    throw new BadInputError(
      { where, what: `cannot be read: ${cause instanceof Error ? cause.message : cause}` },
      { cause },
    );
  }
  if (done === length) return bytes;
  throw new BadInputError({
    where,
    what: `${path} has become shorter since it was loaded`,
    expected: `${length} bytes at ${offset}`,
    got: String(done),
    advice: "Keep the model's files in place and unchanged while it is in use.",
  });
}

/** Makes `proto` independent of the file's buffer: large weights become references into the file, other bytes are copied. */
function releaseBuffer(proto: ModelProto, file: Uint8Array, location: string): void {
  const visit = (message: object): void => {
    if (isTensor(message) && message.rawData.byteLength >= smallestExternal) {
      const range = {
        location,
        offset: message.rawData.byteOffset - file.byteOffset,
        length: message.rawData.byteLength,
      };
      message.externalData = Object.entries(range).map(([key, value]) =>
        create(StringStringEntryProtoSchema, { key, value: String(value) }),
      );
      message.dataLocation = TensorProto_DataLocation.EXTERNAL;
      Reflect.deleteProperty(message, "rawData");
    }
    for (const [key, value] of Object.entries(message)) {
      if (value instanceof Uint8Array) {
        if (value.buffer === file.buffer) Reflect.set(message, key, value.slice());
      } else if (typeof value === "object" && value !== null) visit(value);
    }
  };
  visit(proto);
}

function isTensor(message: object): message is TensorProto {
  const { $typeName, dataType } = message as Partial<TensorProto>;
  return $typeName === "onnx.TensorProto" && dataType !== TensorProto_DataType.STRING;
}

/** A file that weights are read from; `location` is undefined where no path inside the model's folder leads to it. */
interface OpenedFile {
  readonly path: string;
  readonly location: string | undefined;
  readonly bytes: number;
}

/** The files of weights that a model names, each checked once; the model's own file is the first. */
class WeightsFiles {
  readonly #where: string;
  readonly #file: string;
  readonly #opened = new Map<string, OpenedFile>();
  readonly #missing = new Set<string>();

  constructor(where: string, file: string, bytes: number) {
    this.#where = where;
    this.#file = file;
    const location = basename(file);
    this.#opened.set(location, { path: file, location, bytes });
  }

  readonly read: ExternalReader = (given, offset, length, where) => {
    const file = this.#opened.get(given) ?? this.#open(given, where);
    if (file === undefined) return { kind: "inline", bytes: new Uint8Array() };
    const { path, location, bytes } = file;
    if (offset + length > bytes) {
      throw new BadInputError({
        where,
        what: `external data beyond the end of ${given}`,
        expected: `at least ${offset + length} bytes`,
        got: String(bytes),
        advice: "The file is cut off or belongs to another model; download it again.",
      });
    }
    const read = () => readRange(path, offset, length, where);
    if (location === undefined) return { kind: "inline", bytes: read() };
    return { kind: "external", location, offset, length, read };
  };

  #open(given: string, where: string): OpenedFile | undefined {
    const besides = dirname(resolve(this.#where));
    if (!existsSync(join(besides, given))) {
      this.#missing.add(given);
      return undefined;
    }
    const path = realpathSync(join(besides, given));
    const folder = dirname(this.#file);
    if (!isInside(path, realpathSync(besides)) && !isInside(path, folder)) {
      throw new BadInputError({
        where,
        what: "external data outside the model's folder",
        expected: `a file in ${folder}`,
        got: `${JSON.stringify(given)}, a link to ${path}`,
        advice: "Put the file itself beside the model.",
      });
    }
    const stats = statSync(path);
    if (!stats.isFile()) {
      throw new BadInputError({
        where,
        what: `external data in ${given}`,
        expected: "a file",
        got: "a folder or device",
      });
    }
    const location = isInside(path, folder) ? relative(folder, path).replaceAll(sep, "/") : undefined;
    const file = { path, location, bytes: stats.size };
    this.#opened.set(given, file);
    return file;
  }

  throwIfMissing(): void {
    if (this.#missing.size === 0) return;
    const names = [...this.#missing].map((location) => JSON.stringify(location));
    throw new BadInputError({
      where: this.#where,
      what: `the file${names.length > 1 ? "s" : ""} with its weights ${names.length > 1 ? "are" : "is"} missing: ${names.join(", ")}`,
      advice: "Put what was exported or downloaded together into one folder.",
    });
  }

  describe(): WeightsFile[] {
    return [...this.#opened.entries()]
      .filter(([, { path }]) => path !== this.#file)
      .map(([given, { path, location, bytes }]) => ({
        location: location ?? given,
        path,
        bytes,
        sha256: () => hashFile(path, bytes),
      }));
  }
}

function isInside(path: string, folder: string): boolean {
  const inner = relative(folder, path);
  return inner !== ".." && !inner.startsWith(`..${sep}`);
}

function hashFile(path: string, bytes: number): string {
  const hash = createHash("sha256");
  const chunk = 2 ** 24;
  for (let offset = 0; offset < bytes; offset += chunk) {
    hash.update(readRange(path, offset, Math.min(chunk, bytes - offset), path));
  }
  return hash.digest("hex");
}
