/** @file The formats of data sets, and how each is known by its files. */
import { BadInputError, MisuseError } from "../errors.ts";
import { isCifarFile, readCifar } from "./cifar.ts";
import { byCodeUnits, type FileEntry, type FileSource } from "./file-source.ts";
import type { DatasetReader } from "./reader.ts";

/** The readers by the name of their format. */
export const datasetReaders = {
  cifar10: (path, context) => readCifar("cifar10", path, context),
  cifar100: (path, context) => readCifar("cifar100", path, context),
} as const satisfies Record<string, DatasetReader>;

export type DatasetFormat = keyof typeof datasetReaders;

export const datasetFormats = Object.keys(datasetReaders) as readonly DatasetFormat[];

/** What a format is known by in a folder. */
interface Mark {
  /** What is looked for, as a user would see it. */
  readonly files: string;
  readonly isThere: (entries: readonly FileEntry[]) => boolean;
}

function hasFolder(entries: readonly FileEntry[], pattern: RegExp): boolean {
  return entries.some(({ name, kind }) => kind === "folder" && pattern.test(name));
}

const marks: Partial<Record<DatasetFormat, Mark>> = {
  cifar10: {
    files: "data_batch_1.bin, test_batch.bin or cifar-10-batches-bin/",
    isThere: (entries) =>
      entries.some(({ name, kind }) => kind === "file" && isCifarFile("cifar10", name)) ||
      hasFolder(entries, /^cifar-10-batches-bin$/),
  },
  cifar100: {
    files: "train.bin, test.bin or cifar-100-binary/",
    isThere: (entries) =>
      entries.some(({ name, kind }) => kind === "file" && isCifarFile("cifar100", name)) ||
      hasFolder(entries, /^cifar-100-binary$/),
  },
};

/**
 * The format of the data set at `path`, which exists. Throws a BadInputError that lists what was looked for if it is none, and a
 * MisuseError that lists the formats if it may be several.
 */
export async function recognizeDataset(path: string, source: FileSource): Promise<DatasetFormat> {
  if ((await source.exists(path)) === "file") return formatOfFile(path);
  const entries = await source.list(path);
  const fitting = datasetFormats.filter((format) => marks[format]?.isThere(entries));
  if (fitting.length === 1) return fitting[0];
  if (fitting.length > 1) {
    throw new MisuseError({
      where: path,
      what: "the folder may be data sets of several formats",
      expected: "one",
      got: fitting.join(", "),
      advice: `Say which: --data-format ${fitting.join(" or --data-format ")}.`,
    });
  }
  const there = entries.map(({ name, kind }) => (kind === "folder" ? `${name}/` : name)).sort(byCodeUnits);
  throw new BadInputError({
    where: path,
    what: "not recognized as a data set",
    expected: Object.entries(marks)
      .map(([format, mark]) => `${mark.files} (${format})`)
      .join("; "),
    got: there.length === 0 ? "an empty folder" : there.slice(0, 6).join(", ") + (there.length > 6 ? ", …" : ""),
    advice: "Say what it is with --data-format, and where things are with --images and --annotations.",
  });
}

function formatOfFile(path: string): DatasetFormat {
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (isCifarFile("cifar100", name)) return "cifar100";
  if (name.endsWith(".bin")) return "cifar10";
  throw new BadInputError({
    where: path,
    what: "not recognized as a data set",
    expected: "a batch of CIFAR (.bin)",
    advice: "Say what it is with --data-format.",
  });
}
