/** @file An experiment as commands run it: results in a folder, progress, child processes, Ctrl-C, and going on afterwards. */
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { PerceptualBallError, throwIfAborted } from "../errors.ts";
import { printable } from "../escape-text.ts";
import type { Form } from "../experiments/records/record-form.ts";
import type { ExperimentIdentity, FailedRecord } from "../experiments/records/record-store.ts";
import {
  type ExperimentItem,
  type ExperimentProgress,
  type RunExperimentOptions,
  runExperiment,
} from "../experiments/records/run-experiment.ts";
import { isInShard, type Shard } from "../experiments/records/shards.ts";
import { checkWritableFolder } from "../node/check-folder.ts";
import { openRecordFolder, type RecordFolder } from "../node/records/record-folder.ts";
import { runWorkers, type WorkerChannel, workerChannel } from "../node/records/workers.ts";
import { type CliContext, exitCodeOf, exitCodes } from "./context.ts";
import type { ExperimentFlags } from "./flags/experiment-flags.ts";
import { createProgress, type Progress } from "./progress.ts";

export interface ConductOptions<I extends ExperimentItem, T>
  extends Pick<RunExperimentOptions<I, T>, "items" | "compute" | "batchSize" | "batchOf"> {
  readonly flags: ExperimentFlags & { readonly threads?: number };
  readonly context: CliContext;
  readonly identity: ExperimentIdentity;
  /** The form of the experiment's results. */
  readonly isResult: Form<T>;
  /** Provenance that does not decide results: versions, runtime, machine. Plain JSON. */
  readonly run: object;
}

/** What a command makes its report of. */
export interface ConductedExperiment<T> {
  /** All that the folder holds, of this run and of earlier ones; closed for writing. */
  readonly store: RecordFolder<T>;
  /** Items of this run (of its shard), how many of them have records, and how many failed just now. */
  readonly counts: Pick<ExperimentProgress, "total" | "done" | "failed">;
  /** True if Ctrl-C ended the run; the exit code is set. A report of what is there is welcome all the same. */
  readonly isInterrupted: boolean;
}

/** So many shares per worker: fine enough that all end at about the same time. */
const sharesPerWorker = 16;
const executable = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/**
 * Computes what the folder `--out` does not have yet of the items, in this process or in `--workers` children, and gives the folder
 * back with everything in it. In a child it gives `undefined`: there the command has nothing more to do and returns.
 *
 * `compute` is not called in a parent of workers, so whatever is heavy should be opened when it is called first. A command that
 * conducts several experiments lets the first one only have workers: a child does the first and nothing else. Failures are
 * reported and make the exit code 1; Ctrl-C makes it 130 and is not thrown. Throws what `openRecordFolder` and a full disk throw.
 */
export async function conductExperiment<I extends ExperimentItem, T>(
  options: ConductOptions<I, T>,
): Promise<ConductedExperiment<T> | undefined> {
  const { flags, context } = options;
  const channel = workerChannel(context.io.env);
  if (channel !== undefined) {
    await work(options, channel);
    return undefined;
  }
  checkWritableFolder(flags.out);
  const store = await openRecordFolder<T>(flags.out, {
    identity: options.identity,
    run: options.run,
    isResult: options.isResult,
    writer: writerName(flags.shard),
    fresh: flags.fresh,
  });
  const progress = createProgress(context.io.stderr, { quiet: flags.quiet ?? false });
  const note = (text: string): void =>
    progress.around(() => context.io.stderr.write(`perceptual-ball: ${printable(text)}\n`));
  for (const problem of store.problems()) note(problem);
  let isInterrupted = false;
  try {
    await (flags.workers > 1
      ? computeInWorkers(options, store, progress, note)
      : computeHere(options, store, progress, note));
  } catch (error) {
    if (exitCodeOf(error) !== exitCodes.interrupted) throw error;
    isInterrupted = true;
  } finally {
    progress.stop();
    await store.close();
  }
  await store.reload();
  const counts = countsOf(options, store);
  if (isInterrupted) {
    context.exitCode = exitCodes.interrupted;
    note(
      `interrupted; ${counts.done} of ${counts.total} are finished and kept in ${flags.out}: the same command goes on from there.`,
    );
  } else if (counts.done < counts.total) {
    context.exitCode = exitCodes.failed;
    note(`${counts.total - counts.done} of ${counts.total} could not be computed; the same command tries them again.`);
  }
  return { store, counts, isInterrupted };
}

type Note = (text: string) => void;

function writerName(shard: Shard | undefined): string {
  return shard === undefined ? "1" : `${shard.index}of${shard.of}`;
}

function countsOf<I extends ExperimentItem, T>(
  { items, flags }: ConductOptions<I, T>,
  store: RecordFolder<T>,
): ConductedExperiment<T>["counts"] {
  const mine = items.filter(({ key }) => isInShard(key, flags.shard));
  const done = mine.filter(({ key }) => store.finished(key) !== undefined).length;
  return { total: mine.length, done, failed: mine.length - done };
}

