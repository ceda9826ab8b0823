/** @file `perceptual-ball detect fit --detector …`: statistics of any detectors, of which several go into a folder. */
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Command, Option } from "commander";
import { formatDetectorStatistics } from "../../detection/detector-file.ts";
import { formatStatistics, ownerOf } from "../../detection/odds/statistics-file.ts";
import { BadInputError, MisuseError, type PerceptualBallError } from "../../errors.ts";
import { fitStatistics } from "../../experiments/detection/fit-statistics.ts";
import { type DetectorRun, planRuns } from "../../experiments/detectors/detector-run.ts";
import { fitDetectors } from "../../experiments/detectors/fit-detectors.ts";
import { checkWritableFolder } from "../../node/check-folder.ts";
import { writeFileAtomically } from "../../node/write-file.ts";
import { statisticsLines, statisticsRecord } from "../../report/detection/verdict.ts";
import { detectorStatisticsLines, detectorStatisticsRecord } from "../../report/detectors/verdict.ts";
import { type CliContext, exitCodes, notesOf, reportError, say, sayJson } from "../context.ts";
import { type DetectionDataFlags, trainingData } from "../detection-data.ts";
import type { ModelFlags } from "../flags/model-flags.ts";
import { batchSizeOf, type NoiseFlags } from "../flags/noise-flags.ts";
import { number, words } from "../flags/parse-values.ts";
import type { SpeechFlags } from "../flags/run-flags.ts";
import { addRunnableFlags, attackKind, detectorKind, type RunnableFlags, runsOf } from "../flags/runnables.ts";
import { loadRuntime, type RuntimeFlags } from "../flags/runtime-flags.ts";
import { openClassifier, samplesOfDataset } from "../open-classifier.ts";
import { createProgress } from "../progress.ts";
import { checkStatisticsTarget } from "../read-statistics.ts";

/** Where several detectors' statistics go unless told otherwise. */
export const usualFolder = "statistics";

export interface FitDetectorFlags extends RunnableFlags {
  readonly output?: string;
  readonly seed: number;
  readonly fitAttack?: readonly string[];
  readonly fitImages?: number;
}

interface Flags
  extends ModelFlags,
    Omit<DetectionDataFlags, "trainImages">,
    NoiseFlags,
    RuntimeFlags,
    SpeechFlags,
    FitDetectorFlags {}

const fallback = { fallback: ["odds"] };

export function addFitDetectorFlags(command: Command): void {
  const images = number("--fit-images", { min: 1, integer: true });
  const options = [
    new Option("--fit-attack <attack>", "attack that detectors learn from which do (default: pgd)").argParser(
      words("--fit-attack"),
    ),
    new Option("--fit-images <n>", "pictures that they learn from, the first n not held out (default: 300)").argParser(
      images,
    ),
  ];
  for (const option of options) command.addOption(option.helpGroup("Detectors:"));
  addRunnableFlags(command, detectorKind, fallback);
}

/** The detectors that the flags mean. */
export function detectorRunsOf(flags: RunnableFlags): DetectorRun[] {
  return runsOf(detectorKind, flags, fallback).map(({ name, of, settings }) => ({ name, detector: of, settings }));
}

