/** @file An experiment as commands run it: results in a folder, progress, child processes, Ctrl-C, and going on afterwards. */
import {
  type ExperimentItem,
  type ExperimentProgress,
  failedRecords,
  runExperiment,
} from "../experiments/records/run-experiment.ts";
import { isInShard } from "../experiments/records/shards.ts";
import { checkWritableFolder } from "../node/check-folder.ts";
import { openRecordFolder, type RecordFolder } from "../node/records/record-folder.ts";
import { workerChannel } from "../node/records/workers.ts";
import { exitCodes, isInterruption, type Note, notesOf, reportInterruption } from "./context.ts";
import {
  type ConductOptions,
  countsOf,
  describeFailure,
  type RunCounts,
  recordWriterOf,
  showProgress,
  writerName,
} from "./experiment-run.ts";
import { createProgress, type ProgressDisplay } from "./progress.ts";
import { computeInWorkers, work } from "./run-in-workers.ts";
import { measuredWorkers } from "./share-of-cores.ts";

/** What is said of a share whose report says nothing by itself. */
export const shareFinished =
  "The share is finished. `perceptual-ball merge` unites the folders; the same command without --shard then writes the report.";

/** What a command makes its report of. */
export interface ConductedExperiment<T> {
  /** All that the folder holds, of this run and of earlier ones; closed for writing. */
  readonly store: RecordFolder<T>;
  /** Items of this run (of its shard), how many of them have records, and how many failed just now. */
  readonly counts: RunCounts;
  /** True if Ctrl-C ended the run; the exit code is set. A report of what is there is welcome all the same. */
  readonly isInterrupted: boolean;
}

/**
 * Computes what the folder `--out` does not have yet of the items, in this process or in `--workers` children, and gives the folder
 * back with everything in it. In a child, and under `queue`, it gives `undefined`: there the command has nothing more to do and returns.
 *
 * `compute` is not called in a parent of workers, so whatever is heavy should be opened when it is called first. A command that
 * conducts several experiments lets the first one only have workers: a child does the first and nothing else. Failures are
 * reported and make the exit code 1; Ctrl-C makes it 130 and is not thrown. Throws what `openRecordFolder` and a full disk throw.
 */
export async function conductExperiment<I extends ExperimentItem, T>(
  options: ConductOptions<I, T>,
): Promise<ConductedExperiment<T> | undefined> {
  const { flags, context } = options;
  if (context.queue !== undefined) {
    await context.queue(options);
    return undefined;
  }
  const channel = workerChannel(context.io.env);
  if (channel !== undefined) {
    await work(options, channel);
    return undefined;
  }
  checkWritableFolder(flags.out);
  const store = await openRecordFolder<T>(flags.out, {
    identity: options.identity,
    run: options.run,
    by: recordWriterOf(options),
    isResult: options.isResult,
    writer: writerName(flags.shard),
    fresh: flags.fresh,
  });
  const progress = createProgress(context.io.stderr, { quiet: flags.quiet ?? false });
  // What could not be computed is said even where nothing else is.
  const say = notesOf(context.io, { progress });
  const note: Note = (text) => say(`perceptual-ball: ${text}`);
  for (const problem of store.problems()) note(problem);
  const { shard } = flags;
  if (shard?.source !== undefined) note(`share ${shard.index} of ${shard.of}, from ${shard.source}`);
  let isInterrupted = false;
  try {
    const { workers } = flags;
    if (workers === "auto") await computeByMeasure(options, store, progress, note);
    else
      await (workers > 1
        ? computeInWorkers(options, workers, store, progress, note)
        : computeHere(options, store, progress, note));
  } catch (error) {
    if (!isInterruption(error)) throw error;
    isInterrupted = true;
  } finally {
    progress.stop();
    await store.close();
  }
  await store.reload();
  const counts = countsOf(options, store);
  if (isInterrupted) {
    const advice = "The same command goes on from there.";
    reportInterruption(context, {
      ...{ done: counts.done, of: counts.total },
      unit: "results",
      keptIn: counts.done === 0 ? undefined : flags.out,
      advice,
    });
  } else if (counts.done < counts.total) {
    const failures = failedRecords(
      store,
      options.items.filter(({ key }) => isInShard(key, flags.shard)),
    );
    // What is missing may have failed, but not be left undone.
    if (failures.length === counts.failed && failures.length <= flags.allowFailed) {
      note(`${counts.failed} of ${counts.total} could not be computed, which --allow-failed allows:`);
      for (const failure of failures) note(describeFailure(failure));
    } else {
      context.exitCode = exitCodes.failed;
      note(`${counts.failed} of ${counts.total} could not be computed; the same command tries them again.`);
    }
  }
  return { store, counts, isInterrupted };
}

async function computeHere<I extends ExperimentItem, T>(
  options: ConductOptions<I, T>,
  store: RecordFolder<T>,
  progress: ProgressDisplay,
  note: Note,
  watch?: { readonly pause: AbortSignal; readonly see: (state: ExperimentProgress) => void },
): Promise<void> {
  const { items, compute, batchSize, batchOf, flags, context } = options;
  progress.begin();
  await runExperiment({
    items,
    store,
    compute,
    batchSize,
    batchOf,
    shard: flags.shard,
    signal: context.io.signal,
    pause: watch?.pause,
    onProgress(state) {
      showProgress(progress, state);
      watch?.see(state);
    },
    onFailure: (failure) => note(describeFailure(failure)),
  });
}

/** The first items are computed until so many seconds have been measured. */
const measuredSeconds = 1;

/** Computes the first items here, and the others in as many children as pay off by what those took; here as well where none do. */
async function computeByMeasure<I extends ExperimentItem, T>(
  options: ConductOptions<I, T>,
  store: RecordFolder<T>,
  progress: ProgressDisplay,
  note: Note,
): Promise<void> {
  const before = process.uptime();
  const enough = new AbortController();
  // What the first batch takes holds the opening of sessions as well.
  let first: ExperimentProgress | undefined;
  let latest: ExperimentProgress | undefined;
  await computeHere(options, store, progress, note, {
    pause: enough.signal,
    see(state) {
      if (state.computed === 0) return;
      latest = state;
      if (first === undefined) first = state;
      else if (state.seconds - first.seconds >= measuredSeconds) enough.abort();
    },
  });
  if (!enough.signal.aborted || first === undefined || latest === undefined) return;
  const secondsPerItem = (latest.seconds - first.seconds) / (latest.computed - first.computed);
  const startSeconds = before + Math.max(0, first.seconds - first.computed * secondsPerItem);
  const open = latest.total - latest.done - latest.failed;
  const { workers, text } = measuredWorkers({ open, secondsPerItem, startSeconds });
  note(text);
  await (workers === 1
    ? computeHere(options, store, progress, note)
    : computeInWorkers(options, workers, store, progress, note));
}
