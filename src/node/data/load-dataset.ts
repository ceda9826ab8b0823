/** @file Data sets from disk, or from where they are published. */

import type { Dataset } from "../../datasets/dataset.ts";
import { type OpenDatasetOptions, openDataset } from "../../datasets/open-dataset.ts";
import { type FetchDatasetOptions, fetchDataset } from "./fetch-dataset.ts";
import { nodeFileSource } from "./file-source.ts";

export interface LoadDatasetOptions extends Omit<OpenDatasetOptions, "source" | "fetchDataset"> {
  /** How CIFAR is fetched where no folder is given: see {@link fetchDataset}. */
  readonly fetching?: FetchDatasetOptions;
}

/** {@link openDataset} on files on disk; "cifar10" and "cifar100" without a folder are fetched once and kept in the cache. */
export function loadDataset(spec: string, { fetching, ...options }: LoadDatasetOptions = {}): Promise<Dataset> {
  const { signal } = options;
  return openDataset(spec, {
    ...options,
    source: nodeFileSource,
    fetchDataset: (name) => fetchDataset(name, { signal, ...fetching }),
  });
}
