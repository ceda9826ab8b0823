/** @file `perceptual-ball detect`: has this picture been attacked? */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { Command, Option } from "commander";
import { softmaxAt } from "../../classifier/logits.ts";
import { statedInConfig } from "../../classifier/preprocessing/read-config.ts";
import { type CorrectionForm, correctionForms } from "../../detection/correction.ts";
import { detectOdds, type OddsVerdict } from "../../detection/odds.ts";
import type { OddsStatistics } from "../../detection/odds-statistics.ts";
import { ownerOf, parseStatistics, preprocessingOfStatistics } from "../../detection/statistics-file.ts";
import { BadInputError, MisuseError, PerceptualBallError, UnsupportedError } from "../../errors.ts";
import type { FileClassifier } from "../../node/models/load-classifier.ts";
import { findPictures } from "../../node/pictures/find-pictures.ts";
import { readPictureFile } from "../../node/pictures/read-picture-file.ts";
import { type CliContext, exitCodes, reportError } from "../context.ts";
import { addModelFlags, type ModelFlags } from "../flags/model-flags.ts";
import { batchOption, batchSizeOf } from "../flags/noise-flags.ts";
import { choice, number } from "../flags/parse-values.ts";
import { addPictureFlags, type PictureFlags, pictureArgument, pictureOptionsOf } from "../flags/picture-flags.ts";
import { addRuntimeFlags, loadRuntime, type RuntimeFlags } from "../flags/runtime-flags.ts";
import { openClassifier } from "../open-classifier.ts";
import { createProgress } from "../progress.ts";
import { detectFitCommand } from "./detect-fit.ts";

interface Flags extends ModelFlags, PictureFlags, RuntimeFlags {
  readonly statistics?: string;
  readonly samples?: number;
  readonly stopEarly?: boolean;
  readonly cutoff?: number;
  readonly correction: CorrectionForm | "none";
  readonly batch?: number;
  readonly seed: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export function detectCommand(context: CliContext): Command {
  const command = new Command("detect")
    .description(
      "Adds noise to each picture and looks how the logits move: those of an attacked picture move back toward the class that it was\n" +
        "taken from. Needs statistics of clean pictures: perceptual-ball detect fit. Attacks that know this test defeat it.",
    )
    // Both commands have flags of the same names: those after "fit" are its own.
    .enablePositionalOptions()
    .argument("[image...]", `${pictureArgument}; saved without loss, as PNG`);
  const add = (option: Option): Command => command.addOption(option.helpGroup("Detector:"));
  add(new Option("--statistics <file>", "what `detect fit` wrote for this model"));
  add(
    new Option("--samples <n>", "noise samples per kind (default: as the statistics)").argParser(
      number("--samples", { min: 1, integer: true }),
    ),
  );
  add(new Option("--stop-early", "stop with a picture once the interval of its score is clear of the cutoff"));
  add(new Option("--cutoff <score>", "flag scores above it (default: the statistics')").argParser(number("--cutoff")));
  add(
    new Option("--correction <form>", "how the label of a flagged picture is corrected: regression, pairs or none")
      .default("regression")
      .argParser(choice("--correction", [...correctionForms, "none"])),
  );
  add(batchOption());
  addModelFlags(command, { hasModelFlag: true });
  addPictureFlags(command);
  addRuntimeFlags(command);
  return command
    .option(
      "--seed <n>",
      "seed of the noise",
      number("--seed", { min: 0, max: Number.MAX_SAFE_INTEGER, integer: true }),
      0,
    )
    .option("--json", "print one JSON object per picture")
    .option("--quiet", "no progress and no notes")
    .addHelpText(
      "after",
      `
Examples:
  perceptual-ball detect fit --data cifar10 --model vgg.onnx --first 2000 -o statistics.json
  perceptual-ball detect suspicious.png --statistics statistics.json --model vgg.onnx --stop-early

Exit code: 0 done, 1 a picture, the statistics or the model could not be used, 2 misuse, 130 interrupted.`,
    )
    .action((images: string[], flags: Flags) => detect(images, flags, context))
    .addCommand(detectFitCommand(context));
}

/** `flags` with the preprocessing under which the statistics in `text` were fitted, unless they give one. */
function withFittedPreprocessing(flags: Flags, text: string): Flags {
  const isGiven = [flags.preprocessing, flags.mean, flags.std, flags.scale, flags.channels].some(
    (flag) => flag !== undefined,
  );
  const fitted = isGiven ? undefined : preprocessingOfStatistics(text);
  const stated = fitted === undefined ? undefined : statedInConfig(fitted, flags.statistics ?? "statistics");
  return stated === undefined ? flags : { ...flags, preprocessing: stated };
}

async function detect(given: readonly string[], flags: Flags, context: CliContext): Promise<void> {
  const { io } = context;
  if (given.length === 0 || flags.statistics === undefined) {
    throw new MisuseError({
      where: "detect",
      what: given.length === 0 ? "there is no picture" : "there are no statistics",
      expected: "pictures, and statistics of clean ones",
      advice:
        "perceptual-ball detect fit --data … -o statistics.json, then perceptual-ball detect dog.png --statistics statistics.json",
    });
  }
  const paths = await findPictures(given);
  const text = readStatistics(flags.statistics);
  const runtime = await loadRuntime(flags);
  const classifier = await openClassifier(withFittedPreprocessing(flags, text), {
    runtime,
    signal: io.signal,
    hasOwnPictures: true,
    // Statistics hold for one preprocessing: that which they were fitted under, or that which is given.
    samples: async () => [],
    note: (text) => {
      if (!flags.quiet) io.stderr.write(`${text}\n`);
    },
  });
  const progress = createProgress(io.stderr, { quiet: flags.quiet ?? false });
  try {
    const owner = ownerOf(classifier, classifier.file.sha256);
    const fitted = parseStatistics(text, owner, flags.statistics);
    const statistics = flags.cutoff === undefined ? fitted : { ...fitted, cutoff: { value: flags.cutoff } };
    const pass = await classifier.forward({ batch: batchSizeOf(flags, classifier) });
    const samples = flags.samples ?? statistics.samples;
    const runs = samples * statistics.kinds.length;
    const note = (said: string): void => {
      if (!flags.quiet) progress.around(() => io.stderr.write(`${said}\n`));
    };
    const reading = { ...pictureOptionsOf(flags, note), channelCount: classifier.input.channelCount };
    progress.begin();
    for (const [index, path] of paths.entries()) {
      try {
        const { data: pixels } = classifier.fit(await readPictureFile(path, reading));
        const [verdict] = await detectOdds(pass, statistics, [{ id: nameOf(pixels), pixels }], {
          samples,
          seed: flags.seed,
          stopEarly: flags.stopEarly,
          correction: flags.correction,
          signal: io.signal,
          onProgress: ({ forward }) =>
            progress.update((index + Math.min(1, forward / runs)) / paths.length, basename(path)),
        });
        const line = flags.json
          ? JSON.stringify(recordOf(path, verdict, statistics, classifier))
          : sentenceOf(path, verdict, statistics, classifier);
        progress.around(() => io.stdout.write(`${line}\n`));
      } catch (error) {
        if (!(error instanceof BadInputError || error instanceof UnsupportedError)) throw error;
        context.exitCode = exitCodes.failed;
        progress.around(() => reportError(io, error));
      }
    }
  } finally {
    progress.stop();
    await classifier.dispose();
  }
}

function readStatistics(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const isMissing = code === "ENOENT";
    const complaint = {
      where: path,
      what: isMissing ? "no such file" : `cannot be read (${message})`,
      expected: "a file that `perceptual-ball detect fit` has written",
    };
    throw isMissing ? new MisuseError(complaint, { cause }) : new PerceptualBallError(complaint, { cause });
  }
}

