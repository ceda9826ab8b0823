/** @file What the process of a command and its workers both know of an experiment that they compute. */
import { cpus, hostname } from "node:os";
import type { Form } from "../experiments/records/record-form.ts";
import { keyText } from "../experiments/records/record-index.ts";
import type { ExperimentIdentity, FailedRecord } from "../experiments/records/record-store.ts";
import type {
  ExperimentItem,
  ExperimentProgress,
  RunExperimentOptions,
} from "../experiments/records/run-experiment.ts";
import { describeShard, isInShard, type Shard } from "../experiments/records/shards.ts";
import type { RecordWriter } from "../node/records/record-file.ts";
import type { RecordFolder } from "../node/records/record-folder.ts";
import type { CliContext, CliIo } from "./context.ts";
import type { ExperimentFlags } from "./flags/experiment-flags.ts";
import type { ProgressDisplay } from "./progress.ts";

/** Takes an experiment's items where a command would compute them. */
export type QueueConductor = <I extends ExperimentItem, T>(options: ConductOptions<I, T>) => Promise<void>;

/** What a command is given that computes an experiment. */
export interface ExperimentContext extends CliContext {
  /** Takes the items where they are not to be computed here: under `queue`. */
  readonly queue?: QueueConductor;
}

/** What any command is given. */
export interface CommandContext extends ExperimentContext {
  /** The exit code of another command line, whose experiment the conductor takes. */
  readonly run: (argv: readonly string[], io: CliIo, queue: QueueConductor) => Promise<number>;
}

export interface ConductOptions<I extends ExperimentItem, T>
  extends Pick<RunExperimentOptions<I, T>, "items" | "compute" | "batchSize" | "batchOf"> {
  readonly flags: ExperimentFlags & { readonly threads?: number };
  readonly context: ExperimentContext;
  readonly identity: ExperimentIdentity;
  /** The form of the experiment's results. */
  readonly isResult: Form<T>;
  /** Provenance that does not decide results: versions, runtime, machine. Plain JSON. */
  readonly run: object;
}

/** Items of a run (of its shard), how many of them have records, and how many have none. */
export type RunCounts = Pick<ExperimentProgress, "total" | "done" | "failed">;

/** Whose records these are in the folder. */
export function writerName(shard: Shard | undefined): string {
  return shard === undefined ? "1" : `${shard.index}of${shard.of}`;
}

/** This process, as its records say. */
export function recordWriterOf<I extends ExperimentItem, T>({ items, flags }: ConductOptions<I, T>): RecordWriter {
  return {
    host: hostname(),
    machine: `${cpus()[0]?.model.trim() ?? "unknown processor"}, ${process.platform} ${process.arch}`,
    items: new Set(items.map(({ key }) => keyText(key))).size,
    ...(flags.shard === undefined ? {} : { shard: describeShard(flags.shard) }),
  };
}

/** How much of this run's items the folder has. */
export function countsOf<I extends ExperimentItem, T>(
  { items, flags }: ConductOptions<I, T>,
  store: RecordFolder<T>,
): RunCounts {
  const mine = items.filter(({ key }) => isInShard(key, flags.shard));
  const done = mine.filter(({ key }) => store.finished(key) !== undefined).length;
  return { total: mine.length, done, failed: mine.length - done };
}

/** What the bar shows: the share of what was open when this run began, and the time that is left by what each method takes. */
export function showProgress(
  progress: ProgressDisplay,
  { total, done, failed, computed, secondsLeft, isLowerBound = false }: Omit<ExperimentProgress, "seconds">,
): void {
  const open = total - done - failed + computed;
  const failures = failed === 0 ? "" : `, ${failed} failed`;
  const left = secondsLeft === undefined ? "unknown" : { seconds: secondsLeft, isLowerBound };
  progress.update(open === 0 ? 1 : computed / open, `${done} of ${total}${failures}`, left);
}

/** A failure in a line. */
export function describeFailure({ key, message }: FailedRecord): string {
  return `${key.image} (${key.method}): ${message}`;
}
