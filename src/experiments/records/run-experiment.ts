/** @file The loop of every experiment: what is finished is skipped, what fails is noted, and the rest is computed. */
import { checkForm, checkKeys, PerceptualBallError, throwIfAborted } from "../../errors.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { canonicalJson } from "./canonical-json.ts";
import { keyText } from "./record-index.ts";
import type { FailedRecord, FinishedRecord, RecordKey, RecordStore } from "./record-store.ts";
import { isInShard, type Shard } from "./shards.ts";
import { createTimeEstimate, type MeasuredItems } from "./time-estimate.ts";

/** One thing to compute. Experiments add what they need to compute it. */
export interface ExperimentItem {
  readonly key: RecordKey;
}

/** What was computed for an item: a record's result, and arrays that are too large for its line. */
export interface Computed<T> {
  readonly result: T;
  readonly arrays?: Readonly<Record<string, Tensor>>;
  /** What the record says of the time; default: the item's share of the whole computation. */
  readonly seconds?: number;
}

/** An item of a batch that could not be computed, while the others were. */
export interface FailedItem {
  readonly error: unknown;
}

/** How far an experiment has come. `done` and `failed` count what is in the store among the items of this run. */
export interface ExperimentProgress {
  /** Items of this run: those of its shard. */
  readonly total: number;
  readonly done: number;
  /** Items that failed in this run. */
  readonly failed: number;
  /** Items that this run has computed (`failed` ones included). */
  readonly computed: number;
  /** Seconds since this run began. */
  readonly seconds: number;
  /** An estimate from what the items of each method have taken in this run; undefined as long as they tell nothing. */
  readonly secondsLeft?: number;
  /** Whether `secondsLeft` leaves methods out of which too little has been computed to tell. */
  readonly isLowerBound?: boolean;
  /** What the latest batch took, by methods; undefined at the start. */
  readonly latest?: readonly MeasuredItems[];
}

export interface RunExperimentOptions<I extends ExperimentItem, T> {
  /** Computed in this order. Two items with one key are one item. */
  readonly items: readonly I[];
  readonly store: RecordStore<T>;
  /**
   * Computes items that belong together, one result for each in the same order. A result must not depend on which others are
   * in the batch. An item that cannot be computed is a {@link FailedItem}; a batch that throws is computed again item by item.
   */
  readonly compute: (
    batch: readonly I[],
    context: { readonly signal?: AbortSignal },
  ) => Promise<readonly (Computed<T> | FailedItem)[]>;
  /** The most items in one batch; default 1. */
  readonly batchSize?: number;
  /** Items of one batch agree in this text; default: any items may share a batch. */
  readonly batchOf?: (item: I) => string;
  /** Only the items of this share. */
  readonly shard?: Shard;
  readonly signal?: AbortSignal;
  /** Ends the run after the batch under way, without an error: what is open stays open. */
  readonly pause?: AbortSignal;
  /** Called once at the start, and after each batch. */
  readonly onProgress?: (progress: ExperimentProgress) => void;
  /** Called for each item that could not be computed. */
  readonly onFailure?: (failure: FailedRecord) => void;
}

/**
 * The counts at the end, once every item (of the shard) has been computed or has failed: items that the store has already are
 * skipped, failures are kept as records of their own, and the run goes on. Fewer, where `pause` ended it.
 *
 * Throws an AbortedError as soon as `signal` is aborted (the item under way is lost, no other), and whatever the store throws
 * (a full disk): in either case a second run with the same store goes on where this one stopped.
 */
