/** @file `perceptual-ball detect`: has this picture been attacked? */
import { createHash } from "node:crypto";
import { Command, Option } from "commander";
import { type CorrectionForm, correctionForms } from "../../detection/odds/correction.ts";
import { detectOdds } from "../../detection/odds/odds.ts";
import { ownerOf, parseStatistics } from "../../detection/odds/statistics-file.ts";
import { MisuseError } from "../../errors.ts";
import { bundledStatisticsPath } from "../../node/models/bundled.ts";
import { verdictRecord, verdictSentence } from "../../report/detection/verdict.ts";
import type { CliContext } from "../context.ts";
import { describeHelp } from "../flags/help.ts";
import { addModelFlags } from "../flags/model-flags.ts";
import { batchOption, batchSizeOf } from "../flags/noise-flags.ts";
import { choice, number, words } from "../flags/parse-values.ts";
import { addPictureFlags, pictureArgument } from "../flags/picture-flags.ts";
import { addSpeechFlags, seedOption } from "../flags/run-flags.ts";
import { addRuntimeFlags } from "../flags/runtime-flags.ts";
import { type JudgeFlags, judgePictures, type StatisticsText } from "../judge-pictures.ts";
import { detectFitCommand } from "./detect-fit.ts";
import { detectWith, statisticsFiles } from "./detect-with.ts";

interface Flags extends JudgeFlags {
  readonly statistics?: string;
  readonly detector?: readonly string[];
  readonly samples?: number;
  readonly stopEarly?: boolean;
  readonly cutoff?: number;
  readonly correction: CorrectionForm | "none";
  readonly batch?: number;
  readonly seed: number;
}

export function detectCommand(context: CliContext): Command {
  const command = new Command("detect")
    .description(
      "Adds noise to each picture and looks how the logits move: those of an attacked picture move back toward the class that it was " +
        "taken from. Needs statistics of clean pictures: perceptual-ball detect fit; those of the bundled classifier are bundled too. Attacks " +
        "that know this test defeat it. " +
        "With statistics of other detectors (detect fit --detector) they say what they think.",
    )
    // Both commands have flags of the same names: those after "fit" are its own.
    .enablePositionalOptions()
    .argument("[image...]", `${pictureArgument}; saved without loss, as PNG`);
  const samples = number("--samples", { min: 1, integer: true });
  const correction = "how the label of a flagged picture is corrected: regression, pairs or none";
  const options = [
    new Option(
      "--statistics <file>",
      "what `detect fit` wrote for this model: a file, or the folder of several detectors (default: those of the bundled classifier)",
    ),
    new Option(
      "--detectors, --detector <list>",
      "all, or some of those that have statistics there (default: all)",
    ).argParser(words("--detector")),
    new Option("--samples <n>", "noise samples per kind (default: as the statistics)").argParser(samples),
    new Option("--stop-early", "stop with a picture once the interval of its score is clear of the cutoff"),
    new Option("--cutoff <score>", "flag scores above it (default: the statistics')").argParser(number("--cutoff")),
    new Option("--correction <form>", correction)
      .default("regression")
      .argParser(choice("--correction", [...correctionForms, "none"])),
    batchOption(),
  ];
  for (const option of options) command.addOption(option.helpGroup("Detector:"));
  addModelFlags(command, { hasModelFlag: true });
  addPictureFlags(command);
  addRuntimeFlags(command);
  command.addOption(seedOption("seed of the noise", 0));
  addSpeechFlags(command);
  return describeHelp(command, context, {
    flags: [
      "--statistics",
      "--detector",
      "--model",
      "--labels",
      "--samples",
      "--stop-early",
      "--cutoff",
      "--json",
      "--quiet",
    ],
    examples: [
      "detect fit --data cifar10 --model vgg.onnx -o odds.json",
      "detect suspicious.png --model vgg.onnx --statistics odds.json",
      "detect suspicious.png --model vgg.onnx --statistics odds.json --stop-early",
      "detect suspicious.png --model vgg.onnx --statistics detectors/ --detector all",
    ],
    failure: "a picture, the statistics or the model could not be used",
    interruption: "what was printed stands",
  })
    .action((images: string[], flags: Flags) => detectAll(images, flags, command, context))
    .addCommand(detectFitCommand(context));
}

/** The verdicts of all detectors whose statistics are meant, the statistical test first. */
async function detectAll(given: readonly string[], flags: Flags, command: Command, context: CliContext): Promise<void> {
  const file = flags.statistics ?? (flags.model === undefined ? bundledStatisticsPath : undefined);
  if (given.length === 0 || file === undefined) {
    throw new MisuseError({
      where: "detect",
      what: given.length === 0 ? "there is no picture" : "there are no statistics",
      expected: "pictures, and statistics of clean ones",
      advice:
        "perceptual-ball detect fit --data … -o statistics.json, then perceptual-ball detect dog.png --statistics statistics.json",
    });
  }
  const { odds, others } = statisticsFiles(file, flags.detector);
  const foreign = ["samples", "stopEarly", "correction"].find(
    (name) => odds.length === 0 && command.getOptionValueSource(name) === "cli",
  );
  if (foreign !== undefined) {
    throw new MisuseError({
      where: `--${foreign.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
      what: "is a matter of odds, whose statistics are not there",
      expected: "statistics of odds",
    });
  }
  if (flags.cutoff !== undefined && odds.length + others.length > 1) {
    throw new MisuseError({
      where: "--cutoff",
      what: "scores of several detectors do not compare",
      expected: "one detector",
      advice: "--detector chooses one.",
    });
  }
  for (const file of odds) await detect(given, flags, file, context);
  await detectWith(given, others, flags, context);
}

async function detect(
  given: readonly string[],
  flags: Flags,
  file: StatisticsText,
  context: CliContext,
): Promise<void> {
  const { signal } = context.io;
  await judgePictures(given, file, { flags, context }, async (classifier) => {
    const { path, sha256 } = classifier.file;
    const fitted = parseStatistics(file.text, ownerOf(classifier, sha256), file.path);
    const statistics = flags.cutoff === undefined ? fitted : { ...fitted, cutoff: { value: flags.cutoff } };
    const told = { classifier, cutoff: statistics.cutoff.value, model: { path, sha256 } };
    const pass = await classifier.forward({ batch: batchSizeOf(flags, classifier) });
    const { samples = statistics.samples, seed, stopEarly, correction } = flags;
    const runs = samples * statistics.kinds.length;
    return async ({ path: picture, pixels }, onProgress) => {
      const [verdict] = await detectOdds(pass, statistics, [{ id: nameOf(pixels), pixels }], {
        ...{ samples, seed, stopEarly, correction, signal },
        onProgress: ({ forward }) => onProgress(Math.min(1, forward / runs)),
      });
      return [{ record: verdictRecord(picture, verdict, told), sentence: verdictSentence(picture, verdict, told) }];
    };
  });
}

/** What the noise is drawn for: the pixels, so that a picture has one verdict wherever it lies. */
function nameOf(pixels: Float32Array): string {
  const bytes = new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength);
  return createHash("sha256").update(bytes).digest("hex");
}
