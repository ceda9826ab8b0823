import { expect, test } from "vitest";
import { itemBatches, itemsByPicture } from "../../experiments/records/item-batches.ts";
import { fillQueue } from "./fill-queue.ts";
import type { BatchOutcome, BatchTask, Processor, QueueServer, Task, TaskQueue, TaskState } from "./queue-server.ts";
import { queueStatus } from "./queue-status.ts";
import { maxStartedAttempts, workQueue } from "./work-queue.ts";

class WaitingError extends Error {
  override readonly name = "WaitingError";
}
class UnrecoverableError extends Error {}

/** A task of the server below. */
interface HeldTask extends Task {
  state: TaskState;
  attemptsStarted: number;
  returnvalue: BatchOutcome | null;
  failedReason: string;
  data: BatchTask;
}

/** A server of queues in memory. `death` resolves when the process that has a batch is to die: the batch then waits again, as after its lock has run out. */
function memoryServer(death: () => Promise<void>): QueueServer {
  const tasks = new Map<string, HeldTask>();
  const queue: TaskQueue = {
    waitUntilReady: async () => undefined,
    async addBulk(added) {
      for (const { data, opts } of added) {
        const id = opts.jobId ?? "";
        if (tasks.has(id)) continue;
        const task: HeldTask = {
          ...{ id, data, state: "wait", attemptsStarted: 0, progress: undefined, returnvalue: null, failedReason: "" },
          updateProgress: async () => {},
          async updateData(changed) {
            task.data = changed;
          },
          async moveToWait() {
            task.state = "wait";
          },
          async retry() {
            Object.assign(task, { state: "wait", attemptsStarted: 0 });
          },
        };
        tasks.set(id, task);
      }
      return [];
    },
    getJobs: async ([state], start, end) =>
      [...tasks.values()].filter((task) => task.state === state).slice(start, end < 0 ? undefined : end + 1),
    getJob: async (id) => tasks.get(id),
    getJobCounts: async (...states) =>
      Object.fromEntries(states.map((state) => [state, [...tasks.values()].filter((t) => t.state === state).length])),
    on: () => undefined,
    close: async () => {},
  };
  const next = (): HeldTask | undefined => [...tasks.values()].find(({ state }) => state === "wait");
  async function runAll(process: Processor, isClosed: () => boolean): Promise<void> {
    for (let task = next(); task !== undefined && !isClosed(); task = next()) {
      // A server is asked over a network: others have their turn meanwhile.
      await new Promise((resolve) => setImmediate(resolve));
      if (isClosed()) return;
      task.state = "active";
      task.attemptsStarted++;
      try {
        const dies = death().then(() => undefined);
        const outcome = await Promise.race([process(task), dies]);
        if (outcome === undefined) task.state = "wait";
        else Object.assign(task, { state: "completed", returnvalue: outcome });
      } catch (error) {
        if (error instanceof WaitingError) continue;
        Object.assign(task, { state: "failed", failedReason: (error as Error).message });
      }
    }
  }
  return {
    shown: "memory",
    openQueue: () => queue,
    openWorker(_name, process) {
      let isClosed = false;
      let ended: Promise<void> | undefined;
      return {
        waitUntilReady: async () => undefined,
        async run() {
          ended = runAll(process, () => isClosed);
          await ended;
        },
        on: () => undefined,
        async close() {
          isClosed = true;
          await ended;
        },
      };
    },
    waitingError: () => new WaitingError(),
    unrecoverableError: (message) => new UnrecoverableError(message),
  };
}

const identity = { experiment: "test", version: "1", model: "m", data: "d", settings: {} };
const items = ["a", "b", "poison", "c"].map((image) => ({ key: { image, method: "m", options: {} } }));

