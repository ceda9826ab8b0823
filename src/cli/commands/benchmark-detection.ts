/** @file `perceptual-ball benchmark detection`: Table 2 of the paper on any classifier and data. */
import { cpus } from "node:os";
import { basename, join } from "node:path";
import { Command, Option } from "commander";
import { findAttack } from "../../attacks/attacks.ts";
import { noiseKindName } from "../../detection/noise.ts";
import type { AttackRun } from "../../experiments/attack/protocol.ts";
import {
  type DetectionItem,
  type DetectionSettings,
  defaultDetectionSettings,
  detectionBatchOf,
  detectionCompute,
  detectionIdentity,
  detectionItems,
} from "../../experiments/detection/protocol.ts";
import { type DetectionRecord, isDetectionRecord } from "../../experiments/detection/record.ts";
import type { DetectionSummary } from "../../experiments/detection/summary.ts";
import { detectionStatistics, mainGroup, summarizeDetection } from "../../experiments/detection/summary.ts";
import { keyText } from "../../experiments/records/record-index.ts";
import { checkWritableFolder } from "../../node/check-folder.ts";
import type { FileClassifier } from "../../node/models/load-classifier.ts";
import { describeRuntime } from "../../runtime/runtime.ts";
import type { CliContext } from "../context.ts";
import { type DetectionData, type DetectionDataFlags, detectionData } from "../detection-data.ts";
import { type AttackRunFlags, addAttackRunFlags, attackHelp, attackRunsOf } from "../flags/attack-run-flags.ts";
import { addDataFlags } from "../flags/data-flags.ts";
import { addExperimentFlags, type ExperimentFlags } from "../flags/experiment-flags.ts";
import { addModelFlags, type ModelFlags } from "../flags/model-flags.ts";
import { addNoiseFlags, batchSizeOf, type NoiseFlags } from "../flags/noise-flags.ts";
import { choice, number } from "../flags/parse-values.ts";
import { addRuntimeFlags, loadRuntime, type RuntimeFlags } from "../flags/runtime-flags.ts";
import { openClassifier, type Sample, samplesOfImages } from "../open-classifier.ts";
import { packageVersion } from "../package-version.ts";
import { type ConductedExperiment, conductExperiment } from "../run-resumable.ts";
import { writeDetectionReport } from "../write-detection-report.ts";

interface Flags extends ModelFlags, DetectionDataFlags, AttackRunFlags, NoiseFlags, RuntimeFlags, ExperimentFlags {
  readonly pixels: DetectionSettings["pixels"];
}

/** So many images are attacked in lockstep, and lost when the run is killed. */
const imagesPerBatch = 16;

export function benchmarkDetectionCommand(context: CliContext): Command {
  const command = new Command("detection")
    .summary("which attack the statistical test finds (Table 2)")
    .description(
      "Measures how noise moves the logits of training images, of test images, and of test images under every attack, fits the test of\n" +
        '"The Odds are Odd" to the first and judges the others. A run that was stopped goes on where it was; --shard and --workers divide it.',
    );
  addAttackRunFlags(command, ["pgd", "pgd-mean", "perceptual", "carlini-wagner"]);
  addDataFlags(command, { hasLabelFlag: true });
  addProtocolFlags(command);
  addNoiseFlags(command);
  addModelFlags(command, { hasModelFlag: true });
  addRuntimeFlags(command);
  addExperimentFlags(command, { out: "perceptual-ball-detection" });
  return command
    .addHelpText(
      "after",
      () => `
Attacks:
${attackHelp()}

Examples:
  perceptual-ball benchmark detection --first 50 --train-images 300 --samples 16
  perceptual-ball benchmark detection --data cifar10 --model vgg.onnx --first 1000 --train-images 10000 --workers 4
  perceptual-ball benchmark detection --attacks none --variant T/-1=perceptual,margin=-1 --variant T/-5=perceptual,margin=-5

Writes into --out: index.html, table2.md, table2.csv, results.json, and the records themselves.
An image costs kinds × samples runs of the network for each attack and one more time clean, and twice that without --just-detect.
Exit code: 0 done, 1 a picture or the model could not be used, 2 misuse, 130 interrupted (finished pictures are kept).`,
    )
    .action((flags: Flags) => benchmarkDetection(flags, context));
}

/** The flags of the benchmark besides those of the test. */
function addProtocolFlags(command: Command): void {
  const add = (option: Option): Command => command.addOption(option.helpGroup("Protocol:"));
  add(new Option("--train-data <what>", "where statistics are fitted (default: the training part of --data)"));
  add(
    new Option("--train-images <n>", "training images at most")
      .default(1000)
      .argParser(number("--train-images", { min: 1, integer: true })),
  );
  add(
    new Option("--pixels <what>", "of attacked images: float (as computed) or bytes (as a PNG keeps them)")
      .default("float")
      .argParser(choice("--pixels", ["float", "bytes"])),
  );
}

