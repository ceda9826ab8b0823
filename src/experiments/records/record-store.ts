/** @file What an experiment keeps: one record per finished item, found again by its key. */
import type { Tensor } from "../../tensor/tensor.ts";

/**
 * What a folder of results is about. Records of two different identities are never mixed: everything that would change a
 * record and is not in its {@link RecordKey} belongs here, and nothing else (not the number of images, not the list of methods).
 */
export interface ExperimentIdentity {
  /** Which experiment, such as `localization` or `detection`. */
  readonly experiment: string;
  /** Version of its protocol: another one wherever the same settings would give another record. */
  readonly version: string;
  /** SHA-256 of the model's file, in hexadecimal. */
  readonly model: string;
  /** Name of the data set, and whatever else decides what an image's identifier stands for. Plain JSON. */
  readonly data: string | object;
  /** Settings that hold for all items: preprocessing, thresholds, seed and so on. Plain JSON. */
  readonly settings: object;
}

/** What one record is about, within an experiment. */
export interface RecordKey {
  /** Identifier of the picture, or of whatever is measured; shares, halves and bootstrap clusters go by it. */
  readonly image: string;
  /** The method or attack. */
  readonly method: string;
  /** Its settings. Plain JSON; `{}` if there are none. */
  readonly options: object;
}

/** An item that was computed. */
export interface FinishedRecord<T> {
  readonly kind: "finished";
  readonly key: RecordKey;
  /** Plain JSON. */
  readonly result: T;
  /** Wall-clock seconds; an item that was computed in a batch has its share of the batch. */
  readonly seconds: number;
  /** When, as an ISO 8601 date. */
  readonly at: string;
  /** Checksums of the arrays that were written for this key, by their names; a store of files adds them, and checks them. */
  readonly arrays?: Readonly<Record<string, string>>;
}

/** An item that could not be computed; it is tried again on the next start. */
export interface FailedRecord {
  readonly kind: "failed";
  readonly key: RecordKey;
  /** Why, for people. */
  readonly message: string;
  /** When, as an ISO 8601 date. */
  readonly at: string;
}

/** One line of an experiment's files. */
export type ExperimentRecord<T> = FinishedRecord<T> | FailedRecord;

/** Where an experiment's records are kept: in memory ({@link memoryStore}), or in a folder (`openRecordFolder` of `perceptual-ball/node`). */
export interface RecordStore<T> {
  readonly identity: ExperimentIdentity;
  /** The finished record of this key, if there is one. */
  finished(key: RecordKey): FinishedRecord<T> | undefined;
  /** All finished records in order of their keys: the same list whatever the order, shares and interruptions of the runs. */
  allRecords(): readonly FinishedRecord<T>[];
  /** The latest failure of each item that is not finished, in order of the keys. */
  failures(): readonly FailedRecord[];
  /** Keeps the record; it is safe when the promise has resolved. A second finished record of one key is not kept. */
  append(record: ExperimentRecord<T>): Promise<void>;
  /** Keeps an array that belongs to a record; call it before the record is appended. `name` is a word, such as `map`. */
  writeArray(key: RecordKey, name: string, tensor: Tensor): Promise<void>;
  /** The array, or undefined if there is none. */
  readArray(key: RecordKey, name: string): Promise<Tensor | undefined>;
  /** Lets go of files. Nothing can be appended afterwards. */
  close(): Promise<void>;
}