/** What the noise is drawn for: the pixels, so that a picture has one verdict wherever it lies. */
function nameOf(pixels: Float32Array): string {
  return createHash("sha256")
    .update(new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength))
    .digest("hex");
}

function verdictOf({ score, isFlagged }: OddsVerdict): "flagged" | "clean" | "unknown" {
  return score === undefined ? "unknown" : isFlagged ? "flagged" : "clean";
}

/** One line of `--json`. */
function recordOf(image: string, verdict: OddsVerdict, statistics: OddsStatistics, classifier: FileClassifier) {
  const { label, logits, score, samples, correctedLabel } = verdict;
  const named = (index: number) => ({ index, name: classifier.labelName(index) });
  return {
    image,
    verdict: verdictOf(verdict),
    label: { ...named(label), confidence: softmaxAt(logits, label) },
    score: score?.score ?? null,
    interval: score === undefined ? null : score.interval.map((end) => (Number.isFinite(end) ? end : null)),
    cutoff: statistics.cutoff.value,
    toward: score === undefined ? null : named(score.toward),
    correctedLabel: correctedLabel === undefined ? null : named(correctedLabel),
    samples,
    model: { path: classifier.file.path, sha256: classifier.file.sha256 },
  };
}

function sentenceOf(
  image: string,
  verdict: OddsVerdict,
  statistics: OddsStatistics,
  classifier: FileClassifier,
): string {
  const { label, score, samples, correctedLabel, isFlagged } = verdict;
  const name = classifier.labelName(label);
  if (score === undefined) {
    return `${image}: ${name}, unknown: the statistics have too few images of this class`;
  }
  const [low, high] = score.interval;
  const interval = Number.isFinite(low) ? `${low.toFixed(2)} to ${high.toFixed(2)}` : "too few samples for an interval";
  const cutoff = statistics.cutoff.value.toFixed(2);
  const was =
    isFlagged && correctedLabel !== undefined && correctedLabel !== label
      ? `; probably ${classifier.labelName(correctedLabel)} before`
      : "";
  const said = isFlagged ? `FLAGGED, noise moves it toward ${classifier.labelName(score.toward)}${was}` : "clean";
  return `${image}: ${name}, ${said}; score ${score.score.toFixed(2)} (${interval}, cutoff ${cutoff}, ${samples} samples per kind)`;
}
