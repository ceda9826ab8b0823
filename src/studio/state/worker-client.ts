/** @file The worker as the page sees it: jobs as promises, and a new worker where the old one died or its memory is wanted back. */
import type { Answer, JobName, Jobs, Order } from "../protocol.ts";
import { strings } from "../strings.ts";

/** A job that did not come to its end. */
export class JobError extends Error {
  readonly isAborted: boolean;
  /** Whether it is a fault of the studio, not of what it was given. */
  readonly isDefect: boolean;

  constructor(message: string, { isAborted = false, isDefect = false } = {}) {
    super(message);
    this.name = "JobError";
    this.isAborted = isAborted;
    this.isDefect = isDefect;
  }
}

/** A job under way. */
export interface RunningJob<N extends JobName> {
  readonly output: Promise<Jobs[N]["output"]>;
  /** Ends it: the promise is rejected at once, whatever the worker is at. */
  cancel(): void;
  /** Holds it after the evaluation that it is at, or lets it go on. */
  hold(isHeld: boolean): void;
}

export interface WorkerClient {
  run<N extends JobName>(job: N, input: Jobs[N]["input"], onEvent?: (event: Jobs[N]["event"]) => void): RunningJob<N>;
  /** Ends the worker with everything that it holds, and starts another one. Jobs under way are rejected as aborted. */
  restart(): void;
  /** Replaces a worker of which nothing is heard for `patience` milliseconds, as one that died. */
  checkAlive(patience: number): void;
}

interface Waiting {
  resolve(output: never): void;
  reject(error: JobError): void;
  onEvent?(event: never): void;
}

/** What happens to a worker without being asked for. */
export interface WorkerEvents {
  /** It died by itself, or does not answer; a new one has been started. */
  onDeath(reason: string): void;
  /** The graphics processor is gone; the worker is of no more use. */
  onLost(reason: string): void;
}

/** The part of a Worker that is used. */
export type WorkerLike = Pick<Worker, "postMessage" | "terminate" | "addEventListener">;

export function createWorkerClient(makeWorker: () => WorkerLike, { onDeath, onLost }: WorkerEvents): WorkerClient {
  const waiting = new Map<number, Waiting>();
  let count = 0;
  let heard = 0;
  let worker = start();

  function start(): WorkerLike {
    const started = makeWorker();
    started.addEventListener("message", ({ data }: MessageEvent<Answer>) => {
      if (started !== worker) return;
      heard++;
      if ("pong" in data) return;
      if ("lost" in data) {
        onLost(data.lost);
        return;
      }
      const job = waiting.get(data.id);
      if (job === undefined) return;
      if ("event" in data) {
        job.onEvent?.(data.event as never);
        return;
      }
      waiting.delete(data.id);
      if (!("error" in data)) {
        job.resolve(data.output as never);
        return;
      }
      const { message, isOutOfMemory } = data.error;
      job.reject(new JobError(message, data.error));
      if (isOutOfMemory) {
        const reason = strings.errors.outOfMemory(message);
        replace(reason);
        onDeath(reason);
      }
    });
    const died = (event: Event): void => {
      event.preventDefault();
      if (started !== worker) return;
      const { message = "" } = event as Partial<ErrorEvent>;
      const reason = message === "" ? strings.errors.workerEnded : message;
      replace(reason);
      onDeath(reason);
    };
    started.addEventListener("error", died);
    started.addEventListener("messageerror", died);
    return started;
  }

  /** What was under way is rejected as aborted: why is said once, not by each. */
  function replace(reason: string): void {
    worker.terminate();
    const left = [...waiting.values()];
    waiting.clear();
    worker = start();
    for (const job of left) job.reject(new JobError(reason, { isAborted: true }));
  }

  return {
    run(job, input, onEvent) {
      const id = count++;
      const output = new Promise<never>((resolve, reject) => waiting.set(id, { resolve, reject, onEvent }));
      const send = (order: Order): void => worker.postMessage(order);
      send({ id, job, input } as Order);
      return {
        output,
        cancel() {
          const left = waiting.get(id);
          if (left === undefined) return;
          waiting.delete(id);
          send({ id, cancel: true });
          left.reject(new JobError(strings.errors.cancelled, { isAborted: true }));
        },
        hold: (isHeld) => send({ id, hold: isHeld }),
      };
    },
    checkAlive(patience) {
      const before = heard;
      const asked = worker;
      worker.postMessage({ ping: true } satisfies Order);
      setTimeout(() => {
        if (worker !== asked || heard > before) return;
        replace(strings.errors.silent);
        onDeath(strings.errors.silent);
      }, patience);
    },
    restart: () => replace(strings.errors.cancelled),
  };
}
