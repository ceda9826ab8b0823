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
}

interface Waiting {
  resolve(output: never): void;
  reject(error: JobError): void;
  onEvent?(event: never): void;
}

/** `onDeath` is called with what is known where the worker died by itself; a new one has been started then. */
export function createWorkerClient(makeWorker: () => Worker, onDeath: (reason: string) => void): WorkerClient {
  const waiting = new Map<number, Waiting>();
  let count = 0;
  let worker = start();

  function start(): Worker {
    const started = makeWorker();
    started.addEventListener("message", ({ data }: MessageEvent<Answer>) => {
      const job = waiting.get(data.id);
      if (job === undefined) return;
      if ("event" in data) {
        job.onEvent?.(data.event as never);
        return;
      }
      waiting.delete(data.id);
      if ("error" in data) job.reject(new JobError(data.error.message, data.error));
      else job.resolve(data.output as never);
    });
    const died = (event: Event): void => {
      if (started !== worker) return;
      event.preventDefault();
      const reason = event instanceof ErrorEvent && event.message ? event.message : strings.errors.workerEnded;
      replace(new JobError(strings.errors.workerDied(reason)));
      onDeath(reason);
    };
    started.addEventListener("error", died);
    started.addEventListener("messageerror", died);
    return started;
  }

  function replace(error: JobError): void {
    worker.terminate();
    const left = [...waiting.values()];
    waiting.clear();
    worker = start();
    for (const job of left) job.reject(error);
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
    restart: () => replace(new JobError(strings.errors.cancelled, { isAborted: true })),
  };
}
