/** @file `perceptual-ball detect fit`: statistics of clean images, for the test. */

import { basename } from "node:path";
import { Command, Option } from "commander";
import { findAttack } from "../../attacks/attacks.ts";
import type { Classifier } from "../../classifier/classifier.ts";
import type { ForwardPass } from "../../classifier/passes/passes.ts";
import type { DatasetImage } from "../../datasets/dataset.ts";
import { isKnown } from "../../detection/alignment-statistics.ts";
import { type AttackImages, fitOdds, type LabeledImage } from "../../detection/fit-odds.ts";
import { calibrateOdds, detectOdds } from "../../detection/odds.ts";
import type { OddsStatistics } from "../../detection/odds-statistics.ts";
import { formatStatistics, ownerOf } from "../../detection/statistics-file.ts";
import { BadInputError, type PerceptualBallError } from "../../errors.ts";
import { hash64 } from "../../experiments/records/canonical-json.ts";
import { checkWritableFolder } from "../../node/check-folder.ts";
import { writeFileAtomically } from "../../node/write-file.ts";
import { hashText } from "../../random/hash-text.ts";
import { createRandom } from "../../random/random.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { indexOfLargest } from "../../tensor/vector.ts";
import { type CliContext, exitCodes, reportError } from "../context.ts";
import { type DetectionDataFlags, trainingData } from "../detection-data.ts";
import { addDataFlags } from "../flags/data-flags.ts";
import { addModelFlags, type ModelFlags } from "../flags/model-flags.ts";
import { addNoiseFlags, batchSizeOf, type NoiseFlags } from "../flags/noise-flags.ts";
import { number } from "../flags/parse-values.ts";
import { addRuntimeFlags, loadRuntime, type RuntimeFlags } from "../flags/runtime-flags.ts";
import { openClassifier, samplesOfImages } from "../open-classifier.ts";
import { createProgress, type Progress } from "../progress.ts";

