/** @file Child processes that share the work of an experiment: each asks for the next share until none is left. */
import { type ChildProcess, fork } from "node:child_process";
import type { Shard } from "../../experiments/records/shards.ts";

/** Environment variable that makes a process a worker; its value is the worker's number, from 1. */
export const workerVariable = "PERCEPTUAL_BALL_WORKER";

/** What a worker is told. */
type Order = { readonly type: "share"; readonly share: WorkerShare } | { readonly type: "stop" | "abort" };
/** What a worker tells; a message is plain JSON unless {@link RunWorkersOptions.cloned} is set. */
type Report = { readonly type: "ready" } | { readonly type: "message"; readonly message: unknown };

/** A share of the work. */
export interface WorkerShare {
  readonly shard: Shard;
  /** True if a worker has died at it: some of its items may be finished. */
  readonly isRepeated: boolean;
}

/** A worker's side. */
export interface WorkerChannel {
  /** The worker's number, from 1; a worker that takes a dead one's place has its number. */
  readonly number: number;
  /** Aborted when the parent wants to stop, and when it has died. */
  readonly signal: AbortSignal;
  /** The shares to do, one after the other. The parent counts a share as done when the next one is asked for. */
  shares(): AsyncGenerator<WorkerShare, void>;
  /** Sends a message to the parent's `onMessage`: plain JSON, or with {@link RunWorkersOptions.cloned} whatever can be cloned. */
  send(message: unknown): void;
  /** Lets go of the parent; otherwise the channel keeps this process alive. */
  close(): void;
}

/** The channel to the parent if this process was started by {@link runWorkers}, otherwise undefined. To be called once. */
export function workerChannel(env: Readonly<Record<string, string | undefined>>): WorkerChannel | undefined {
  const number = Number(env[workerVariable]);
  if (!(number >= 1) || process.send === undefined) return undefined;
  const abort = new AbortController();
  const orders: Order[] = [];
  let wake: (() => void) | undefined;
  const receive = (order: Order): void => {
    if (order.type === "abort") abort.abort();
    orders.push(order);
    wake?.();
  };
  process.on("message", receive);
  process.on("disconnect", () => receive({ type: "abort" }));
  const tell = (report: Report): void => {
    if (process.connected) process.send?.(report, () => undefined);
  };
  return {
    number,
    signal: abort.signal,
    send: (message) => tell({ type: "message", message }),
    close() {
      if (process.connected) process.disconnect();
    },
    async *shares() {
      for (;;) {
        tell({ type: "ready" });
        if (orders.length === 0) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
        const order = orders.shift();
        if (order?.type !== "share") return;
        yield order.share;
      }
    },
  };
}

export interface RunWorkersOptions {
  /** The JavaScript file that each child runs, and its arguments. */
  readonly entry: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The most children at a time. */
  readonly workers: number;
  /** Whether messages are structured clones, which may hold typed arrays, and not JSON. Default false. */
  readonly cloned?: boolean;
  /** Split finely, so that no worker is left with a large share when the others are done. */
  readonly shards: readonly Shard[];
  readonly signal?: AbortSignal;
  readonly onMessage?: (worker: number, message: unknown) => void;
  /** Called when a child has ended without finishing its share. */
  readonly onDeath?: (death: WorkerDeath) => void;
}

export interface WorkerDeath {
  readonly worker: number;
  /** The share under way, if it had one. */
  readonly shard?: Shard;
  /** How it ended: its exit code or signal, and the last line that it wrote to stderr. */
  readonly reason: string;
  /** Whether another worker does the share again. */
  readonly isRepeated: boolean;
}

/** A worker that did not obey is killed after this long. */
const patienceMs = 20_000;

/**
 * The shards that were not finished, in the end: none if all went well; after an abort those that were open; otherwise those at which
 * two workers have died, and all that were left if workers die before they begin or more of them in a row than there are seats.
 */
export async function runWorkers(options: RunWorkersOptions): Promise<Shard[]> {
  const { workers, shards, signal, onMessage, onDeath } = options;
  const queue: WorkerShare[] = shards.map((shard) => ({ shard, isRepeated: false }));
  const lost: Shard[] = [];
  const children = new Map<number, ChildProcess>();
  // Deaths since a share was last finished: a full disk or a wrong model kills whoever comes next as well.
  let [deaths, isHopeless] = [0, false];

  const runOne = (number: number): Promise<void> =>
    new Promise((resolve) => {
      const child = forkWorker(number, options);
      children.set(number, child);
      let share: WorkerShare | undefined;
      let hasBegun = false;
      let lastLine = "";
      child.stderr?.setEncoding("utf8").on("data", (text: string) => {
        lastLine = text.trimEnd().split("\n").at(-1) || lastLine;
      });
      const tell = (order: Order): void => {
        if (child.connected) child.send(order, () => undefined);
      };
      child.on("message", (report: Report) => {
        if (report.type === "message") {
          onMessage?.(number, report.message);
          return;
        }
        hasBegun = true;
        if (share !== undefined) deaths = 0;
        share = signal?.aborted ? undefined : queue.shift();
        tell(share === undefined ? { type: "stop" } : { type: "share", share });
      });
      let startError: Error | undefined;
      child.on("error", (error) => {
        startError ??= error;
        // A process that could not be started has no end.
        if (child.pid === undefined) child.emit("close", null, null);
      });
      child.once("close", (code: number | null, killedBy: string | null) => {
        children.delete(number);
        const isFinished = share === undefined && code === 0;
        if (!isFinished && !signal?.aborted) {
          const isRepeated = share !== undefined && !share.isRepeated;
          if (share !== undefined && isRepeated) queue.push({ shard: share.shard, isRepeated });
          else if (share !== undefined) lost.push(share.shard);
          deaths++;
          isHopeless ||= !hasBegun || deaths > workers;
          // What was written before a kill says nothing about it.
          const said = lastLine === "" ? "" : `: ${lastLine}`;
          const end = startError?.message ?? (killedBy === null ? `exit code ${code}${said}` : `killed by ${killedBy}`);
          onDeath?.({
            worker: number,
            shard: share?.shard,
            reason: end,
            isRepeated,
          });
        } else if (share !== undefined) lost.push(share.shard);
        resolve();
      });
    });

  const stop = (): void => {
    for (const child of children.values()) {
      if (child.connected) child.send({ type: "abort" } satisfies Order, () => undefined);
      setTimeout(() => child.kill("SIGKILL"), patienceMs).unref();
    }
  };
  signal?.addEventListener("abort", stop, { once: true });
  try {
    const seat = async (number: number): Promise<void> => {
      while (queue.length > 0 && !isHopeless && !signal?.aborted) await runOne(number);
    };
    await Promise.all(Array.from({ length: Math.min(workers, shards.length) }, (_, index) => seat(index + 1)));
  } finally {
    signal?.removeEventListener("abort", stop);
  }
  return [...lost, ...queue.map(({ shard }) => shard)];
}

function forkWorker(number: number, { entry, argv, env, cloned = false }: RunWorkersOptions): ChildProcess {
  return fork(entry, argv, {
    serialization: cloned ? "advanced" : "json",
    env: { ...env, [workerVariable]: String(number) },
    // In a group of its own a child does not get the terminal's Ctrl-C, only the parent's word.
    detached: true,
    // Flags of the parent's own (a loader, an inspector's port) are not for its children.
    execArgv: [],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
}