test("a batch at which processes die is split, and the picture that kills them is given up alone, until it is wanted again", async () => {
  let kill = (): void => {};
  const server = memoryServer(
    () =>
      new Promise((resolve) => {
        kill = resolve;
      }),
  );
  const queue = server.openQueue("q");
  await fillQueue(queue, { items, identity, pictures: 4, isFinished: () => false });
  const computed: string[] = [];
  const deaths: string[] = [];
  const notes: string[] = [];
  let isDeadly = true;
  const work = () =>
    workQueue({
      ...{ server, queue, name: "q", items, identity, by: "test", lockSeconds: 0.03, itemSeconds: 60 },
      stop: new AbortController().signal,
      note: (text) => notes.push(text),
      async compute(some) {
        const images = some.map(({ key }) => key.image);
        if (isDeadly && images.includes("poison")) {
          deaths.push(images.join());
          kill();
          await new Promise(() => {});
        }
        computed.push(...images);
        return { finished: some.length, failed: 0 };
      },
    });
  expect(await work()).toEqual({ batches: 3, finished: 3, failed: 0, isStopped: false });
  expect(computed.sort()).toEqual(["a", "b", "c"]);
  expect(deaths).toEqual([...Array(2).fill("a,b,poison,c"), ...Array(maxStartedAttempts).fill("poison")]);
  expect(notes.join()).toContain("2 processes have died at it, or stalled; its pictures are handed out one by one");
  const [hash = ""] = itemsByPicture(items.filter(({ key }) => key.image === "poison")).keys();
  const { givenUp, items: counts } = await queueStatus(queue);
  expect(counts).toEqual({ total: 4, finished: 3, failed: 0, givenUp: 1 });
  expect(givenUp).toMatchObject([{ pictures: [hash], reason: "given up: 5 processes have died at it, or stalled" }]);

  isDeadly = false;
  const again = { items, identity, pictures: 4, isFinished: () => false };
  expect(await fillQueue(queue, again)).toMatchObject({ added: 0, known: 1, retried: 0 });
  expect(await fillQueue(queue, { ...again, retriesFailed: true })).toMatchObject({ added: 0, retried: 1 });
  expect(await work()).toMatchObject({ batches: 1, finished: 1 });
  expect((await queueStatus(queue)).items).toEqual({ total: 4, finished: 4, failed: 0, givenUp: 0 });
});

test("batches that are handed back in good order are not taken for deaths", async () => {
  const server = memoryServer(() => new Promise(() => {}));
  const queue = server.openQueue("q");
  await fillQueue(queue, { items, identity, pictures: 4, isFinished: () => false });
  const [batch] = itemBatches(items, identity, 4);
  for (let stops = 0; stops < 2 * maxStartedAttempts; stops++) {
    const stop = new AbortController();
    const worked = await workQueue({
      ...{ server, queue, name: "q", items, identity, by: "test", lockSeconds: 0.03, itemSeconds: 60 },
      stop: stop.signal,
      note: () => {},
      async compute(some) {
        stop.abort();
        return { finished: some.length - 1, failed: 0 };
      },
    });
    expect(worked).toEqual({ batches: 0, finished: 0, failed: 0, isStopped: true });
  }
  expect(await queue.getJob(batch?.id ?? "")).toMatchObject({ state: "wait", returnvalue: null });
});

test("what cannot be computed at all ends the work, and the batch goes back", async () => {
  const server = memoryServer(() => new Promise(() => {}));
  const queue = server.openQueue("q");
  await fillQueue(queue, { items, identity, pictures: 4, isFinished: () => false });
  const options = { server, queue, name: "q", items, identity, by: "test", lockSeconds: 0.03, itemSeconds: 60 };
  const rest = { stop: new AbortController().signal, note: () => {} };
  const full = new Error("the disk is full");
  await expect(workQueue({ ...options, ...rest, compute: () => Promise.reject(full) })).rejects.toBe(full);
  expect(await queue.getJobCounts("wait", "active")).toEqual({ wait: 1, active: 0 });
  const fewer = items.slice(1);
  const compute = async () => ({ finished: 0, failed: 0 });
  await expect(workQueue({ ...options, ...rest, items: fewer, compute })).rejects.toThrow("does not have");
  const other = { ...identity, model: "n" };
  await expect(workQueue({ ...options, ...rest, identity: other, compute })).rejects.toThrow("another experiment");
  expect(await queue.getJobCounts("wait", "active")).toEqual({ wait: 1, active: 0 });
});
