/** @file Putting an experiment's items into a queue, in batches of pictures. */
import { MisuseError } from "../../errors.ts";
import { stableHash } from "../../experiments/records/canonical-json.ts";
import { type ItemBatch, itemBatches, itemsByPicture } from "../../experiments/records/item-batches.ts";
import type { ExperimentIdentity } from "../../experiments/records/record-store.ts";
import type { ExperimentItem } from "../../experiments/records/run-experiment.ts";
import type { BatchTask, TaskQueue, TaskState } from "./queue-server.ts";

export interface FillQueueOptions<I extends ExperimentItem> {
  readonly items: readonly I[];
  readonly identity: ExperimentIdentity;
  /** Pictures per batch. */
  readonly pictures: number;
  /** Whether an item needs no computing any more. */
  readonly isFinished: (item: I) => boolean;
  /** Hands out again what was given up. */
  readonly retriesFailed?: boolean;
}

/** How many batches there were of each kind. */
export interface FilledQueue {
  readonly added: number;
  /** In the queue already, done or not. */
  readonly known: number;
  /** Given up before, and handed out again. */
  readonly retried: number;
  /** Not needed: all of their items are finished. */
  readonly finished: number;
  /** Items of the batches that were added. */
  readonly items: number;
}

const allStates: readonly TaskState[] = ["wait", "active", "delayed", "prioritized", "completed", "failed"];
/** So many tasks go to the server at a time. */
const tasksPerCall = 500;

/**
 * Adds what the queue does not have yet of the items. Doing it twice adds nothing: a batch is known by its contents. What is done stays in
 * the queue, so that it is not added again.
 *
 * Throws a {@link MisuseError} if the queue holds another experiment.
 */
export async function fillQueue<I extends ExperimentItem>(
  queue: TaskQueue,
  { items, identity, pictures, isFinished, retriesFailed = false }: FillQueueOptions<I>,
): Promise<FilledQueue> {
  await checkQueueExperiment(queue, identity);
  const batches = itemBatches(items, identity, pictures);
  const open = batches.filter((batch) => !batch.items.every(isFinished));
  const before = await countTasks(queue);
  const retried = retriesFailed ? await retryFailed(queue) : 0;
  for (let start = 0; start < open.length; start += tasksPerCall) {
    await addBatches(queue, open.slice(start, start + tasksPerCall), identity);
  }
  // The server knows best which were new: others may be filling as well.
  const added = Math.max(0, Math.min(open.length, (await countTasks(queue)) - before));
  const perBatch = open.length === 0 ? 0 : open.reduce((sum, batch) => sum + batch.items.length, 0) / open.length;
  return {
    ...{ added, retried },
    known: open.length - added,
    finished: batches.length - open.length,
    items: Math.round(perBatch * added),
  };
}

/** Adds batches under their ids. Those that are there stay as they are. */
export async function addBatches<I extends ExperimentItem>(
  queue: TaskQueue,
  batches: readonly ItemBatch<I>[],
  identity: ExperimentIdentity,
): Promise<void> {
  const experiment = stableHash(identity);
  await queue.addBulk(
    batches.map(({ id, items }) => {
      const data: BatchTask = {
        experiment,
        pictures: [...itemsByPicture(items).keys()],
        items: items.length,
        handedBack: 0,
      };
      return { name: identity.experiment, data, opts: { jobId: id } };
    }),
  );
}

/** Throws a {@link MisuseError} if the queue holds an experiment with another identity. */
export async function checkQueueExperiment(queue: TaskQueue, identity: ExperimentIdentity): Promise<void> {
  for (const state of allStates) {
    const [task] = await queue.getJobs([state], 0, 0, true);
    if (task === undefined) continue;
    if (task.data.experiment === stableHash(identity)) return;
    throw new MisuseError({
      where: "queue",
      what: "the queue holds another experiment: another command, model, data set, version or setting",
      expected: stableHash(identity),
      got: task.data.experiment,
      advice: "Give this one a name of its own with --name.",
    });
  }
}

async function countTasks(queue: TaskQueue): Promise<number> {
  return Object.values(await queue.getJobCounts(...allStates)).reduce((sum, count) => sum + count, 0);
}

async function retryFailed(queue: TaskQueue): Promise<number> {
  const failed = await queue.getJobs(["failed"], 0, -1, true);
  for (const task of failed) {
    await task.updateData({ ...task.data, handedBack: 0 });
    await task.retry("failed", { resetAttemptsStarted: true });
  }
  return failed.length;
}
