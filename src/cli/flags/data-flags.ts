/** @file The flags that say which pictures a benchmark, an attack or a fit works on: the same in every command that takes data. */
import { type Command, Option } from "commander";
import type { Classifier } from "../../classifier/classifier.ts";
import { type Dataset, describeProblems } from "../../datasets/dataset.ts";
import { type DatasetFormat, datasetFormats } from "../../datasets/dataset-formats.ts";
import { type LabelSource, labelSources } from "../../datasets/reader.ts";
import { MisuseError } from "../../errors.ts";
import type { FetchDatasetOptions } from "../../node/data/fetch-dataset.ts";
import { loadDataset } from "../../node/data/load-dataset.ts";
import { readingFor } from "../../node/pictures/read-picture-file.ts";
import { choice, number } from "./parse-values.ts";
import { addPictureFlags, type PictureFlags, pictureOptionsOf } from "./picture-flags.ts";

export interface DataFlags extends PictureFlags {
  readonly data?: string;
  readonly dataFormat?: DatasetFormat;
  readonly images?: string;
  readonly annotations?: string;
  readonly split?: string;
  readonly first?: number;
  readonly list?: string;
  readonly blacklist?: string;
  readonly difficult?: "skip" | "keep";
  readonly cache?: string;
  readonly follow?: boolean;
  readonly label?: LabelSource;
  /** The commands that take data have it; what is said of a model without data needs it. */
  readonly model?: string;
}

/** Adds the flags; `label` only where the command has no flag of that name for something else. */
export function addDataFlags(command: Command, { hasLabelFlag }: { readonly hasLabelFlag: boolean }): Command {
  const add = (flags: string, description: string, parse?: (text: string) => unknown): void => {
    const option = new Option(flags, description).helpGroup("Data:");
    if (parse !== undefined) option.argParser(parse);
    command.addOption(option);
  };
  add("--data <what>", "scenes[:COUNT], cifar10[:FOLDER], cifar100[:FOLDER], or a file or folder of a known format");
  add(
    "--data-format <name>",
    `what the path holds: ${datasetFormats.join(", ")}`,
    choice("--data-format", datasetFormats),
  );
  add("--images <dir>", "folder of the pictures, where it is not the format's");
  add("--annotations <path>", "file or folder of the annotations, where it is not the format's");
  add("--split <name>", "train, val or test, or the name of one of Pascal VOC's or COCO's parts");
  add("--first <n>", "the first n pictures only (of each split)", number("--first", { min: 1, integer: true }));
  add("--list <file>", "only the pictures named in the file, one id or file name per line");
  add("--blacklist <file>", "leave out ImageNet's validation images of these numbers (ILSVRC2014's blacklist)");
  add(
    "--difficult <what>",
    "skip (default) or keep objects marked as difficult",
    choice("--difficult", ["skip", "keep"]),
  );
  add("--follow", "read files that the data set names outside of its own folders, or links to there");
  add("--cache <dir>", "where fetched data sets are kept (default: ~/.cache/perceptual-ball)");
  if (hasLabelFlag) {
    add("--label <source>", "classes from the dataset (default), or predicted ones", choice("--label", labelSources));
  }
  return addPictureFlags(command);
}

/** Whether `--data` means pictures that are somebody's own, and not generated ones. */
export function isOwnData(data: string | undefined): boolean {
  return data !== undefined && !/^scenes(:|$)/.test(data);
}

export interface DatasetOfOptions {
  /** Says in a line how fetching goes, and what is wrong with single entries. */
  readonly note?: (text: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * The data set that the flags mean, Scenes for the classifier that comes with the package, with labels among the classifier's classes. Throws as
 * `loadDataset` does, and a MisuseError for somebody's own model without data: Scenes would say nothing about it.
 */
export async function datasetOf(
  flags: DataFlags,
  { labels, classCount, input }: Pick<Classifier, "labels" | "classCount"> & Partial<Pick<Classifier, "input">>,
  { note, signal }: DatasetOfOptions = {},
): Promise<Dataset> {
  if (flags.data === undefined && flags.model !== undefined) {
    throw new MisuseError({
      where: "--data",
      what: "there is a model but no data",
      expected: "pictures such as the model was made for",
      advice: "--data scenes are the rendered pictures of the classifier that comes with the package.",
    });
  }
  const {
    data = "scenes",
    dataFormat,
    images,
    annotations,
    split,
    first,
    list,
    blacklist,
    difficult,
    cache,
    follow,
    label,
  } = flags;
  const dataset = await loadDataset(data, {
    ...{ format: dataFormat, images, annotations, split, first, list, blacklist, difficult, signal },
    labels: label,
    classes: { names: labels, count: classCount },
    follow,
    reading: { ...pictureOptionsOf(flags, note), ...(input === undefined ? {} : readingFor(input)) },
    fetching: { cacheFolder: cache, onProgress: downloadNotes(data, note) },
  });
  const problems = describeProblems(dataset.problems);
  if (problems !== undefined) note?.(problems);
  for (const text of dataset.notes ?? []) note?.(text);
  const parts = [...new Set(dataset.images.flatMap(({ split: part }) => part ?? []))];
  if (split === undefined && parts.length > 1) {
    note?.(`pictures of several parts are taken together: ${parts.join(", ")} (--split takes one)`);
  }
  return dataset;
}

/** Notes the beginning of a download and each tenth of it, or each 16 MiB where the server does not say how much there is. */
function downloadNotes(what: string, note: DatasetOfOptions["note"]): FetchDatasetOptions["onProgress"] {
  let noted = -1;
  return ({ receivedBytes, totalBytes }) => {
    const step = Math.floor(receivedBytes / (totalBytes === undefined ? 2 ** 24 : totalBytes / 10));
    if (step === noted) return;
    noted = step;
    const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0);
    const total = totalBytes === undefined ? "" : ` of ${megabytes(totalBytes)}`;
    note?.(`fetching ${what}: ${megabytes(receivedBytes)}${total} MB`);
  };
}
