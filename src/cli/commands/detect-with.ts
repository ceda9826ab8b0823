/** @file `perceptual-ball detect` with other detectors than the statistical test: each of the files' says what it thinks of each picture. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { defaultBatch } from "../../classifier/passes/default-batch.ts";
import type { Scorer } from "../../detection/detector.ts";
import { isDetectorFile, parseDetectorStatistics } from "../../detection/detector-file.ts";
import { detectorNamed } from "../../detection/detectors.ts";
import { openMeasuring } from "../../detection/measurement.ts";
import { ownerOf } from "../../detection/odds/statistics-file.ts";
import { MisuseError } from "../../errors.ts";
import { detectorVerdictRecord, detectorVerdictSentence } from "../../report/detectors/verdict.ts";
import { indexOfLargest } from "../../tensor/vector.ts";
import type { CliContext } from "../context.ts";
import { type JudgeFlags, judgePictures, type StatisticsText } from "../judge-pictures.ts";
import { readStatistics } from "../read-statistics.ts";

export interface DetectWithFlags extends JudgeFlags {
  readonly statistics?: string;
  readonly detector?: readonly string[];
  readonly cutoff?: number;
  readonly batch?: number;
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
  const { signal } = context.io;
  await judgePictures(given, first, { flags, context }, async (classifier) => {
    const { file } = classifier;
    const owner = ownerOf(classifier, file.sha256);
    const detectors = files.map(({ path, text }) => {
      const statistics = parseDetectorStatistics(text, owner, path);
      const plan = detectorNamed(statistics.detector).on(classifier, statistics.settings);
      const score: Scorer = plan.scorer(statistics);
      return { name: statistics.detector, plan, score, cutoff: flags.cutoff ?? statistics.cutoff.value };
    });
    const batch = classifier.prepared.batchFor(flags.batch ?? Math.min(8, defaultBatch(classifier)));
    const parts = detectors.flatMap(({ plan }) => plan.parts);
    const { measure } = await openMeasuring(classifier, parts, { batch });
    const model = { path: file.path, sha256: file.sha256 };
    return async ({ path, pixels }) => {
      const [measured] = await measure([{ id: path, pixels }], { signal });
      const label = measured?.logits === undefined ? undefined : indexOfLargest(measured.logits);
      return detectors.map(({ name, score, cutoff }) => {
        const verdict = { detector: name, label, score: score(measured ?? {}), cutoff };
        return {
          record: detectorVerdictRecord(path, verdict, classifier, model),
          sentence: detectorVerdictSentence(path, verdict, classifier),
        };
      });
    };
  });
}
