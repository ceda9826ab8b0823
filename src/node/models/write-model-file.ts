/** @file ONNX models written to disk, all at once or not at all, with their weights inside or beside them. */
import { closeSync, existsSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { BadInputError, checkKeys, oneOf } from "../../errors.ts";
import { modelInParts, sizeOfStorage, writeModel } from "../../onnx/file/write-model.ts";
import type { Initializer, Model } from "../../onnx/model.ts";

export interface WriteModelFileOptions {
  /**
   * Where the weights go. "inside" the file; "beside" it, in `<name>.data`; "auto": inside where that stays below protobuf's
   * 2 GiB, otherwise beside; "reference": external weights stay references to the files that they are in, which fits
   * a model that is written into the folder of the one it was derived from. Default: "auto".
   */
  readonly externalData?: "auto" | "inside" | "beside" | "reference";
}

/** Room that is left for the graph when weights are put inside a file of at most 2 GiB. */
const roomForGraph = 2 ** 27;
/** Weights below this size are shapes, axes and the like, which runtimes want in the file itself. */
const smallestExternal = 1024;
/** Weights start at multiples of a page, so that runtimes can map the file into memory. */
const alignment = 4096;

/**
 * Writes `model` to `path`, creating folders as needed. Nothing is half-written: the files appear under their names once
 * they are complete. A file that the model's own weights are read from must not be overwritten with weights beside it.
 * Throws a BadInputError if the files cannot be written.
 */
export function writeModelFile(path: string, model: Model, options: WriteModelFileOptions = {}): void {
  checkKeys("writeModelFile", options, ["externalData"]);
  const { externalData = "auto" } = options;
  oneOf("writeModelFile: externalData", externalData, ["auto", "inside", "beside", "reference"]);
  const isLarge = weightBytesOf(model) > 2 ** 31 - roomForGraph;
  const place = externalData === "auto" ? (isLarge ? "beside" : "inside") : externalData;
  const target = resolve(path);
  const temporary = (name: string) => join(dirname(target), `.${name}.${process.pid}.tmp`);
  const files = [temporary(basename(target))];
  try {
    mkdirSync(dirname(target), { recursive: true });
    if (place === "beside") {
      const location = `${basename(target)}.data`;
      const data = temporary(location);
      files.push(data);
      const referring = withWeightsIn(model, data, location);
      writeWhole(files[0], [writeModel(referring)]);
      renameSync(data, join(dirname(target), location));
    } else {
      writeWhole(files[0], place === "inside" ? modelInParts(model) : [writeModel(model)]);
    }
    renameSync(files[0], target);
  } catch (cause) {
    for (const file of files.filter((name) => existsSync(name))) rmSync(file);
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === undefined) throw cause;
    throw new BadInputError({ where: path, what: `cannot be written: ${message}` }, { cause });
  }
}

function weightBytesOf(model: Model): number {
  let bytes = 0;
  for (const initializer of model.graph.initializers.values()) bytes += sizeOfStorage(initializer);
  return bytes;
}

/** Writes the larger weights to the file `data` one after another; the model that finds them at `location`. */
function withWeightsIn(model: Model, data: string, location: string): Model {
  const initializers = new Map<string, Initializer>();
  const file = openSync(data, "w");
  let end = 0;
  try {
    for (const [name, initializer] of model.graph.initializers) {
      const { storage } = initializer;
      if (storage.kind === "strings" || sizeOfStorage(initializer) < smallestExternal) {
        const bytes = storage.kind === "external" ? storage.read() : undefined;
        initializers.set(
          name,
          bytes === undefined ? initializer : { ...initializer, storage: { kind: "inline", bytes } },
        );
        continue;
      }
      const read = storage.kind === "external" ? storage.read : () => storage.bytes;
      const bytes = read();
      const offset = Math.ceil(end / alignment) * alignment;
      writeAt(file, bytes, offset);
      end = offset + bytes.byteLength;
      initializers.set(name, {
        ...initializer,
        storage: { kind: "external", location, offset, length: bytes.byteLength, read },
      });
    }
  } finally {
    closeSync(file);
  }
  return { ...model, graph: { ...model.graph, initializers } };
}

function writeWhole(path: string, parts: Iterable<Uint8Array>): void {
  const file = openSync(path, "w");
  let end = 0;
  try {
    for (const part of parts) {
      writeAt(file, part, end);
      end += part.byteLength;
    }
  } finally {
    closeSync(file);
  }
}

function writeAt(file: number, bytes: Uint8Array, offset: number): void {
  let done = 0;
  while (done < bytes.byteLength) {
    done += writeSync(file, bytes, done, Math.min(bytes.byteLength - done, 2 ** 30), offset + done);
  }
}
