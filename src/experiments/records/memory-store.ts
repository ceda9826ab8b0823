/** @file An experiment's records in memory only. */
import type { Tensor } from "../../tensor/tensor.ts";
import { canonicalJson } from "./canonical-json.ts";
import { createRecordIndex, keyText } from "./record-index.ts";
import type { ExperimentIdentity, RecordStore } from "./record-store.ts";

/** A store that keeps records for as long as the program runs: for browsers, for small experiments and for tests. */
export function memoryStore<T>(identity: ExperimentIdentity): RecordStore<T> {
  const index = createRecordIndex<T>();
  const arrays = new Map<string, Tensor>();
  return {
    identity,
    finished: index.finished,
    allRecords: index.allRecords,
    failures: index.failures,
    async append(record) {
      // What could not be kept in a file is not kept here either.
      canonicalJson(record, "record");
      if (record.kind === "failed" || index.finished(record.key) === undefined) index.add(record);
    },
    async writeArray(key, name, tensor) {
      arrays.set(`${name} ${keyText(key)}`, tensor);
    },
    async readArray(key, name) {
      return arrays.get(`${name} ${keyText(key)}`);
    },
    async close() {},
  };
}