async function benchmarkDetection(flags: Flags, context: CliContext): Promise<void> {
  const runs = attackRunsOf(flags);
  const fitAttack: AttackRun = { name: "fit", attack: findAttack("pgd"), settings: { preset: "odds" } };
  const chosen: DetectionSettings = {
    ...defaultDetectionSettings(fitAttack),
    mode: flags.justDetect ? "just-detect" : "full",
    samples: flags.samples,
    antithetic: flags.antithetic ?? false,
    kinds: flags.noise,
    correctionKinds: flags.correctionNoise,
    pixels: flags.pixels,
    seed: flags.seed,
  };
  checkWritableFolder(flags.out);
  const note = (text: string): void => {
    if (!flags.quiet) context.io.stderr.write(`${text}\n`);
  };
  const { signal } = context.io;
  const runtime = await loadRuntime(flags);
  const classifier = await openClassifier(flags, {
    ...{ runtime, signal, note },
    isLabelled: true,
    samples: (opened) => samplesOf(flags, opened, signal),
  });
  const settings = { ...chosen, batch: batchSizeOf(flags, classifier) };
  try {
    for (const { attack, settings: own } of runs) attack.check(classifier, own);
    const data = await detectionData(flags, classifier, { note, signal });
    const items = detectionItems(data.train, data.test, runs, settings);
    const versions = {
      "perceptual-ball": packageVersion(),
      runtime: describeRuntime(runtime),
      node: process.version,
      machine: `${cpus().length} × ${cpus()[0]?.model ?? "unknown processor"}`,
    };
    const conducted = await conductExperiment<DetectionItem, DetectionRecord>({
      flags,
      context,
      identity: detectionIdentity(
        classifier,
        classifier.file.sha256,
        { name: data.name, labels: flags.label ?? "dataset" },
        settings,
      ),
      run: versions,
      isResult: isDetectionRecord,
      items,
      batchSize: imagesPerBatch,
      batchOf: detectionBatchOf,
      compute: detectionCompute(classifier, settings),
    });
    if (conducted === undefined) return;
    // Attacks may be missing from a report, but not what they are judged by.
    const isJudgeable = items.every(
      ({ key, split, run }) => (split === "test" && run !== undefined) || conducted.store.finished(key) !== undefined,
    );
    if (conducted.isInterrupted && !isJudgeable) return;
    if (flags.shard !== undefined) {
      note(
        `The share is finished. \`perceptual-ball merge\` unites the folders; the same command without --shard then writes the report.`,
      );
      return;
    }
    await report({ flags, context, classifier, data, items, runs, settings, versions }, conducted);
  } finally {
    await classifier.dispose();
  }
}

/** Pictures to try normalizations on. */
async function samplesOf(flags: Flags, classifier: FileClassifier, signal: AbortSignal): Promise<Sample[]> {
  const { test } = await detectionData(flags, classifier, { signal });
  return samplesOfImages(test);
}

interface ReportInput {
  readonly flags: Flags;
  readonly context: CliContext;
  readonly classifier: FileClassifier;
  readonly data: DetectionData;
  readonly items: readonly DetectionItem[];
  readonly runs: readonly AttackRun[];
  readonly settings: DetectionSettings;
  readonly versions: Readonly<Record<string, string>>;
}

async function report(
  { flags, context, classifier, data, items, runs, settings, versions }: ReportInput,
  { store }: ConductedExperiment<DetectionRecord>,
): Promise<void> {
  const wanted = new Set(items.map(({ key }) => keyText(key)));
  // A folder may hold records of other attacks and images as well.
  const records = store.allRecords().filter(({ key }) => wanted.has(keyText(key)));
  const statistics = detectionStatistics(records, { falsePositiveRate: flags.falsePositiveRate, seed: flags.seed });
  const { file, labelName, guess } = classifier;
  const { kinds, correctionKinds: larger, fitAttack, batch, ...rest } = settings;
  const summary: DetectionSummary = {
    model: { name: basename(file.path), sha256: file.sha256 },
    data: { name: data.name, train: data.train.length, test: data.test.length },
    settings: {
      ...rest,
      kinds: kinds.map(noiseKindName),
      ...(settings.mode === "full"
        ? {
            correctionKinds: larger.map(noiseKindName),
            fitAttack: { attack: fitAttack.attack.name, ...fitAttack.settings },
          }
        : {}),
      preprocessing: guess.name ?? guess.preprocessing,
    },
    ...summarizeDetection(records, runs, { statistics, labelName }),
    failures: store
      .failures()
      .filter(({ key }) => wanted.has(keyText(key)))
      .map(({ key, message }) => ({ image: key.image, attack: key.method, message })),
    run: versions,
  };
  await writeDetectionReport(flags.out, summary);
  const { stdout } = context.io;
  if (flags.json) {
    const { roc, scores, ...clean } = { ...summary.clean, roc: undefined };
    stdout.write(`${JSON.stringify({ attack: null, ...clean })}\n`);
    for (const { name: group, attacks } of summary.groups) {
      for (const { scores: _, roc: __, ...attack } of attacks)
        stdout.write(`${JSON.stringify({ group, ...attack })}\n`);
    }
  } else stdout.write(`${summaryText(summary)}\nReport: ${join(flags.out, "index.html")}\n`);
}

/** Table 2 for a terminal. */
function summaryText({ clean, groups }: DetectionSummary): string {
  const all = groups.flatMap(({ name: group, attacks }) =>
    attacks.map((attack) => (group === mainGroup ? attack : { ...attack, name: `${group}/${attack.name}` })),
  );
  const width = Math.max(5, ...all.map(({ name }) => name.length));
  const cell = (share: { readonly value: number } | null): string => (share?.value.toFixed(3) ?? "–").padStart(12);
  return [
    `${"".padEnd(width)}  ${["detected", "accuracy", "changed", "of changed"].map((title) => title.padStart(12)).join("")}`,
    `${"clean".padEnd(width)}  ${cell(clean.detection)}${cell(clean.accuracy)}`,
    ...all.map(
      ({ name, detection, accuracy, changed, detectionOfChanged }) =>
        `${name.padEnd(width)}  ${[detection, accuracy, changed, detectionOfChanged].map(cell).join("")}`,
    ),
  ].join("\n");
}
