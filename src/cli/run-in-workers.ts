/** @file An experiment in child processes: what a worker does, and how its parent divides the work. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { PerceptualBallError, throwIfAborted } from "../errors.ts";
import type { FailedRecord } from "../experiments/records/record-store.ts";
import { type ExperimentItem, runExperiment } from "../experiments/records/run-experiment.ts";
import { isInShard } from "../experiments/records/shards.ts";
import { createTimeEstimate, type MeasuredItems } from "../experiments/records/time-estimate.ts";
import { packageRoot } from "../node/package-root.ts";
import { openRecordFolder, type RecordFolder } from "../node/records/record-folder.ts";
import { runWorkers, type WorkerChannel } from "../node/records/workers.ts";
import { exitCodes, type Note } from "./context.ts";
import {
  type ConductOptions,
  countsOf,
  describeFailure,
  recordWriterOf,
  showProgress,
  writerName,
} from "./experiment-run.ts";
import type { ProgressDisplay } from "./progress.ts";
import { withShareOfCores } from "./share-of-cores.ts";

/** So many shares per worker: fine enough that all end at about the same time. */
const sharesPerWorker = 16;
/** What a child process runs. */
export const executable = join(packageRoot, "dist/cli/main.js");

/** What a worker tells its parent. */
type WorkerMessage =
  | {
      readonly type: "computed";
      readonly items: number;
      readonly failures: number;
      readonly measured: readonly MeasuredItems[];
    }
  | { readonly type: "failure"; readonly failure: FailedRecord };

/** The whole of a worker's life: it computes the shares that its parent hands out. */
export async function work<I extends ExperimentItem, T>(
  options: ConductOptions<I, T>,
  channel: WorkerChannel,
): Promise<void> {
  const { items, compute, batchSize, batchOf, flags, context, identity, run, isResult } = options;
  const signal = AbortSignal.any([context.io.signal, channel.signal]);
  const tell = (message: WorkerMessage): void => channel.send(message);
  const writer = `${writerName(flags.shard)}-worker${channel.number}`;
  let store: RecordFolder<T> | undefined;
  try {
    store = await openRecordFolder<T>(flags.out, { identity, run, by: recordWriterOf(options), writer, isResult });
    for await (const { shard, isRepeated } of channel.shares()) {
      if (isRepeated) await store.reload();
      let [computed, failed] = [0, 0];
      await runExperiment({
        items,
        store,
        compute,
        batchSize,
        batchOf,
        shard,
        signal,
        onProgress(state) {
          if (state.computed > computed) {
            const { latest: measured = [] } = state;
            tell({ type: "computed", items: state.computed - computed, failures: state.failed - failed, measured });
          }
          [computed, failed] = [state.computed, state.failed];
        },
        onFailure: (failure) => tell({ type: "failure", failure }),
      });
    }
  } finally {
    channel.close();
    await store?.close();
  }
}

/** Computes what is open in so many children. */
export async function computeInWorkers<I extends ExperimentItem, T>(
  options: ConductOptions<I, T>,
  workers: number,
  store: RecordFolder<T>,
  progress: ProgressDisplay,
  note: Note,
): Promise<void> {
  const { flags, context, items } = options;
  const { total, done } = countsOf(options, store);
  if (done === total) return;
  if (!existsSync(executable)) {
    throw new PerceptualBallError({
      where: "--workers",
      what: `${executable} is missing`,
      advice: "Run `npm run build` first.",
    });
  }
  const of = workers * sharesPerWorker;
  const shards = Array.from({ length: of }, (_, index) => ({ index: index + 1, of, within: flags.shard })).filter(
    (shard) => items.some(({ key }) => isInShard(key, shard) && store.finished(key) === undefined),
  );
  let [computed, failed] = [0, 0];
  const mine = items.filter(({ key }) => isInShard(key, flags.shard) && store.finished(key) === undefined);
  const estimate = createTimeEstimate(mine.map(({ key }) => key.method));
  const show = (): void => {
    const left = estimate.left();
    const time = left === undefined ? {} : { secondsLeft: left.seconds / workers, isLowerBound: left.isLowerBound };
    showProgress(progress, { total, done: done + computed - failed, failed, computed, ...time });
  };
  progress.begin();
  show();
  const lost = await runWorkers({
    entry: executable,
    argv: flags.threads === undefined ? withShareOfCores(context.argv, workers) : context.argv,
    env: context.io.env,
    workers,
    shards,
    signal: context.io.signal,
    onMessage(worker, message) {
      const told = message as WorkerMessage;
      if (told.type === "failure") note(describeFailure(told.failure));
      else {
        computed += told.items;
        failed += told.failures;
        for (const measured of told.measured) estimate.add(measured, worker);
        show();
      }
    },
    onDeath({ worker, reason, isRepeated }) {
      const share = isRepeated ? "its share is done again" : "its share is left undone";
      note(`worker ${worker} has died (${reason}); ${share}.`);
    },
  });
  throwIfAborted(context.io.signal, "conductExperiment");
  if (lost.length > 0) context.exitCode = exitCodes.failed;
}