/** What the bar shows: the share of what was open when this run began, so that its time left is right. */
function showProgress(
  progress: Progress,
  open: number,
  { total, done, failed, computed }: Omit<ExperimentProgress, "seconds">,
): void {
  const failures = failed === 0 ? "" : `, ${failed} failed`;
  progress.update(open === 0 ? 1 : computed / open, `${done} of ${total}${failures}`);
}

function describeFailure({ key, message }: FailedRecord): string {
  return `${key.image} (${key.method}): ${message}`;
}

async function computeHere<I extends ExperimentItem, T>(
  options: ConductOptions<I, T>,
  store: RecordFolder<T>,
  progress: Progress,
  note: Note,
): Promise<void> {
  const { items, compute, batchSize, batchOf, flags, context } = options;
  const { total, done } = countsOf(options, store);
  progress.begin();
  await runExperiment({
    items,
    store,
    compute,
    batchSize,
    batchOf,
    shard: flags.shard,
    signal: context.io.signal,
    onProgress: (state) => showProgress(progress, total - done, state),
    onFailure: (failure) => note(describeFailure(failure)),
  });
}

/** What a worker tells its parent. */
type WorkerMessage =
  | { readonly type: "computed"; readonly items: number; readonly failures: number }
  | { readonly type: "failure"; readonly failure: FailedRecord };

/** The whole of a worker's life. */
async function work<I extends ExperimentItem, T>(options: ConductOptions<I, T>, channel: WorkerChannel): Promise<void> {
  const { items, compute, batchSize, batchOf, flags, context, identity, run, isResult } = options;
  const signal = AbortSignal.any([context.io.signal, channel.signal]);
  const tell = (message: WorkerMessage): void => channel.send(message);
  const writer = `${writerName(flags.shard)}-worker${channel.number}`;
  let store: RecordFolder<T> | undefined;
  try {
    store = await openRecordFolder<T>(flags.out, { identity, run, writer, isResult });
    for await (const { shard, isRepeated } of channel.shares()) {
      if (isRepeated) await store.reload();
      let [computed, failed] = [0, 0];
      await runExperiment({
        items,
        store,
        compute,
        batchSize,
        batchOf,
        shard,
        signal,
        onProgress(state) {
          if (state.computed > computed) {
            tell({ type: "computed", items: state.computed - computed, failures: state.failed - failed });
          }
          [computed, failed] = [state.computed, state.failed];
        },
        onFailure: (failure) => tell({ type: "failure", failure }),
      });
    }
  } finally {
    channel.close();
    await store?.close();
  }
}

async function computeInWorkers<I extends ExperimentItem, T>(
  options: ConductOptions<I, T>,
  store: RecordFolder<T>,
  progress: Progress,
  note: Note,
): Promise<void> {
  const { flags, context, items } = options;
  const { total, done } = countsOf(options, store);
  if (done === total) return;
  if (!existsSync(executable)) {
    throw new PerceptualBallError({
      where: "--workers",
      what: `${executable} is missing`,
      advice: "Run `npm run build` first.",
    });
  }
  const of = flags.workers * sharesPerWorker;
  const shards = Array.from({ length: of }, (_, index) => ({ index: index + 1, of, within: flags.shard })).filter(
    (shard) => items.some(({ key }) => isInShard(key, shard) && store.finished(key) === undefined),
  );
  let [computed, failed] = [0, 0];
  const show = (): void =>
    showProgress(progress, total - done, { total, done: done + computed - failed, failed, computed });
  progress.begin();
  show();
  const lost = await runWorkers({
    entry: executable,
    argv: workerArguments(context.argv, flags),
    env: context.io.env,
    workers: flags.workers,
    shards,
    signal: context.io.signal,
    onMessage(_worker, message) {
      const told = message as WorkerMessage;
      if (told.type === "failure") note(describeFailure(told.failure));
      else {
        computed += told.items;
        failed += told.failures;
        show();
      }
    },
    onDeath({ worker, reason, isRepeated }) {
      const share = isRepeated ? "its share is done again" : "its share is left undone";
      note(`worker ${worker} has died (${reason}); ${share}.`);
    },
  });
  throwIfAborted(context.io.signal, "conductExperiment");
  if (lost.length > 0) context.exitCode = exitCodes.failed;
}

/** The same command for a child, with its share of the cores. */
function workerArguments(
  argv: readonly string[],
  { threads, workers }: ConductOptions<never, never>["flags"],
): string[] {
  if (threads !== undefined) return [...argv];
  const operands = argv.indexOf("--");
  const position = operands === -1 ? argv.length : operands;
  const each = Math.max(1, Math.floor(availableParallelism() / workers));
  return argv.toSpliced(position, 0, "--threads", String(each));
}
