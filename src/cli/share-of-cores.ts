/** @file The cores of a machine, shared by processes that run one command line: how many pay off, and what each has. */
import { availableParallelism, freemem } from "node:os";
import { machineMemory } from "../node/models/machine-memory.ts";
import { describeSeconds } from "./progress.ts";

/** The arguments of a command with `--threads`, before its operands, for one of so many processes. */
export function withShareOfCores(argv: readonly string[], processes: number): string[] {
  const operands = argv.indexOf("--");
  const position = operands === -1 ? argv.length : operands;
  const each = Math.max(1, Math.floor(availableParallelism() / processes));
  return argv.toSpliced(position, 0, "--threads", String(each));
}

/** What is known of a run once its first items are computed. */
export interface MeasuredRun {
  /** Cores for this run. */
  readonly cores: number;
  /** Items that are still to be computed. */
  readonly open: number;
  /** What one of them takes in this process, with all cores for each run of the network. */
  readonly secondsPerItem: number;
  /** What a process takes until it computes: to begin, read the model, and open its sessions. */
  readonly startSeconds: number;
  /** The most memory that this process has had. */
  readonly peakBytes: number;
  /** What of the machine's memory, or the container's, is free. */
  readonly freeBytes: number;
}

/**
 * One process per core, of one thread each, gets through more than one process whose threads share each run: the threads wait for each other at every
 * operator, and for whatever is done between runs. Measured on two cores: 1.4 to 1.9 times as much for small networks. What a large network gains is less, and
 * this is what has to pay for the start.
 */
const leastGain = 1.25;
/** Of what is free, so much at most. */
const memoryShare = 0.8;

/** The number of processes, 1 where this one should go on alone. */
export function workersFor(run: MeasuredRun): number {
  const { cores, open, secondsPerItem, startSeconds, peakBytes, freeBytes } = run;
  const most = Math.min(cores, open, Math.floor((memoryShare * freeBytes) / Math.max(1, peakBytes)));
  const alone = open * secondsPerItem;
  const together = startSeconds + alone / leastGain;
  return most > 1 && together < alone ? most : 1;
}

/** The number of processes for what is open by what this one has measured, and that in words. */
export function measuredWorkers({
  open,
  secondsPerItem,
  startSeconds,
}: Pick<MeasuredRun, "open" | "secondsPerItem" | "startSeconds">): { readonly workers: number; readonly text: string } {
  const workers = workersFor({
    ...{ open, secondsPerItem, startSeconds },
    cores: availableParallelism(),
    peakBytes: 1024 * process.resourceUsage().maxRSS,
    freeBytes: Math.min(freemem(), machineMemory()),
  });
  const measured = `${describeSeconds(secondsPerItem)} for one, ${describeSeconds(startSeconds)} to start`;
  return {
    workers,
    text: `--workers auto: ${workers === 1 ? "this process alone" : `${workers} processes`} (${measured})`,
  };
}
