/** @file The server of a queue by its address, and BullMQ's classes for it: Redis and Valkey, or PostgreSQL. */
import type { JobsOptions, WorkerOptions } from "bullmq";
import { BadInputError, MisuseError } from "../../errors.ts";

/** All items of some pictures, as a queue hands them out. */
export interface BatchTask {
  /** The hash of the experiment's identity. */
  readonly experiment: string;
  /** Hashes of the pictures' identifiers. */
  readonly pictures: readonly string[];
  /** How many items that are. */
  readonly items: number;
  /** How often a worker has begun with it and handed it back in good order. */
  readonly handedBack: number;
}

/** What became of a batch. */
export interface BatchOutcome {
  readonly finished: number;
  readonly failed: number;
  /** Set where the batch was handed back as one batch per picture, since processes died at it: how many. */
  readonly split?: number;
}

/** How far a worker has come with a batch. */
export interface BatchProgress {
  readonly done: number;
  readonly of: number;
  /** The worker, as its records name it. */
  readonly by: string;
}

/** A batch in a queue. */
export interface Task {
  readonly id?: string | undefined;
  readonly data: BatchTask;
  /** How often a worker has begun with it. */
  readonly attemptsStarted: number;
  readonly progress: unknown;
  readonly returnvalue: BatchOutcome | null;
  readonly failedReason?: string;
  updateProgress(progress: BatchProgress): Promise<void>;
  updateData(data: BatchTask): Promise<void>;
  /** Hands it back to the queue; the processor then throws a `WaitingError`. */
  moveToWait(token?: string): Promise<unknown>;
  retry(state: "failed", options: { readonly resetAttemptsStarted: boolean }): Promise<void>;
}

export type TaskState = "wait" | "active" | "delayed" | "prioritized" | "completed" | "failed";

/** What is used of BullMQ's `Queue`. */
export interface TaskQueue {
  waitUntilReady(): Promise<unknown>;
  addBulk(tasks: { name: string; data: BatchTask; opts: JobsOptions }[]): Promise<readonly Task[]>;
  getJobs(states: TaskState[], start: number, end: number, asc: boolean): Promise<readonly Task[]>;
  getJob(id: string): Promise<Task | undefined>;
  getJobCounts(...states: TaskState[]): Promise<Readonly<Record<string, number>>>;
  on(event: "error", listener: (error: Error) => void): unknown;
  close(): Promise<void>;
}

export type Processor = (task: Task, token?: string) => Promise<BatchOutcome>;

/** What is used of BullMQ's `Worker`. */
export interface TaskWorker {
  waitUntilReady(): Promise<unknown>;
  /** Takes batches until it is closed. */
  run(): Promise<void>;
  on(event: "error", listener: (error: Error) => void): unknown;
  close(): Promise<void>;
}

/** The queues of one server. */
export interface QueueServer {
  /** The address without its password, for messages. */
  readonly shown: string;
  openQueue(name: string): TaskQueue;
  openWorker(name: string, processor: Processor, options: Omit<WorkerOptions, "connection">): TaskWorker;
  /** What a processor throws that has handed its batch back. */
  waitingError(): Error;
  /** What a processor throws if the batch is not to be tried again. */
  unrecoverableError(message: string): Error;
}

const schemes: Readonly<Record<string, "redis" | "postgres">> = {
  "redis:": "redis",
  "rediss:": "redis",
  "valkey:": "redis",
  "valkeys:": "redis",
  "postgres:": "postgres",
  "postgresql:": "postgres",
};

/**
 * The class of PostgreSQL's clients, such that a server that dies between two queries of a connection ends no process: that is an event, which nobody listens to while a
 * connection is opened or closed. BullMQ takes its second connection's class from `pg` itself, so it is put there.
 */
function listenedClient(pg: typeof import("pg").default): typeof import("pg").Client {
  if ("isListened" in pg.Client) return pg.Client;
  class ListenedClient extends pg.Client {
    static readonly isListened = true;
    override emit(event: string | symbol, ...values: unknown[]): boolean {
      return event === "error" && this.listenerCount("error") === 0 ? false : super.emit(event, ...values);
    }
  }
  Object.assign(pg, { Client: ListenedClient });
  return ListenedClient;
}

/**
 * The server at `address`, such as `redis://host:6379` or `postgres://user:password@host/database`. Nothing is connected yet. In PostgreSQL the
 * queue lives in a schema of its own, `bullmq`, which is made when it is not there.
 *
 * Throws a {@link MisuseError} for another kind of address, and what an import of a package that is not installed throws.
 */
