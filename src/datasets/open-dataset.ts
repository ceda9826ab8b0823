/** @file A data set from a word or a path, whatever its format. */
import { BadInputError, checkForm, checkKeys, MisuseError, numberIn, oneOf, throwIfAborted } from "../errors.ts";
import type { ClassifierClasses } from "./class-labels.ts";
import { type Dataset, finishDataset } from "./dataset.ts";
import { type DatasetFormatDefinition, type FormatOption, formatOptions } from "./dataset-format.ts";
import { type DatasetFormat, datasetFormats, formatDefinitions } from "./dataset-formats.ts";
import type { DatasetSource } from "./dataset-source.ts";
import { type CifarName, readCifar } from "./formats/cifar.ts";
import { type LabelSource, labelSources, type ReaderContext } from "./reader.ts";
import { recognizeDataset } from "./recognize-dataset.ts";
import { scenesDataset } from "./scenes-dataset.ts";
import { createSelection } from "./selection.ts";

export interface OpenDatasetOptions {
  /** Where files are read from; `nodeFileSource` of perceptual-ball/node reads them from disk. */
  readonly source: DatasetSource;
  /** What the path holds, where it is not to be recognized. */
  readonly format?: DatasetFormat;
  /** Folder of the pictures, where it is not the format's. */
  readonly images?: string;
  /** File or folder of the annotations, where it is not the format's. */
  readonly annotations?: string;
  /** The part that is wanted: "train", "val" or "test", or the name of one of Pascal VOC's or COCO's. */
  readonly split?: string;
  /** Of each split, the first so many pictures. */
  readonly first?: number;
  /** Ids or file names, one per line: the path of such a file, or its lines. Everything else is left out. */
  readonly list?: string | readonly string[];
  /** ILSVRC2014's list of validation images to leave out, one number per line, from 1: its path, or its lines. */
  readonly blacklist?: string | readonly string[];
  /** The classifier's classes, which labels are to be indices of; without them they are indices of the data set's own. */
  readonly classes?: ClassifierClasses;
  /** `predicted` leaves labels out, and does not ask whether the classifier has the classes. Default `dataset`. */
  readonly labels?: LabelSource;
  /** Objects that Pascal VOC marks as difficult; default `skip`, as its own evaluation does. */
  readonly difficult?: "skip" | "keep";
  /** Height and width of Scenes in pixels; default 96. */
  readonly sceneSize?: number;
  /** Where CIFAR's files are if no folder is given. */
  readonly fetchDataset?: (name: CifarName) => Promise<string>;
  /** Takes pictures, too, that the data set names outside of its folders; default false, which leaves them out. */
  readonly follow?: boolean;
  readonly signal?: AbortSignal;
}

const optionKeys = [
  ...["source", "format", "images", "annotations", "split", "first", "list", "blacklist", "classes", "labels"],
  ...["difficult", "sceneSize", "fetchDataset", "follow", "signal"],
] as const satisfies readonly string[];

/** What the user wrote after `--data`. */
export type DatasetSpec =
  | { readonly kind: "scenes"; readonly count?: number }
  | { readonly kind: CifarName; readonly folder?: string }
  | { readonly kind: "path"; readonly path: string };

/**
 * What `spec` means: "scenes", "scenes:500", "cifar10", "cifar100:FOLDER", or else a path; "./scenes" is a path whatever its name.
 * Throws a MisuseError if the number of scenes is none.
 */
export function parseDatasetSpec(spec: string): DatasetSpec {
  const [, word, rest] = /^(scenes|cifar10|cifar100)(?::(.*))?$/s.exec(spec) ?? [];
  if (word === undefined) return { kind: "path", path: spec };
  if (word === "scenes") {
    const count =
      rest === undefined ? undefined : numberIn("scenes", /^\d+$/.test(rest) ? Number(rest) : rest, countLimits);
    return { kind: word, count };
  }
  return { kind: word as CifarName, folder: rest === "" ? undefined : rest };
}

const countLimits = { min: 1, max: 1e6, integer: true };

/**
 * The data set that `spec` names: generated Scenes ("scenes", "scenes:500"), CIFAR ("cifar10", "cifar10:FOLDER") or whatever is
 * recognized at a path: see docs/datasets.md for formats and folders. Annotations are read now, pictures when they are asked for.
 *
 * What is wrong with single entries is listed in `problems`. Throws a MisuseError for options that cannot be meant, and a
 * BadInputError if nothing is recognized at the path, more than one format fits, or no image is usable.
 */
export async function openDataset(spec: string, options: OpenDatasetOptions): Promise<Dataset> {
  checkKeys("openDataset", options, optionKeys);
  checkForm("openDataset: spec", spec, "string");
  checkForm("openDataset: options", options, ["source"]);
  const { source, first, list, blacklist, images, annotations, split, classes, follow, signal, fetchDataset } = options;
  const labels = oneOf("openDataset: labels", options.labels ?? "dataset", labelSources);
  const difficult = oneOf("openDataset: difficult", options.difficult ?? "skip", ["skip", "keep"]);
  throwIfAborted(signal, "openDataset");
  const selection = createSelection({
    first,
    list: await linesAt(list, source),
    blacklist: await linesAt(blacklist, source),
  });
  const context: ReaderContext = {
    source,
    selection,
    classes,
    labels,
    images,
    annotations,
    split,
    difficult,
    follow,
    signal,
  };
  const meant: DatasetSpec = options.format === undefined ? parseDatasetSpec(spec) : { kind: "path", path: spec };
  if (meant.kind === "scenes") {
    refuseUnused(spec, options, ["split"]);
    return finishDataset(spec, scenesDataset({ count: meant.count, size: options.sceneSize }, context));
  }
  if (meant.kind !== "path") {
    refuseUnused(spec, options, ["split"]);
    const folder = meant.folder ?? (await fetchDataset?.(meant.kind));
    if (folder !== undefined) return readCifar(meant.kind, folder, context);
    throw new MisuseError({ where: spec, what: "no folder is given", expected: `${meant.kind}:FOLDER` });
  }
  const { path } = meant;
  if ((await source.exists(path)) === undefined) {
    throw new BadInputError({
      where: path,
      what: "no such file or folder",
      expected: "a data set: scenes[:COUNT], cifar10[:FOLDER], cifar100[:FOLDER], or a path",
    });
  }
  const name = oneOf("openDataset: format", options.format ?? (await recognizeDataset(path, source)), datasetFormats);
  const format: DatasetFormatDefinition | undefined = formatDefinitions.find((definition) => definition.name === name);
  if (format === undefined) throw new MisuseError({ where: "openDataset: format", what: "unknown", got: name });
  refuseUnused(spec, options, format.options);
  return format.read(path, context);
}

/** Throws a MisuseError if an option is given that the format has no use for. */
function refuseUnused(where: string, options: OpenDatasetOptions, used: readonly FormatOption[]): void {
  for (const option of formatOptions) {
    const given = options[option];
    if (given === undefined || used.includes(option)) continue;
    if (option === "split") {
      throw new MisuseError({
        where,
        what: "this data set has no parts",
        expected: "no split",
        got: JSON.stringify(given),
      });
    }
    throw new MisuseError({
      where,
      what: `the option ${option} (--${option}) means nothing for this data set`,
      expected: used.length === 0 ? "none" : `one of ${used.join(", ")}`,
      got: JSON.stringify(given),
    });
  }
}

async function linesAt(
  list: string | readonly string[] | undefined,
  source: DatasetSource,
): Promise<readonly string[] | undefined> {
  return typeof list === "string" ? (await source.readText(list)).split(/\r?\n/) : list;
}
