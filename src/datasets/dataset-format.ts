/** @file What a format of data sets consists of: one record, in a file of its own in `formats/`. */
import type { DatasetSource, FileEntry } from "./dataset-source.ts";
import type { DatasetReader } from "./reader.ts";

/** The options of `openDataset` that only some formats have a use for. */
export const formatOptions = ["images", "annotations", "split", "difficult"] as const;

export type FormatOption = (typeof formatOptions)[number];

/** How a format is known by its files. Of several formats that fit, the user is asked. */
export interface FormatRecognition {
  /** What is looked for in a folder, as a user would see it: "image_ids.txt". */
  readonly files: string;
  /** Whether a folder that holds these entries is such a data set. */
  readonly folder?: (entries: readonly FileEntry[]) => boolean;
  /** Whether a folder that is one by `folder` is none by what is in its files, and may be something else. */
  readonly isDenied?: (path: string, entries: readonly FileEntry[], source: DatasetSource) => Promise<boolean>;
  /** Whether a folder that no format knows by its own entries is such a data set, by those of a folder in it. */
  readonly inner?: (entries: readonly FileEntry[]) => boolean;
  /** Looked at where nothing else fits, in the order of the formats; the first that says yes is it. */
  readonly otherwise?: (path: string, entries: readonly FileEntry[], source: DatasetSource) => Promise<boolean>;
  /** Whether a file of this name is such a data set, or the main file of one; the first format that says yes is it. */
  readonly file?: {
    readonly named: string;
    readonly fits: (name: string) => boolean;
    /** Whether a file of this name may be one, and is unless `isDenied` says otherwise. */
    readonly mayFit?: (name: string) => boolean;
  };
}

export interface DatasetFormatDefinition {
  /** What users write: `--data-format voc`. */
  readonly name: string;
  /** What it is and what its entries are: a phrase, as in docs/datasets.md. */
  readonly description: string;
  readonly recognition: FormatRecognition;
  /** Those that it has a use for; others are refused. */
  readonly options: readonly FormatOption[];
  readonly read: DatasetReader;
}

/** A test of entries: whether one is a file whose name fits. */
export function hasFile(fits: (name: string) => boolean): (entries: readonly FileEntry[]) => boolean {
  return (entries) => entries.some(({ name, kind }) => kind === "file" && fits(name));
}

/** A test of entries: whether one is a folder whose name fits. */
export function hasFolder(fits: (name: string) => boolean): (entries: readonly FileEntry[]) => boolean {
  return (entries) => entries.some(({ name, kind }) => kind === "folder" && fits(name));
}

/** A test of names: whether it is this one. */
export function called(name: string): (other: string) => boolean {
  return (other) => other === name;
}
