/** @file How far a queue has come. */
import { isCount, isText, objectOf } from "../../experiments/records/record-form.ts";
import type { BatchProgress, TaskQueue } from "./queue-server.ts";

export interface QueueStatus {
  /** The hash of the experiment's identity; undefined where the queue holds nothing. */
  readonly experiment: string | undefined;
  readonly batches: {
    readonly waiting: number;
    readonly active: number;
    readonly done: number;
    readonly givenUp: number;
  };
  /** Items of all batches; what is finished and has failed in batches that are done; what batches that were given up have. */
  readonly items: {
    readonly total: number;
    readonly finished: number;
    readonly failed: number;
    readonly givenUp: number;
  };
  /** What is being computed. */
  readonly active: readonly (BatchProgress & { readonly batch: string })[];
  /** What was given up. */
  readonly givenUp: readonly {
    readonly batch: string;
    readonly pictures: readonly string[];
    readonly reason: string;
  }[];
}

const isProgress = objectOf<BatchProgress>({ done: isCount, of: isCount, by: isText });
/** Tasks are read so many at a time. */
const page = 1000;

/** How far the queue has come. Each task is read once: about one kilobyte for each. */
export async function queueStatus(queue: TaskQueue): Promise<QueueStatus> {
  const items = { total: 0, finished: 0, failed: 0, givenUp: 0 };
  const batches = { waiting: 0, active: 0, done: 0, givenUp: 0 };
  const active: (BatchProgress & { batch: string })[] = [];
  const givenUp: { batch: string; pictures: readonly string[]; reason: string }[] = [];
  let experiment: string | undefined;
  for (const state of ["completed", "failed", "active", "wait", "delayed", "prioritized"] as const) {
    for (let start = 0; ; start += page) {
      const tasks = await queue.getJobs([state], start, start + page - 1, true);
      for (const { id: batch = "", data, returnvalue, progress, failedReason = "" } of tasks) {
        experiment ??= data.experiment;
        // The pictures of a batch that was split are batches of their own.
        if (returnvalue?.split === undefined) items.total += data.items;
        if (state === "completed") {
          batches.done++;
          items.finished += returnvalue?.finished ?? 0;
          items.failed += returnvalue?.failed ?? 0;
        } else if (state === "failed") {
          batches.givenUp++;
          items.givenUp += data.items;
          givenUp.push({ batch, pictures: data.pictures, reason: failedReason });
        } else if (state === "active") {
          batches.active++;
          active.push({ batch, ...(isProgress(progress) ? progress : { done: 0, of: data.items, by: "" }) });
        } else batches.waiting++;
      }
      if (tasks.length < page) break;
    }
  }
  return { experiment, batches, items, active, givenUp };
}
