/**
 * @file Ends a process whose computation hangs, in JavaScript or in a native library. Its batch then goes to another worker, as after any
 * death of a process. A thread of its own watches, since the main one may be what hangs.
 */
import { Worker } from "node:worker_threads";

export interface Watchdog {
  /** Something was finished, or begins: the time starts anew. */
  alive(): void;
  /** Nothing is being computed. */
  rest(): void;
  stop(): void;
}

/** The thread: it looks every second, and kills what is late. The clock is monotonic: setting the time of day changes nothing. */
const watching = `
const { workerData: { deadline, message } } = require("node:worker_threads");
setInterval(() => {
  const end = Atomics.load(deadline, 0);
  if (end === 0n || process.hrtime.bigint() < end) return;
  require("node:fs").writeSync(2, message);
  process.kill(process.pid, "SIGKILL");
}, 1000);
`;

/** Kills this process, after writing `message` to stderr, if `seconds` pass between `alive` and the next call of any kind. */
export function startWatchdog(seconds: number, message: string): Watchdog {
  const deadline = new BigInt64Array(new SharedArrayBuffer(8));
  const thread = new Worker(watching, { eval: true, execArgv: [], workerData: { deadline, message: `${message}\n` } });
  thread.unref();
  return {
    alive: () => Atomics.store(deadline, 0, process.hrtime.bigint() + BigInt(Math.round(seconds * 1e9))),
    rest: () => Atomics.store(deadline, 0, 0n),
    stop: () => void thread.terminate(),
  };
}
