/** @file A process that computes batches of an experiment from a queue until nothing is left. */
import { MisuseError } from "../../errors.ts";
import { stableHash } from "../../experiments/records/canonical-json.ts";
import { batchOf, itemsByPicture } from "../../experiments/records/item-batches.ts";
import type { ExperimentIdentity } from "../../experiments/records/record-store.ts";
import type { ExperimentItem } from "../../experiments/records/run-experiment.ts";
import { addBatches, checkQueueExperiment } from "./fill-queue.ts";
import { type BatchOutcome, connectWorker, type QueueServer, type Task, type TaskQueue } from "./queue-server.ts";
import { startWatchdog } from "./watchdog.ts";

/** A batch is given up when this many processes have died at it, or stalled. */
export const maxStartedAttempts = 5;
/** From this start on its pictures are handed out one by one, so that one of them does not take the others with it. */
const splitsAtStart = 3;
/** A worker says so often how far it is. */
const progressMs = 2000;

export interface WorkQueueOptions<I extends ExperimentItem> {
  readonly server: QueueServer;
  /** The queue called `name`, connected. */
  readonly queue: TaskQueue;
  readonly name: string;
  readonly items: readonly I[];
  readonly identity: ExperimentIdentity;
  /** This worker, as its records name it. */
  readonly by: string;
  /** The most seconds after which another worker has a dead one's batch. */
  readonly lockSeconds: number;
  /** The most seconds of one item (or of items that are computed together); then this process is killed. */
  readonly itemSeconds: number;
  /** Stays when the queue is empty. */
  readonly stays?: boolean;
  /** Ends the work after the item at hand, and hands the rest of the batch back. */
  readonly stop: AbortSignal;
  /** Computes items; `onAdvance` is told how many are done, each time. Resolves early if `pause` is aborted. */
  readonly compute: (
    items: readonly I[],
    context: {
      readonly pause: AbortSignal;
      /** Others may have finished some of them. */
      readonly isRepeated: boolean;
      readonly onAdvance: (done: number) => void;
    },
  ) => Promise<{ readonly finished: number; readonly failed: number }>;
  readonly note: (text: string) => void;
}

/** What a worker has done. */
export interface WorkedQueue {
  readonly batches: number;
  readonly finished: number;
  readonly failed: number;
  readonly isStopped: boolean;
}

/**
 * Computes batches until the queue is empty and nobody else is at work on one, or until `stop`. A batch whose worker dies or loses its lock
 * goes to another one within `lockSeconds`. At its third start its pictures become batches of their own; a batch is given up after
 * {@link maxStartedAttempts}. Batches that were handed back by `stop` do not count.
 *
 * Throws a {@link MisuseError} if the queue holds another experiment, or batches of items that this process does not have; and what
 * `compute` throws.
 */
