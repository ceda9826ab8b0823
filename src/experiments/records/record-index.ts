/** @file Records by key, in memory, with the rule for those that are there twice. */
import { canonicalJson } from "./canonical-json.ts";
import type { ExperimentRecord, FailedRecord, FinishedRecord, RecordKey } from "./record-store.ts";

/** Records by key. */
export interface RecordIndex<T> {
  /** Takes the record in; the result does not depend on the order in which records are added. */
  add(record: ExperimentRecord<T>): void;
  finished(key: RecordKey): FinishedRecord<T> | undefined;
  allRecords(): FinishedRecord<T>[];
  failures(): FailedRecord[];
  /** Keys that were computed more than once with different results: the work depends on something that is not in the key. */
  conflicts(): RecordKey[];
}

/** The text by which a key is known and sorted. */
export function keyText(key: RecordKey): string {
  return canonicalJson(key, "record key");
}

/**
 * An empty index. A finished record hides failures of its key. Of several finished ones the first in time is kept, of several
 * failures the last; where even the times are equal, the one whose text sorts first. So the order of adding does not matter.
 */
export function createRecordIndex<T>(): RecordIndex<T> {
  const finished = new Map<string, FinishedRecord<T>>();
  const failed = new Map<string, FailedRecord>();
  const conflicts = new Map<string, RecordKey>();
  const ordered = <R>(records: ReadonlyMap<string, R>): R[] =>
    [...records].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, record]) => record);

  return {
    add(record) {
      const text = keyText(record.key);
      if (record.kind === "failed") {
        const known = failed.get(text);
        if (known === undefined || comesFirst(known, record)) failed.set(text, record);
        return;
      }
      const known = finished.get(text);
      if (known === undefined) {
        finished.set(text, record);
        return;
      }
      if (canonicalJson(known.result) !== canonicalJson(record.result)) conflicts.set(text, record.key);
      if (comesFirst(record, known)) finished.set(text, record);
    },
    finished: (key) => finished.get(keyText(key)),
    allRecords: () => ordered(finished),
    failures: () => ordered(new Map([...failed].filter(([text]) => !finished.has(text)))),
    conflicts: () => ordered(conflicts),
  };
}

/** True if `a` is earlier than `b`, or at the same time and its text sorts before. */
export function comesFirst<T>(a: ExperimentRecord<T>, b: ExperimentRecord<T>): boolean {
  return a.at === b.at ? canonicalJson(a) < canonicalJson(b) : a.at < b.at;
}