export async function queueServer(address: string): Promise<QueueServer> {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const kind = schemes[url?.protocol ?? ""];
  if (url === undefined || kind === undefined) {
    throw new MisuseError({
      where: "queue",
      what: "not the address of a queue",
      expected: "redis://HOST:6379, valkey://HOST:6379 or postgres://USER:PASSWORD@HOST/DATABASE (rediss:// with TLS)",
      got: JSON.stringify(withoutPassword(address)),
    });
  }
  const bull = await import("bullmq");
  const errors = {
    waitingError: () => new bull.WaitingError(),
    unrecoverableError: (message: string) => new bull.UnrecoverableError(message),
  };
  const shown = withoutPassword(address);
  if (kind === "postgres") {
    const { Queue, Worker } = bull.withBackend(bull.createPostgresBackend);
    const { default: pg } = await import("pg");
    const connection = { connectionString: address, migrate: true, Client: listenedClient(pg) };
    return {
      ...{ shown, ...errors },
      openQueue: (name) => new Queue<BatchTask, BatchOutcome>(name, { connection }),
      openWorker: (name, processor, options) =>
        new Worker<BatchTask, BatchOutcome>(name, processor, { ...options, connection }),
    };
  }
  await import("ioredis");
  const connection = { url: address.replace(/^valkey/, "redis"), maxRetriesPerRequest: null };
  return {
    ...{ shown, ...errors },
    openQueue: (name) => new bull.Queue<BatchTask, BatchOutcome>(name, { connection }),
    openWorker: (name, processor, options) =>
      new bull.Worker<BatchTask, BatchOutcome>(name, processor, { ...options, connection }),
  };
}

/**
 * The queue, connected. What fails since the server is away, or is just being started, is tried again for so many `seconds`; adding
 * twice is adding once. Throws a {@link BadInputError} if the server does not answer in this time, here or later.
 */
export async function connectQueue(server: QueueServer, name: string, seconds = 10): Promise<TaskQueue> {
  const persist = <T>(ask: (milliseconds: number) => Promise<T>): Promise<T> => askAgain(server, ask, seconds);
  const queue = await persist((milliseconds) => connectOnce(server, name, milliseconds));
  return {
    waitUntilReady: () => queue.waitUntilReady(),
    addBulk: (tasks) => persist(() => queue.addBulk(tasks)),
    getJobs: (...asked) => persist(() => queue.getJobs(...asked)),
    getJob: (id) => persist(() => queue.getJob(id)),
    getJobCounts: (...states) => persist(() => queue.getJobCounts(...states)),
    on: (event, listener) => queue.on(event, listener),
    close: () => queue.close(),
  };
}

/**
 * A worker that is connected and does not run yet. A worker remembers how its first connection went: one that was opened while the server was
 * being started would fail for ever, and take the processor for it. So it is opened again, for so many `seconds`. Throws as
 * {@link connectQueue} does.
 */
export function connectWorker(
  server: QueueServer,
  name: string,
  processor: Processor,
  options: Parameters<QueueServer["openWorker"]>[2],
  seconds = 10,
): Promise<TaskWorker> {
  const open = async (): Promise<TaskWorker> => {
    const worker = server.openWorker(name, processor, { ...options, autorun: false });
    // What is wrong with a connection is what waiting for it rejects with.
    worker.on("error", () => {});
    try {
      await worker.waitUntilReady();
      return worker;
    } catch (error) {
      void worker.close().catch(() => {});
      throw error;
    }
  };
  return askAgain(server, open, seconds);
}

const retryMs = 500;

async function askAgain<T>(
  server: QueueServer,
  ask: (milliseconds: number) => Promise<T>,
  seconds: number,
): Promise<T> {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    try {
      return await ask(end - performance.now());
    } catch (error) {
      if (end - performance.now() < retryMs) {
        throw new BadInputError(
          {
            where: `queue ${server.shown}`,
            what: "the server cannot be used",
            got: reasonOf(error),
            advice: "Is it running, and is the address right?",
          },
          { cause: error },
        );
      }
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
  }
}

async function connectOnce(server: QueueServer, name: string, milliseconds: number): Promise<TaskQueue> {
  const queue = server.openQueue(name);
  let last: Error | undefined;
  queue.on("error", (error) => {
    last = error;
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const silence = new Error(`no answer for ${Math.round(milliseconds / 1000)} s`);
    timer = setTimeout(() => reject(last ?? silence), milliseconds);
  });
  try {
    await Promise.race([queue.waitUntilReady(), late]);
    return queue;
  } catch (error) {
    void queue.close().catch(() => {});
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function reasonOf(error: unknown): string {
  // A refused connection to a name with several addresses has its reason inside.
  const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: unknown };
  const [said, word] = [message, code].map((part) => (typeof part === "string" ? part : ""));
  return said.includes(word) && said !== ""
    ? said
    : [said, word].filter((part) => part !== "").join(", ") || String(error);
}

function withoutPassword(address: string): string {
  return address.replace(/(\/\/[^:/@]*):[^@]*@/, "$1:…@");
}