export async function workQueue<I extends ExperimentItem>(options: WorkQueueOptions<I>): Promise<WorkedQueue> {
  const {
    server,
    queue,
    name,
    identity,
    items,
    by,
    lockSeconds,
    itemSeconds,
    stays = false,
    stop,
    compute,
    note,
  } = options;
  const pictures = itemsByPicture(items);
  const end = new AbortController();
  const pause = AbortSignal.any([stop, end.signal]);
  const counts = { batches: 0, finished: 0, failed: 0 };
  let fault: unknown;
  const watchdog = startWatchdog(
    itemSeconds,
    `perceptual-ball: an item takes longer than ${itemSeconds} s: this process ends, and another tries it again.`,
  );

  /** Hands the batch back as it is. Where the server is away, its lock runs out, which is the same but later, and counts as a death. */
  const handBack = async (task: Task, token: string | undefined): Promise<never> => {
    try {
      await task.updateData({ ...task.data, handedBack: task.data.handedBack + 1 });
      await task.moveToWait(token);
    } catch (error) {
      note(
        `queue ${server.shown}: ${error instanceof Error ? error.message : String(error)}; its batch goes back later.`,
      );
    }
    throw server.waitingError();
  };
  const fail = async (task: Task, token: string | undefined, error: unknown): Promise<never> => {
    fault ??= error;
    end.abort();
    return handBack(task, token);
  };

  const process = async (task: Task, token?: string): Promise<BatchOutcome> => {
    const { experiment, pictures: hashes, items: expected, handedBack } = task.data;
    if (pause.aborted) return handBack(task, token);
    const starts = task.attemptsStarted - handedBack;
    if (starts > maxStartedAttempts) {
      throw server.unrecoverableError(`given up: ${maxStartedAttempts} processes have died at it, or stalled`);
    }
    const own = hashes.flatMap((hash) => pictures.get(hash) ?? []);
    if (experiment !== stableHash(identity) || own.length !== expected || batchOf(own, identity).id !== task.id) {
      const error = new MisuseError({
        where: `queue ${name}`,
        what: "the queue has batches of items that this command does not have",
        advice: "Give `queue work` the command that `queue fill` was given: the same data, methods and settings.",
      });
      return fail(task, token, error);
    }
    try {
      if (starts >= splitsAtStart && hashes.length > 1) {
        const singles = hashes.map((hash) => batchOf(pictures.get(hash) ?? [], identity));
        await addBatches(queue, singles, identity);
        note(
          `batch ${task.id}: ${starts - 1} processes have died at it, or stalled; its pictures are handed out one by one.`,
        );
        return { finished: 0, failed: 0, split: singles.length };
      }
      watchdog.alive();
      let told = performance.now();
      const done = await compute(own, {
        ...{ pause, isRepeated: starts > 1 },
        onAdvance(count) {
          watchdog.alive();
          // Five commands for the server each time, only for people.
          if (count > 0 && count < own.length && performance.now() - told < progressMs) return;
          told = performance.now();
          // That the server is away for a moment is no reason to stop.
          task.updateProgress({ done: count, of: own.length, by }).catch(() => {});
        },
      });
      if (done.finished + done.failed < own.length) return await handBack(task, token);
      counts.batches++;
      counts.finished += done.finished;
      counts.failed += done.failed;
      return done;
    } catch (error) {
      if (error instanceof Error && error.name === server.waitingError().name) throw error;
      return await fail(task, token, error);
    } finally {
      watchdog.rest();
    }
  };

  try {
    await checkQueueExperiment(queue, identity);
    const third = Math.max(1, Math.round((lockSeconds * 1000) / 3));
    const worker = await connectWorker(server, name, process, {
      // A dead worker's lock runs out after one third, and is looked for twice.
      ...{ name: by, lockDuration: third, stalledInterval: third },
      // Deaths are counted above. PostgreSQL takes no more than this.
      maxStalledCount: 2 ** 31 - 1,
    });
    let isAway = false;
    worker.on("error", (error) => {
      if (!isAway) note(`queue ${server.shown}: ${error.message}; trying again.`);
      isAway = true;
    });
    worker.run().catch((error: unknown) => {
      fault ??= error;
      end.abort();
    });
    try {
      await untilEmpty(queue, { pause, stays, milliseconds: Math.min(third, 5000), onAnswer: () => (isAway = false) });
    } finally {
      end.abort();
      await worker.close();
    }
    if (fault !== undefined) throw fault;
    return { ...counts, isStopped: stop.aborted };
  } finally {
    watchdog.stop();
  }
}

/** Resolves when nothing waits and nobody works, or when `pause` is aborted. */
async function untilEmpty(
  queue: TaskQueue,
  options: {
    readonly pause: AbortSignal;
    readonly stays: boolean;
    readonly milliseconds: number;
    readonly onAnswer: () => void;
  },
): Promise<void> {
  const { pause, stays, milliseconds, onAnswer } = options;
  const paused = new Promise<undefined>((resolve) => {
    if (pause.aborted) resolve(undefined);
    else pause.addEventListener("abort", () => resolve(undefined), { once: true });
  });
  while (!pause.aborted) {
    // A server that is away answers later.
    const asked = stays
      ? undefined
      : queue.getJobCounts("wait", "active", "delayed", "prioritized").catch(() => undefined);
    const counts = await Promise.race([asked, paused]);
    if (counts !== undefined) {
      onAnswer();
      if (Object.values(counts).every((count) => count === 0)) return;
    }
    let timer: ReturnType<typeof setTimeout> | undefined;
    const slept = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, milliseconds);
    });
    await Promise.race([slept, paused]);
    clearTimeout(timer);
  }
}
