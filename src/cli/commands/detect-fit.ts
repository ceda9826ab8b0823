/** @file `perceptual-ball detect fit`: statistics of clean images, for the test. */
import { dirname } from "node:path";
import { Command, Option } from "commander";
import { formatStatistics, ownerOf } from "../../detection/odds/statistics-file.ts";
import { fitStatistics } from "../../experiments/detection/fit-statistics.ts";
import { checkWritableFolder } from "../../node/check-folder.ts";
import { writeFileAtomically } from "../../node/write-file.ts";
import { statisticsLines, statisticsRecord } from "../../report/detection/verdict.ts";
import { type CliContext, exitCodes, notesOf, reportError, say, sayJson } from "../context.ts";
import { type DetectionDataFlags, trainingData } from "../detection-data.ts";
import { addDataFlags } from "../flags/data-flags.ts";
import { describeHelp } from "../flags/help.ts";
import { addModelFlags, type ModelFlags } from "../flags/model-flags.ts";
import { addNoiseFlags, batchSizeOf, type NoiseFlags } from "../flags/noise-flags.ts";
import { addSpeechFlags, type SpeechFlags, seedOption } from "../flags/run-flags.ts";
import { detectorKind, runnableHelp } from "../flags/runnables.ts";
import { addRuntimeFlags, loadRuntime, type RuntimeFlags } from "../flags/runtime-flags.ts";
import { openClassifier, samplesOfDataset } from "../open-classifier.ts";
import { createProgress } from "../progress.ts";
import { checkStatisticsTarget } from "../read-statistics.ts";
import { addFitDetectorFlags, detectorRunsOf, type FitDetectorFlags, fitSeveral, usualFolder } from "./fit-several.ts";

interface Flags
  extends ModelFlags,
    Omit<DetectionDataFlags, "trainImages">,
    NoiseFlags,
    RuntimeFlags,
    SpeechFlags,
    FitDetectorFlags {
  readonly output?: string;
}

/** Where the statistics of the test go unless told otherwise. */
const usualOutput = "statistics.json";

export function detectFitCommand(context: CliContext): Command {
  const command = new Command("fit")
    .summary("learn what clean images look like to a detector")
    .description(
      "Measures how noise moves the logits of clean pictures, usually those that the classifier was trained on, and writes the statistics " +
        "that `perceptual-ball detect` needs. Takes the training part of --data, where there is one. --detector fits other detectors: " +
        "one to a file, several to a folder.",
    )
    .addOption(
      new Option(
        "-o, --output <file>",
        `where the statistics are written (default: ${usualOutput}; of several detectors ${usualFolder}/)`,
      ),
    );
  addDataFlags(command, { hasLabelFlag: true });
  addNoiseFlags(command);
  addModelFlags(command, { hasModelFlag: true });
  addRuntimeFlags(command);
  command.addOption(seedOption("seed of the noise", 0));
  addSpeechFlags(command);
  addFitDetectorFlags(command);
  return describeHelp(command, context, {
    lists: [{ title: "Detectors", names: detectorKind.all.map(({ name }) => name), text: runnableHelp(detectorKind) }],
    flags: [
      ...["--output", "--detector", "--data", "--first", "--model", "--labels"],
      ...["--samples", "--antithetic", "--just-detect", "--false-positive-rate", "--json"],
    ],
    examples: [
      "detect fit --data cifar10 --model vgg.onnx -o odds.json",
      "detect fit --data photos/ --model resnet50.onnx --just-detect",
      "detect fit --data cifar10 --model vgg.onnx --first 2000 --samples 8 --antithetic -o statistics.json",
      "detect fit --data photos/ --model resnet50.onnx --just-detect --false-positive-rate 0.01",
      "detect fit --data cifar10 --model vgg.onnx --detector mahalanobis -o mahalanobis.json",
      "detect fit --data cifar10 --model vgg.onnx --first 2000 --detector all -o detectors/",
    ],
    notes: "A picture costs kinds × samples runs of the network, and twice that without --just-detect.",
    failure: "the model or a picture could not be used",
    interruption: "nothing is written",
  }).action((flags: Flags) => {
    const runs = detectorRunsOf(flags);
    // The test alone, as it always was.
    if (runs.length === 1 && runs[0]?.name === "odds") return fitToPictures(flags, context);
    return fitSeveral(flags, runs, command, context);
  });
}

async function fitToPictures(flags: Flags, context: CliContext): Promise<void> {
  const { output = usualOutput } = flags;
  const { io } = context;
  const { signal } = io;
  checkWritableFolder(dirname(output));
  checkStatisticsTarget(output);
  const progress = createProgress(io.stderr, { quiet: flags.quiet ?? false });
  const note = notesOf(io, { ...flags, progress });
  const classifier = await openClassifier(flags, {
    ...{ runtime: await loadRuntime(flags), signal, note },
    isLabelled: true,
    samples: async (opened) => samplesOfDataset(await trainingData(flags, opened, { signal })),
  });
  try {
    const data = await trainingData(flags, classifier, { note, signal });
    const pass = await classifier.forward({ batch: batchSizeOf(flags, classifier) });
    const statistics = await fitStatistics(classifier, pass, data.images, {
      ...{ kinds: flags.noise, correctionKinds: flags.correctionNoise, samples: flags.samples },
      ...{ antithetic: flags.antithetic, justDetect: flags.justDetect, falsePositiveRate: flags.falsePositiveRate },
      ...{ seed: flags.seed, signal },
      onProgress: ({ done, of }) => progress.update(done / of, `${data.images.length} pictures`),
      onFailure(error) {
        context.exitCode = exitCodes.failed;
        progress.around(() => reportError(io, error));
      },
    });
    const text = formatStatistics(statistics, ownerOf(classifier, classifier.file.sha256), data.name);
    await writeFileAtomically(output, text);
    progress.stop();
    if (flags.json) sayJson(io, { output, ...statisticsRecord(statistics, classifier) });
    else say(io, ...statisticsLines(statistics, output, classifier));
  } finally {
    progress.stop();
    await classifier.dispose();
  }
}
