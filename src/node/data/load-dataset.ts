/** @file Data sets from disk, or from where they are published. */
import { statSync } from "node:fs";
import type { Dataset } from "../../datasets/dataset.ts";
import { type OpenDatasetOptions, openDataset, parseDatasetSpec } from "../../datasets/open-dataset.ts";
import { folderName } from "../../datasets/paths.ts";
import { type FetchDatasetOptions, fetchDataset } from "./fetch-dataset.ts";
import { createFileSource, type FileSourceOptions } from "./file-source.ts";

export interface LoadDatasetOptions extends Omit<OpenDatasetOptions, "source" | "fetchDataset"> {
  /** How CIFAR is fetched where no folder is given: see {@link fetchDataset}. */
  readonly fetching?: FetchDatasetOptions;
  /** How pictures are read. */
  readonly reading?: Omit<FileSourceOptions, "roots">;
}

/**
 * {@link openDataset} on files on disk; "cifar10" and "cifar100" without a folder are fetched once and kept in the cache. Files are read
 * from the folder of the data set and from those that the options name; files elsewhere that it names or links to only with `follow`.
 */
export function loadDataset(spec: string, given: LoadDatasetOptions = {}): Promise<Dataset> {
  const { fetching, reading, ...options } = given ?? {};
  const { signal, follow = false } = options;
  return openDataset(spec, {
    ...options,
    source: createFileSource({ ...reading, roots: follow ? undefined : rootsOf(spec, options) }),
    fetchDataset: (name) => fetchDataset(name, { signal, ...fetching }),
  });
}

/** The folders that the user has named; undefined, which is any, where nothing that was fetched names files. */
function rootsOf(
  spec: string,
  { format, images, annotations, list, blacklist }: LoadDatasetOptions,
): string[] | undefined {
  const meant = format === undefined ? parseDatasetSpec(spec) : { kind: "path" as const, path: spec };
  if (meant.kind !== "path") return undefined;
  const given = [meant.path, images, annotations, list, blacklist].filter((path) => typeof path === "string");
  return given.map((path) => (statSync(path, { throwIfNoEntry: false })?.isFile() ? folderName(path) : path));
}
