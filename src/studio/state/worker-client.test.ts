import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Answer, Order } from "../protocol.ts";
import { createWorkerClient, type WorkerLike } from "./worker-client.ts";

/** A worker that does nothing by itself. */
function pretendWorker() {
  const listeners = new Map<string, ((event: object) => void)[]>();
  const orders: Order[] = [];
  const worker = {
    addEventListener: (name: string, listener: (event: object) => void) =>
      listeners.set(name, [...(listeners.get(name) ?? []), listener]),
    postMessage: (order: Order) => orders.push(order),
    terminate: vi.fn(),
  };
  const tell = (name: string, event: object): void => {
    for (const listener of listeners.get(name) ?? []) listener(event);
  };
  return {
    worker: worker as unknown as WorkerLike,
    terminate: worker.terminate,
    orders,
    answer: (data: Answer) => tell("message", { data }),
    die: () => tell("error", { preventDefault() {} }),
  };
}

function setUp() {
  const workers: ReturnType<typeof pretendWorker>[] = [];
  const events = { onDeath: vi.fn(), onLost: vi.fn() };
  const client = createWorkerClient(() => {
    const made = pretendWorker();
    workers.push(made);
    return made.worker;
  }, events);
  return { client, workers, ...events };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("a job's events and output reach who asked; after it was cancelled nothing does", async () => {
  const { client, workers } = setUp();
  const [{ answer, orders }] = workers;
  const onEvent = vi.fn();
  const job = client.run("detect", { of: "attack-0" }, onEvent);
  const other = client.run("remove", { key: "a" });
  answer({ id: 0, event: { progress: { done: 1, of: 2 } } });
  answer({ id: 1, output: null });
  expect(onEvent).toHaveBeenCalledExactlyOnceWith({ progress: { done: 1, of: 2 } });
  expect(await other.output).toBeNull();
  job.hold(true);
  job.cancel();
  await expect(job.output).rejects.toMatchObject({ isAborted: true });
  answer({ id: 0, event: { progress: { done: 2, of: 2 } } });
  answer({ id: 0, output: null });
  expect(onEvent).toHaveBeenCalledTimes(1);
  expect(orders.slice(2)).toEqual([
    { id: 0, hold: true },
    { id: 0, cancel: true },
  ]);
});

test("where a worker dies, all that it did is rejected, another one takes over, and death is told once", async () => {
  const { client, workers, onDeath } = setUp();
  const job = client.run("remove", { key: "a" });
  workers[0].die();
  await expect(job.output).rejects.toMatchObject({ isAborted: true });
  expect(onDeath).toHaveBeenCalledTimes(1);
  expect(workers).toHaveLength(2);
  // The dead say nothing more.
  workers[0].die();
  workers[0].answer({ id: 0, output: null });
  expect(onDeath).toHaveBeenCalledTimes(1);
  const next = client.run("remove", { key: "b" });
  workers[1].answer({ id: 1, output: null });
  expect(await next.output).toBeNull();
});

test("a worker without memory is replaced; other errors are the job's alone", async () => {
  const { client, workers, onDeath } = setUp();
  const error = { message: "no such picture", isAborted: false, isDefect: false, isOutOfMemory: false };
  const first = client.run("remove", { key: "a" });
  workers[0].answer({ id: 0, error });
  await expect(first.output).rejects.toMatchObject({ message: "no such picture", isAborted: false });
  expect(workers).toHaveLength(1);
  const second = client.run("remove", { key: "b" });
  workers[0].answer({ id: 1, error: { ...error, isOutOfMemory: true } });
  await expect(second.output).rejects.toMatchObject({ isAborted: false });
  expect(workers).toHaveLength(2);
  expect(workers[0].terminate).toHaveBeenCalled();
  expect(onDeath).toHaveBeenCalledExactlyOnceWith("out of memory (no such picture)");
});

test("a worker that is silent after a sleep is replaced, one that says anything is not", () => {
  const { client, workers, onDeath } = setUp();
  client.checkAlive(1000);
  expect(workers[0].orders).toEqual([{ ping: true }]);
  workers[0].answer({ pong: true });
  vi.advanceTimersByTime(2000);
  expect(onDeath).not.toHaveBeenCalled();
  client.checkAlive(1000);
  vi.advanceTimersByTime(999);
  expect(workers).toHaveLength(1);
  vi.advanceTimersByTime(1);
  expect(onDeath).toHaveBeenCalledExactlyOnceWith("it does not answer any more");
  expect(workers).toHaveLength(2);
});

test("a lost device is told", () => {
  const { workers, onLost } = setUp();
  workers[0].answer({ lost: "driver restarted" });
  expect(onLost).toHaveBeenCalledExactlyOnceWith("driver restarted");
});
