/** @file What an experiment's command does under `queue fill` and `queue work` in place of computing everything itself. */
import { hostname } from "node:os";
import { type ExperimentItem, runExperiment } from "../../experiments/records/run-experiment.ts";
import { checkWritableFolder } from "../../node/check-folder.ts";
import { type FilledQueue, fillQueue } from "../../node/queue/fill-queue.ts";
import { connectQueue, type QueueServer } from "../../node/queue/queue-server.ts";
import { type WorkedQueue, workQueue } from "../../node/queue/work-queue.ts";
import { openRecordFolder, type RecordFolder } from "../../node/records/record-folder.ts";
import { exitCodes, notesOf } from "../context.ts";
import { describeFailure, type QueueConductor, recordWriterOf } from "../experiment-run.ts";

export interface QueuePlace {
  readonly server: QueueServer;
  readonly name: string;
}

/** Seconds that people wait for a server; a worker waits longer, since servers are started again. */
export const patience = 3;

/** Puts the items into the queue; those that the command's folder of results has already are left out. */
export function conductFilling(
  { server, name }: QueuePlace,
  { pictures, retriesFailed }: { readonly pictures: number; readonly retriesFailed: boolean },
  onFilled: (filled: FilledQueue) => void,
): QueueConductor {
  return async ({ items, identity, isResult, run, flags }) => {
    checkWritableFolder(flags.out);
    const queue = await connectQueue(server, name, patience);
    try {
      const store = await openRecordFolder(flags.out, { identity, run, isResult, writer: "queue" });
      try {
        const isFinished = ({ key }: ExperimentItem): boolean => store.finished(key) !== undefined;
        onFilled(await fillQueue(queue, { items, identity, pictures, isFinished, retriesFailed }));
      } finally {
        await store.close();
      }
    } finally {
      await queue.close();
    }
  };
}

export interface WorkingOptions {
  readonly lockSeconds: number;
  readonly itemSeconds: number;
  readonly stays: boolean;
  /** Ends the work after the item at hand. */
  readonly stop: AbortSignal;
  /** Several processes may write to one folder: a name for this one's file. */
  readonly writer: string;
}

/** Computes what the queue hands out into the command's folder of results. */
export function conductWorking(
  { server, name }: QueuePlace,
  { lockSeconds, itemSeconds, stays, stop, writer }: WorkingOptions,
  onWorked: (worked: WorkedQueue) => void,
): QueueConductor {
  return async (options) => {
    const { items, identity, isResult, run, flags, context, compute, batchSize, batchOf } = options;
    const note = notesOf(context.io, flags);
    checkWritableFolder(flags.out);
    // First, so that a queue that cannot be reached leaves no folder.
    const queue = await connectQueue(server, name);
    let store: RecordFolder<unknown> | undefined;
    try {
      const by = recordWriterOf(options);
      const folder = await openRecordFolder(flags.out, { identity, run, by, isResult, writer });
      store = folder;
      for (const problem of folder.problems()) note(`perceptual-ball: ${problem}`);
      const worked = await workQueue({
        ...{ server, queue, name, items, identity, lockSeconds, itemSeconds, stays, stop },
        by: writer,
        note: (text) => note(`perceptual-ball: ${text}`),
        async compute(some, { pause, isRepeated, onAdvance }) {
          // Of a batch whose worker died here, this folder may have a part.
          if (isRepeated) await folder.reload();
          const { done, failed } = await runExperiment({
            ...{ items: some, store: folder, compute, batchSize, batchOf, pause },
            onProgress: (state) => onAdvance(state.done + state.failed),
            onFailure: (failure) => note(`perceptual-ball: ${describeFailure(failure)}`),
          });
          return { finished: done, failed };
        },
      });
      if (worked.failed > flags.allowFailed) context.exitCode = exitCodes.failed;
      onWorked(worked);
    } finally {
      await store?.close();
      await queue.close();
    }
  };
}

/** A name for this process among all that write records, on any machine. */
export function queueWriterName(): string {
  const host = hostname()
    .replace(/[^A-Za-z0-9-]/g, "-")
    .slice(0, 40);
  return `${host}-${process.pid}`;
}
