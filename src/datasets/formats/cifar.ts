/**
 * @file The binary batches of CIFAR-10 and CIFAR-100 (Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html).
 *
 * A file is a row of records without a header. A record of CIFAR-10 is one byte of label (0 to 9) and 3072 bytes of pixels: 1024
 * of red, then green, then blue, each row by row. A record of CIFAR-100 has the coarse label (0 to 19) in front of the fine one
 * (0 to 99). `data_batch_1.bin` to `data_batch_5.bin` and `train.bin` are for training, `test_batch.bin` and `test.bin` for testing.
 */

import { BadInputError, oneOf } from "../../errors.ts";
import type { Picture } from "../../image/picture.ts";
import { matchClassList } from "../class-labels.ts";
import { type Dataset, type DatasetImage, type DatasetProblem, finishDataset } from "../dataset.ts";
import { called, type DatasetFormatDefinition, hasFile, hasFolder } from "../dataset-format.ts";
import type { DatasetSource, FileEntry } from "../dataset-source.ts";
import { mapConcurrently } from "../map-concurrently.ts";
import { splitOfName } from "../parts.ts";
import { baseName, byCodeUnits, joinPath, withoutExtension } from "../paths.ts";
import { leftOut, type ReaderContext } from "../reader.ts";
import { cifar10Classes, cifar100Classes } from "./cifar-classes.ts";

const side = 32;
const plane = side * side;

/** What tells the two sets apart. */
const variants = {
  cifar10: {
    classes: cifar10Classes,
    labelBytes: 1,
    files: /^(data_batch_\d+|test_batch)\.bin$/,
    official: "cifar-10-batches-bin",
  },
  cifar100: { classes: cifar100Classes, labelBytes: 2, files: /^(train|test)\.bin$/, official: "cifar-100-binary" },
} as const;

export type CifarName = keyof typeof variants;

/** Whether a file of this name is a batch of the set, by the names of the official files. */
function isCifarFile(cifar: CifarName, name: string): boolean {
  return variants[cifar].files.test(name);
}

/** One record of a batch. */
export interface CifarRecord {
  /** The class; for CIFAR-100 the fine one. */
  readonly label: number;
  readonly picture: Picture;
}

/** Bytes per record: 3073 or 3074. */
export function cifarRecordLength(cifar: CifarName): number {
  return variants[cifar].labelBytes + 3 * plane;
}

/** The record in `bytes`, which are as many as {@link cifarRecordLength} says. */
export function decodeCifarRecord(cifar: CifarName, bytes: Uint8Array): CifarRecord {
  const { labelBytes } = variants[cifar];
  const data = new Uint8Array(3 * plane);
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < 3; c++) data[3 * i + c] = bytes[labelBytes + c * plane + i];
  }
  return { label: bytes[labelBytes - 1], picture: { width: side, height: side, channels: 3, data } };
}

/**
 * The records of the batches at `path`: a folder with the official files, the folder that holds the official folder, or one file.
 * Images are called by file and number, such as "test_batch/42"; the files' bytes stay in memory.
 *
 * Throws a BadInputError that gives the numbers of bytes if a file is cut short, and if there is no batch of the wanted split.
 */