export async function fitSeveral(
  flags: Flags,
  runs: readonly DetectorRun[],
  command: Command,
  context: CliContext,
): Promise<void> {
  const hasOdds = runs.some(({ name }) => name === "odds");
  checkNoiseFlags(command, hasOdds);
  const [fitAttack, ...more] = runsOf(attackKind, { attack: flags.fitAttack ?? ["pgd"] }, { fallback: ["pgd"] });
  if (fitAttack === undefined || more.length > 0) {
    throw new MisuseError({ where: "--fit-attack", what: "one attack is learned from", expected: "one name" });
  }
  const isSeveral = runs.length > 1;
  const { output = isSeveral ? usualFolder : "statistics.json" } = flags;
  if (isSeveral) mkdirSync(output, { recursive: true });
  checkWritableFolder(isSeveral ? output : dirname(output));
  const fileOf = (name: string): string => (isSeveral ? join(output, `${name}.json`) : output);
  for (const { name } of runs) checkStatisticsTarget(fileOf(name));
  const { io } = context;
  const { signal } = io;
  const progress = createProgress(io.stderr, { quiet: flags.quiet ?? false });
  const note = notesOf(io, { ...flags, progress });
  const classifier = await openClassifier(flags, {
    ...{ runtime: await loadRuntime(flags), signal, note },
    isLabelled: true,
    samples: async (opened) => samplesOfDataset(await trainingData(flags, opened, { signal })),
  });
  const failed = (error: Error): void => {
    context.exitCode = exitCodes.failed;
    progress.around(() => reportError(io, error));
  };
  try {
    const planned = planRuns(runs, classifier);
    const data = await trainingData(flags, classifier, { note, signal });
    const owner = ownerOf(classifier, classifier.file.sha256);
    const { seed, falsePositiveRate } = flags;
    const { name, of: attack, settings } = fitAttack;
    const fitted = await fitDetectors(
      classifier,
      // The test has a file of its own form; nobody has asked for the baselines that every comparison has.
      planned.filter((run) => run.name !== "odds" && runs.some(({ name: asked }) => asked === run.name)),
      data.images,
      {
        ...{ falsePositiveRate, seed, signal, batch: batchSizeOf(flags, classifier) },
        fitAttack: { name, attack, settings, images: flags.fitImages ?? 300 },
        onProgress: ({ done, of }) => progress.update(done / of, `${data.images.length} pictures`),
        onFailure: failed,
      },
    );
    progress.stop();
    const unfitted = new Map<string, { readonly error: PerceptualBallError; readonly names: string[] }>();
    for (const one of fitted) {
      const { run } = one;
      if ("error" in one) {
        const { error } = one;
        const same = unfitted.get(error.message) ?? { error, names: [] };
        same.names.push(run.name);
        unfitted.set(error.message, same);
        continue;
      }
      const file = fileOf(run.name);
      await writeFileAtomically(file, formatDetectorStatistics(one.statistics, owner, data.name));
      if (flags.json) sayJson(io, { output: file, ...detectorStatisticsRecord(one.statistics) });
      else say(io, ...detectorStatisticsLines(one.statistics, file));
    }
    // What several lack, such as pictures for a cutoff, is said once.
    for (const { error, names } of unfitted.values()) {
      const whose = names.join(", ");
      const { where } = error.complaint;
      failed(new BadInputError({ ...error.complaint, where: where === whose ? where : `${whose}: ${where}` }));
    }
    if (hasOdds) await fitOddsToo();

    async function fitOddsToo(): Promise<void> {
      const pass = await classifier.forward({ batch: batchSizeOf(flags, classifier) });
      const statistics = await fitStatistics(classifier, pass, data.images, {
        ...{ kinds: flags.noise, correctionKinds: flags.correctionNoise, samples: flags.samples },
        ...{ antithetic: flags.antithetic, justDetect: flags.justDetect, falsePositiveRate, seed, signal },
        onProgress: ({ done, of }) => progress.update(done / of, "odds"),
      });
      progress.stop();
      const file = fileOf("odds");
      await writeFileAtomically(file, formatStatistics(statistics, owner, data.name));
      if (flags.json) sayJson(io, { output: file, detector: "odds", ...statisticsRecord(statistics, classifier) });
      else say(io, ...statisticsLines(statistics, file, classifier));
    }
  } finally {
    progress.stop();
    await classifier.dispose();
  }
}

/** Throws a MisuseError for flags of the statistical test where it is not among the detectors. */
function checkNoiseFlags(command: Command, hasOdds: boolean): void {
  if (hasOdds) return;
  const names = ["justDetect", "samples", "antithetic", "noise", "correctionNoise"];
  const given = names.find((name) => command.getOptionValueSource(name) === "cli");
  if (given === undefined) return;
  throw new MisuseError({
    where: `--${given.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
    what: "is a setting of odds, which is not fitted",
    expected: "odds among the detectors",
  });
}