export async function runExperiment<I extends ExperimentItem, T>(
  options: RunExperimentOptions<I, T>,
): Promise<ExperimentProgress> {
  checkKeys("runExperiment", options, [
    "items",
    "store",
    "compute",
    "batchSize",
    "batchOf",
    "shard",
    "signal",
    "pause",
    "onProgress",
    "onFailure",
  ]);
  checkForm("runExperiment: options", options, ["items", "store", "compute"]);
  const { items, store, batchSize = 1, batchOf = () => "", shard, signal, pause, onProgress } = options;
  const mine = [...new Map(items.map((item) => [keyText(item.key), item])).values()].filter(({ key }) =>
    isInShard(key, shard),
  );
  const open = mine.filter(({ key }) => store.finished(key) === undefined);
  const [total, started] = [mine.length, performance.now()];
  let [computed, failed] = [0, 0];
  const estimate = createTimeEstimate(open.map(({ key }) => key.method));
  const progress = (latest?: readonly MeasuredItems[]): ExperimentProgress => {
    const seconds = (performance.now() - started) / 1000;
    const left = open.length - computed;
    const time = estimate.left();
    return {
      ...{ total, done: total - left - failed, failed, computed, seconds },
      ...(time === undefined ? {} : { secondsLeft: time.seconds, isLowerBound: time.isLowerBound }),
      ...(latest === undefined ? {} : { latest }),
    };
  };
  onProgress?.(progress());
  for (const batch of batches(open, batchSize, batchOf)) {
    if (pause?.aborted) break;
    const begun = performance.now();
    failed += await computeBatch(batch, options);
    computed += batch.length;
    const latest = measuredItems(batch, (performance.now() - begun) / 1000);
    for (const measured of latest) estimate.add(measured);
    onProgress?.(progress(latest));
  }
  throwIfAborted(signal, "runExperiment");
  return progress();
}

/** What a batch took, each of its items as much. */
function measuredItems(batch: readonly ExperimentItem[], seconds: number): MeasuredItems[] {
  const counts = new Map<string, number>();
  for (const { key } of batch) counts.set(key.method, (counts.get(key.method) ?? 0) + 1);
  return [...counts].map(([method, items]) => ({ method, items, seconds: (seconds * items) / batch.length }));
}

/** Items in batches of at most `size` whose members agree in `batchOf`, in order of each batch's first member. */
function batches<I>(items: readonly I[], size: number, batchOf: (item: I) => string): I[][] {
  const all: I[][] = [];
  const filling = new Map<string, I[]>();
  for (const item of items) {
    const group = batchOf(item);
    let batch = filling.get(group);
    if (batch === undefined || batch.length >= size) {
      batch = [];
      all.push(batch);
      filling.set(group, batch);
    }
    batch.push(item);
  }
  return all;
}

/** The number of items that failed. */
async function computeBatch<I extends ExperimentItem, T>(
  batch: readonly I[],
  options: RunExperimentOptions<I, T>,
): Promise<number> {
  const { store, compute, signal, onFailure } = options;
  throwIfAborted(signal, "runExperiment");
  const started = performance.now();
  let results: readonly (Computed<T> | FailedItem)[];
  try {
    results = await compute(batch, { signal });
    if (results.length !== batch.length) {
      throw new RangeError(`compute gave ${results.length} results for ${batch.length} items`);
    }
    for (const computed of results) if (!("error" in computed)) canonicalJson(computed.result, "result");
  } catch (error) {
    // An abort may surface as any error of what was interrupted.
    throwIfAborted(signal, "runExperiment");
    if (batch.length > 1) {
      let failures = 0;
      for (const item of batch) failures += await computeBatch([item], options);
      return failures;
    }
    results = [{ error }];
  }
  const share = (performance.now() - started) / 1000 / batch.length;
  let failures = 0;
  for (const [index, { key }] of batch.entries()) {
    const computed = results[index];
    if ("error" in computed) {
      const failure = failedRecord(key, computed.error);
      await store.append(failure);
      onFailure?.(failure);
      failures++;
      continue;
    }
    const { result, arrays = {}, seconds = share } = computed;
    for (const [name, tensor] of Object.entries(arrays)) await store.writeArray(key, name, tensor);
    await store.append({ kind: "finished", key, result, seconds, at: new Date().toISOString() });
  }
  return failures;
}

/** The record of a failure. */
function failedRecord(key: RecordKey, error: unknown): FailedRecord {
  const message =
    error instanceof PerceptualBallError
      ? error.message
      : error instanceof Error
        ? `${error.name}: ${error.message}`
        : String(error);
  return { kind: "failed", key, message, at: new Date().toISOString() };
}

/** The finished records of these items, in their order: a store may hold those of others as well. */
export function finishedRecords<T>(
  store: Pick<RecordStore<T>, "finished">,
  items: readonly ExperimentItem[],
): FinishedRecord<T>[] {
  return items.map(({ key }) => store.finished(key)).filter((record) => record !== undefined);
}

/** The failures of these items, in order of their keys: a store may hold those of others as well. */
export function failedRecords(
  store: Pick<RecordStore<unknown>, "failures">,
  items: readonly ExperimentItem[],
): FailedRecord[] {
  const wanted = new Set(items.map(({ key }) => keyText(key)));
  return store.failures().filter(({ key }) => wanted.has(keyText(key)));
}
