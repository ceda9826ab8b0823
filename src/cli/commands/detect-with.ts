/** @file `perceptual-ball detect` with other detectors than the statistical test: each of the files' says what it thinks of each picture. */
import { readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { defaultBatch } from "../../classifier/passes/default-batch.ts";
import type { Scorer } from "../../detection/detector.ts";
import { isDetectorFile, parseDetectorStatistics } from "../../detection/detector-file.ts";
import { detectorNamed } from "../../detection/detectors.ts";
import { openMeasuring } from "../../detection/measurement.ts";
import { ownerOf } from "../../detection/odds/statistics-file.ts";
import { BadInputError, MisuseError, UnsupportedError } from "../../errors.ts";
import { findPictures } from "../../node/pictures/find-pictures.ts";
import { readPictureFile } from "../../node/pictures/read-picture-file.ts";
import { detectorVerdictRecord, detectorVerdictSentence } from "../../report/detectors/verdict.ts";
import { indexOfLargest } from "../../tensor/vector.ts";
import {
  type CliContext,
  exitCodes,
  isInterruption,
  notesOf,
  reportError,
  reportInterruption,
  say,
  sayJson,
} from "../context.ts";
import type { ModelFlags } from "../flags/model-flags.ts";
import { type PictureFlags, pictureOptionsOf } from "../flags/picture-flags.ts";
import type { SpeechFlags } from "../flags/run-flags.ts";
import { loadRuntime, type RuntimeFlags } from "../flags/runtime-flags.ts";
import { openClassifier } from "../open-classifier.ts";
import { createProgress } from "../progress.ts";
import { readStatistics, withFittedPreprocessing } from "../read-statistics.ts";

export interface DetectWithFlags extends ModelFlags, PictureFlags, RuntimeFlags, SpeechFlags {
  readonly statistics?: string;
  readonly detector?: readonly string[];
  readonly cutoff?: number;
  readonly batch?: number;
}

/** A file of statistics. */
export interface StatisticsText {
  readonly path: string;
  readonly text: string;
}

/**
 * The files that --statistics and --detector mean: the file, or those of a folder, in two kinds. Throws a MisuseError where a detector has none, and for a
 * folder without any.
 */
export function statisticsFiles(
  given: string,
  detector: readonly string[] | undefined,
): { readonly odds: readonly StatisticsText[]; readonly others: readonly StatisticsText[] } {
  const isFolder = statSync(given, { throwIfNoEntry: false })?.isDirectory() ?? false;
  const paths = isFolder
    ? readdirSync(given)
        .filter((name) => name.endsWith(".json"))
        .sort()
        .map((name) => join(given, name))
    : [given];
  const all = paths.map((path) => ({ path, text: readStatistics(path) }));
  const wanted = detector === undefined || detector.includes("all") ? undefined : detector;
  for (const name of wanted ?? []) detectorNamed(name);
  const nameOf = ({ text }: StatisticsText): string =>
    isDetectorFile(text) ? (/"detector":"([^"]*)"/.exec(text)?.[1] ?? "") : "odds";
  const chosen = wanted === undefined ? all : all.filter((file) => wanted.includes(nameOf(file)));
  const missing = wanted?.filter((name) => !all.some((file) => nameOf(file) === name)) ?? [];
  if (missing.length > 0 || chosen.length === 0) {
    throw new MisuseError({
      where: given,
      what: missing.length > 0 ? `there are no statistics of ${missing.join(", ")}` : "the folder has no statistics",
      expected: `a file of ${missing.length > 0 ? missing.join(", ") : "a detector"}`,
      got: all.length === 0 ? "no file" : `those of ${all.map(nameOf).join(", ")}`,
      advice: `perceptual-ball detect fit --detector ${missing[0] ?? "all"} --data … -o ${given}`,
    });
  }
  return {
    odds: chosen.filter((file) => nameOf(file) === "odds" && !isDetectorFile(file.text)),
    others: chosen.filter(({ text }) => isDetectorFile(text)),
  };
}

/** What each detector says of each picture, a line or an object each. */
export async function detectWith(
  given: readonly string[],
  files: readonly StatisticsText[],
  flags: DetectWithFlags,
  context: CliContext,
): Promise<void> {
  const [first] = files;
  if (first === undefined) return;
  const { io } = context;
  const paths = await findPictures(given);
  const progress = createProgress(io.stderr, { quiet: flags.quiet ?? false });
  const note = notesOf(io, { ...flags, progress });
  const classifier = await openClassifier(withFittedPreprocessing(flags, first.text, first.path), {
    runtime: await loadRuntime(flags),
    signal: io.signal,
    hasOwnPictures: true,
    // Statistics hold for one preprocessing: that which they were fitted under, or that which is given.
    samples: async () => ({ pictures: [] }),
    note,
  });
  let done = 0;
  try {
    const { file } = classifier;
    const owner = ownerOf(classifier, file.sha256);
    const detectors = files.map(({ path, text }) => {
      const statistics = parseDetectorStatistics(text, owner, path);
      const plan = detectorNamed(statistics.detector).on(classifier, statistics.settings);
      const score: Scorer = plan.scorer(statistics);
      return { name: statistics.detector, plan, score, cutoff: flags.cutoff ?? statistics.cutoff.value };
    });
    const batch = classifier.prepared.batchFor(flags.batch ?? Math.min(8, defaultBatch(classifier)));
    const { measure } = await openMeasuring(
      classifier,
      detectors.flatMap(({ plan }) => plan.parts),
      { batch },
    );
    const reading = { ...pictureOptionsOf(flags, note), channelCount: classifier.input.channelCount };
    const model = { path: file.path, sha256: file.sha256 };
    progress.begin();
    for (const [index, path] of paths.entries()) {
      try {
        const { data: pixels } = classifier.fit(await readPictureFile(path, reading));
        const [measured] = await measure([{ id: path, pixels }], { signal: io.signal });
        const label = measured?.logits === undefined ? undefined : indexOfLargest(measured.logits);
        progress.update((index + 1) / paths.length, basename(path));
        progress.around(() => {
          for (const { name, score, cutoff } of detectors) {
            const verdict = { detector: name, label, score: score(measured ?? {}), cutoff };
            if (flags.json) sayJson(io, detectorVerdictRecord(path, verdict, classifier, model));
            else say(io, detectorVerdictSentence(path, verdict, classifier));
          }
        });
        done++;
      } catch (error) {
        if (!(error instanceof BadInputError || error instanceof UnsupportedError)) throw error;
        context.exitCode = exitCodes.failed;
        progress.around(() => reportError(io, error));
      }
    }
  } catch (error) {
    if (!isInterruption(error)) throw error;
    progress.stop();
    reportInterruption(context, { done, of: paths.length });
  } finally {
    progress.stop();
    await classifier.dispose();
  }
}