export async function readCifar(cifar: CifarName, path: string, context: ReaderContext): Promise<Dataset> {
  const { source, selection, classes, labels, signal } = context;
  const names = variants[cifar].classes;
  const split = context.split === undefined ? undefined : oneOf("cifar: split", context.split, ["train", "test"]);
  const files = (await batchFiles(cifar, path, source)).filter((file) => {
    return split === undefined || splitOfBatch(file) === split;
  });
  const { lookups, notes } = matchClassList(names, classes);
  const batches = await mapConcurrently(
    files,
    async (file) => {
      const bytes = await source.readBytes(file);
      const count = recordCount(cifar, file, bytes.length);
      const name = withoutExtension(baseName(file));
      return Array.from({ length: count }, (_, index) => ({
        id: `${name}/${index}`,
        split: splitOfBatch(file),
        bytes,
        index,
      }));
    },
    { limit: 2, signal },
  );
  const length = cifarRecordLength(cifar);
  const images: DatasetImage[] = [];
  const problems: DatasetProblem[] = [];
  for (const { id, split, bytes, index } of selection.pictures(batches.flat())) {
    const record = bytes.subarray(index * length, (index + 1) * length);
    const label = record[variants[cifar].labelBytes - 1];
    const lookup = labels === "predicted" ? undefined : lookups[label];
    if (label >= names.length) {
      problems.push({
        kind: "malformed-annotation",
        image: id,
        message: `label ${label} is not one of ${names.length}; left out`,
      });
    } else if (lookup !== undefined && "reason" in lookup) {
      problems.push(...leftOut(id, "unknown-class", lookup.reason).problems);
    } else {
      const picture = async (): Promise<Picture> => decodeCifarRecord(cifar, record).picture;
      const stored = async function* (): AsyncGenerator<Uint8Array> {
        yield record;
      };
      images.push({ id, label: lookup?.label, className: names[label], split, picture, stored });
    }
  }
  const found = [...selection.problems, ...problems];
  return finishDataset(path, {
    name: cifar,
    classNames: classes?.names ?? names,
    listedClasses: names,
    images,
    problems: found,
    notes,
  });
}

function splitOfBatch(file: string): "train" | "test" {
  return splitOfName(baseName(file)) ?? "test";
}

function recordCount(cifar: CifarName, where: string, bytes: number): number {
  const length = cifarRecordLength(cifar);
  const count = Math.floor(bytes / length);
  if (count > 0 && count * length === bytes) return count;
  throw new BadInputError({
    where,
    what: bytes === 0 ? "is empty" : `is cut short, or no batch of ${cifar}`,
    expected: `a multiple of ${length} bytes (${variants[cifar].labelBytes} of label and ${3 * plane} of pixels each)`,
    got: `${bytes} (${count} records and ${bytes - count * length} bytes)`,
    advice: "Copy or download the file again.",
  });
}

/** The batches at `path`, in the order of their names. */
async function batchFiles(cifar: CifarName, path: string, source: DatasetSource): Promise<readonly string[]> {
  if ((await source.exists(path)) === "file") return [path];
  const { official } = variants[cifar];
  const entries = await source.list(path);
  const inside = entries.find(({ name, kind }) => kind === "folder" && name === official);
  const files = entries.filter(({ name, kind }) => kind === "file" && isCifarFile(cifar, name));
  if (files.length > 0) return files.map(({ name }) => joinPath(path, name)).sort(byCodeUnits);
  if (inside !== undefined) return batchFiles(cifar, joinPath(path, official), source);
  throw new BadInputError({
    where: path,
    what: `there are no batches of ${cifar}`,
    expected: cifar === "cifar10" ? "data_batch_1.bin … or test_batch.bin" : "train.bin or test.bin",
    got:
      entries.length === 0
        ? "an empty folder"
        : entries
            .slice(0, 5)
            .map(({ name }) => name)
            .join(", "),
    advice: "These are the files of the “binary version” on the set's page; the Python version has other ones.",
  });
}

export const cifar10Format = {
  name: "cifar10",
  description: "binary batches of CIFAR-10; an entry per record",
  recognition: {
    files: "data_batch_1.bin, test_batch.bin or cifar-10-batches-bin/",
    folder: (entries) => hasBatch("cifar10", entries),
    file: { named: "a batch of CIFAR (.bin)", fits: (name) => /\.bin$/i.test(name) && !isCifarFile("cifar100", name) },
  },
  options: ["split"],
  read: (path, context) => readCifar("cifar10", path, context),
} as const satisfies DatasetFormatDefinition;

export const cifar100Format = {
  name: "cifar100",
  description: "binary batches of CIFAR-100; an entry per record",
  recognition: {
    files: "train.bin, test.bin or cifar-100-binary/",
    folder: (entries) => hasBatch("cifar100", entries),
    file: { named: "train.bin or test.bin", fits: (name) => isCifarFile("cifar100", name) },
  },
  options: ["split"],
  read: (path, context) => readCifar("cifar100", path, context),
} as const satisfies DatasetFormatDefinition;

function hasBatch(cifar: CifarName, entries: readonly FileEntry[]): boolean {
  return hasFile((name) => isCifarFile(cifar, name))(entries) || hasFolder(called(variants[cifar].official))(entries);
}