interface Flags extends ModelFlags, Omit<DetectionDataFlags, "trainImages">, NoiseFlags, RuntimeFlags {
  readonly output: string;
  readonly seed: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** One in so many images is held out where a cutoff is calibrated. */
const heldOutShare = 5;

export function detectFitCommand(context: CliContext): Command {
  const command = new Command("fit")
    .summary("learn how noise moves the logits of clean images")
    .description(
      "Measures how noise moves the logits of clean pictures, usually those that the classifier was trained on, and writes the statistics\n" +
        "that `perceptual-ball detect` needs. Takes the training part of --data, where there is one.",
    )
    .addOption(new Option("-o, --output <file>", "where the statistics are written").default("statistics.json"));
  addDataFlags(command, { hasLabelFlag: true });
  addNoiseFlags(command);
  addModelFlags(command, { hasModelFlag: true });
  addRuntimeFlags(command);
  return command
    .option(
      "--seed <n>",
      "seed of the noise",
      number("--seed", { min: 0, max: Number.MAX_SAFE_INTEGER, integer: true }),
      0,
    )
    .option("--json", "print one JSON object")
    .option("--quiet", "no progress and no notes")
    .addHelpText(
      "after",
      `
Examples:
  perceptual-ball detect fit --data cifar10 --model vgg.onnx --first 2000 --samples 8 --antithetic -o statistics.json
  perceptual-ball detect fit --data photos/ --model resnet50.onnx --just-detect --false-positive-rate 0.01

A picture costs kinds × samples runs of the network, and twice that without --just-detect.
Exit code: 0 done, 1 the model or all pictures could not be used, 2 misuse, 130 interrupted (nothing is written).`,
    )
    .action((flags: Flags) => fitStatistics(flags, context));
}

async function fitStatistics(flags: Flags, context: CliContext): Promise<void> {
  const { io } = context;
  const { signal } = io;
  checkWritableFolder(folderOf(flags.output));
  const progress = createProgress(io.stderr, { quiet: flags.quiet ?? false });
  const note = (text: string): void => {
    if (!flags.quiet) progress.around(() => io.stderr.write(`${text}\n`));
  };
  const runtime = await loadRuntime(flags);
  const classifier = await openClassifier(flags, {
    runtime,
    signal,
    note,
    isLabelled: true,
    samples: async (opened) => samplesOfImages((await trainingData(flags, opened, { signal })).images),
  });
  try {
    const data = await trainingData(flags, classifier, { note, signal });
    const pass = await classifier.forward({ batch: batchSizeOf(flags, classifier) });
    const isHeldOut = ({ id }: DatasetImage): boolean =>
      flags.falsePositiveRate !== undefined && hash64(`held out ${id}`) % BigInt(heldOutShare) === 0n;
    const report = (error: PerceptualBallError): void => {
      context.exitCode = exitCodes.failed;
      progress.around(() => reportError(io, error));
    };
    const read = (images: readonly DatasetImage[]) => labeledImages(images, classifier, pass, report, signal);
    const fitted = data.images.filter((image) => !isHeldOut(image));
    const held = data.images.filter(isHeldOut);
    let statistics = await fitOdds(pass, read(fitted), {
      kinds: flags.noise,
      correctionKinds: flags.correctionNoise,
      samples: flags.samples,
      antithetic: flags.antithetic,
      seed: flags.seed,
      attack: flags.justDetect ? undefined : pgdOf(classifier, flags.seed, signal),
      signal,
      onProgress: ({ forward }) => showProgress(progress, forward, fitted.length, held.length, flags),
    });
    if (flags.falsePositiveRate !== undefined) {
      const clean: LabeledImage[] = [];
      for await (const image of read(held)) clean.push(image);
      const verdicts = await detectOdds(pass, statistics, clean, { seed: flags.seed, correction: "none", signal });
      statistics = calibrateOdds(statistics, verdicts, flags.falsePositiveRate);
    }
    const text = formatStatistics(statistics, ownerOf(classifier, classifier.file.sha256), data.name);
    await writeFileAtomically(flags.output, text);
    progress.stop();
    io.stdout.write(
      flags.json
        ? `${JSON.stringify(outcomeOf(statistics, flags.output, classifier))}\n`
        : describe(statistics, flags.output, classifier),
    );
  } finally {
    progress.stop();
    await classifier.dispose();
  }
}

function folderOf(path: string): string {
  const folder = path.slice(0, path.length - basename(path).length);
  return folder === "" ? "." : folder;
}

/** The images with their classes, or with the predicted ones where the data has none; those that cannot be read are reported. */
async function* labeledImages(
  images: readonly DatasetImage[],
  classifier: Classifier,
  pass: ForwardPass,
  report: (error: PerceptualBallError) => void,
  signal: AbortSignal,
): AsyncGenerator<LabeledImage> {
  for (const { id, label, picture } of images) {
    try {
      const { data: pixels } = classifier.fit(await picture());
      yield { id, pixels, label: label ?? (await predictedLabel(pass, pixels, signal)) };
    } catch (error) {
      if (!(error instanceof BadInputError)) throw error;
      report(error);
    }
  }
}

async function predictedLabel(pass: ForwardPass, pixels: Float32Array, signal: AbortSignal): Promise<number> {
  const [logits] = await pass.run([pixels], { signal });
  return indexOfLargest(logits);
}

/** The attack that statistics are fitted with: the PGD of the released code, 10 steps of a quarter of 8/255. */
function pgdOf(classifier: Classifier, seed: number, signal: AbortSignal): AttackImages {
  const { channelCount, height, width } = classifier.input;
  return async (images, labels) => {
    const tensors = images.map(({ pixels }) => floatTensor(pixels, [channelCount, height, width]));
    const results = await findAttack("pgd").attack(classifier, tensors, {
      preset: "odds",
      labels,
      random: (n) => createRandom(seed, hashText(images[n].id), 1),
      signal,
    });
    return results.map(({ withinBudget }) => withinBudget.image.data);
  };
}

function showProgress(progress: Progress, forward: number, images: number, held: number, flags: Flags): void {
  const kinds = flags.noise.length + (flags.justDetect ? 0 : flags.correctionNoise.length);
  const total = flags.samples * (images * kinds + held * flags.noise.length);
  progress.update(forward / total, `${images + held} pictures`);
}

function outcomeOf(statistics: OddsStatistics, output: string, { labelName }: Classifier) {
  const { classes, cutoff, images, mode } = statistics;
  const missing = classes.flatMap((entry, label) =>
    isKnown(entry) ? [] : [{ label: labelName(label), images: entry.count, reason: entry.missing }],
  );
  return { output, mode, images, cutoff, missing };
}

function describe(statistics: OddsStatistics, output: string, classifier: Classifier): string {
  const { images, cutoff, missing } = outcomeOf(statistics, output, classifier);
  const chosen =
    cutoff.calibration === undefined
      ? "nominal"
      : `at most ${100 * cutoff.calibration.falsePositiveRate} % of clean pictures flagged, chosen on ${cutoff.calibration.images} others`;
  const lines = [
    `Statistics of ${images.used} of ${images.given} pictures: ${output}`,
    `Cutoff ${cutoff.value.toFixed(4)} (${chosen})`,
  ];
  if (missing.length > 0) {
    const some = missing.slice(0, 10).map(({ label, images: count, reason }) => `${label} (${count}, ${reason})`);
    const more = missing.length > some.length ? `, and ${missing.length - some.length} more` : "";
    lines.push(`Never flagged, for want of statistics: ${some.join(", ")}${more}`);
  }
  return `${lines.join("\n")}\n`;
}
