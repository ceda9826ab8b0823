/** @file `perceptual-ball benchmark detection`: Table 2 of the paper on any classifier and data. */
import { basename, join } from "node:path";
import { Command, Option } from "commander";
import { findAttack } from "../../attacks/attacks.ts";
import { detectionSummary } from "../../experiments/detection/benchmark-summary.ts";
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
import { checkWritableFolder } from "../../node/check-folder.ts";
import { detectionLines, detectionObjects } from "../../report/detection/tables.ts";
import { notesOf, say, sayJson } from "../context.ts";
import { type DetectionDataFlags, detectionData, fingerprintedParts, testedSamples } from "../detection-data.ts";
import type { ExperimentContext } from "../experiment-run.ts";
import { type AttackRunFlags, addVariantImages, attackRunsOf, comparedAttacks } from "../flags/attack-flags.ts";
import { addDataFlags } from "../flags/data-flags.ts";
import { addExperimentFlags, type ExperimentFlags } from "../flags/experiment-flags.ts";
import { describeHelp } from "../flags/help.ts";
import { addModelFlags, type ModelFlags } from "../flags/model-flags.ts";
import { addNoiseFlags, batchSizeOf, type NoiseFlags } from "../flags/noise-flags.ts";
import { choice, number } from "../flags/parse-values.ts";
import { addRunnableFlags, attackKind, runnableHelp } from "../flags/runnables.ts";
import { addRuntimeFlags, loadRuntime, type RuntimeFlags } from "../flags/runtime-flags.ts";
import { openClassifier } from "../open-classifier.ts";
import { writeDetectionReport } from "../reports/write-detection-report.ts";
import { conductExperiment, shareFinished } from "../run-resumable.ts";
import { benchmarkVersions } from "../versions.ts";
import { addDetectorFlags, compareDetectors, type DetectorCompareFlags, wantsDetectors } from "./compare-detectors.ts";

interface Flags
  extends ModelFlags,
    DetectionDataFlags,
    AttackRunFlags,
    NoiseFlags,
    RuntimeFlags,
    ExperimentFlags,
    DetectorCompareFlags {
  readonly pixels?: DetectionSettings["pixels"];
}

/** So many images are attacked in lockstep, and lost when the run is killed. */
const imagesPerBatch = 16;

export function benchmarkDetectionCommand(context: ExperimentContext): Command {
  const command = new Command("detection")
    .summary("which attack the statistical test finds (Table 2), or any detectors")
    .description(
      'Measures how noise moves the logits of clean and attacked images, fits "The Odds are Odd" to training images and judges the others. A run that was\n' +
        "stopped goes on where it was; --shard and --workers divide it. --detector: a table of detectors and attacks, --adaptive with attacks that know them.",
    );
  addDataFlags(command, { hasLabelFlag: true });
  addProtocolFlags(command);
  addNoiseFlags(command);
  addDetectorFlags(command);
  addModelFlags(command, { hasModelFlag: true });
  addRuntimeFlags(command);
  addExperimentFlags(command, { out: "perceptual-ball-detection", env: context.io.env });
  addRunnableFlags(command, attackKind, comparedAttacks);
  addVariantImages(command);
  return describeHelp(command, context, {
    flags: [
      ...["--data", "--first", "--train-images", "--model", "--attack"],
      ...["--detector", "--adaptive", "--variant", "--out", "--json"],
    ],
    lists: [{ title: "Attacks", names: attackKind.all.map(({ name }) => name), text: runnableHelp(attackKind) }],
    examples: [
      "benchmark detection --first 50 --train-images 300 --samples 16",
      "benchmark detection --data cifar10 --model vgg.onnx",
      "benchmark detection --data cifar10 --model vgg.onnx --first 1000 --train-images 10000 --workers 4",
      "benchmark detection --data cifar10 --model resnet.onnx --detector all --adaptive --first 200",
      "benchmark detection --attack none --variant T/-1=perceptual,margin=-1 --variant T/-5=perceptual,margin=-5",
    ],
    notes: `Writes into --out: index.html, table2.md, table2.csv (with --detector detectors.md, detectors.csv), results.json, and the records themselves.
An image costs kinds × samples runs of the network for each attack and one more time clean, and twice that without --just-detect.`,
    failure: "a picture or the model could not be used",
  }).action((flags: Flags) =>
    wantsDetectors(flags, command) ? compareDetectors(flags, command, context) : benchmarkDetection(flags, context),
  );
}

/** The flags of the benchmark besides those of the test. */
function addProtocolFlags(command: Command): void {
  const add = (option: Option): Command => command.addOption(option.helpGroup("Protocol:"));
  const images = number("--train-images", { min: 1, integer: true });
  add(new Option("--train-data <what>", "where statistics are fitted (default: the training part of --data)"));
  add(new Option("--train-images <n>", "training images at most").default(1000).argParser(images));
  const pixels = choice("--pixels", ["float", "bytes"]);
  const meaning = "of attacked images: float (as computed) or bytes (as a PNG keeps them)";
  add(new Option("--pixels <what>", `${meaning} (default: float; with --detector bytes)`).argParser(pixels));
}

async function benchmarkDetection(flags: Flags, context: ExperimentContext): Promise<void> {
  const runs = attackRunsOf(flags, comparedAttacks);
  const chosen: DetectionSettings = {
    ...defaultDetectionSettings({ name: "fit", attack: findAttack("pgd"), settings: { preset: "odds" } }),
    mode: flags.justDetect ? "just-detect" : "full",
    antithetic: flags.antithetic ?? false,
    kinds: flags.noise,
    correctionKinds: flags.correctionNoise,
    ...{ samples: flags.samples, pixels: flags.pixels ?? "float", seed: flags.seed },
  };
  checkWritableFolder(flags.out);
  const { io } = context;
  const { signal } = io;
  const note = notesOf(io, flags);
  const runtime = await loadRuntime(flags);
  const classifier = await openClassifier(flags, {
    ...{ runtime, signal, note },
    isLabelled: true,
    samples: testedSamples(flags, { signal }),
  });
  const settings = { ...chosen, batch: batchSizeOf(flags, classifier) };
  try {
    for (const { attack, settings: own } of runs) attack.check(classifier, own);
    const data = await fingerprintedParts(await detectionData(flags, classifier, { note, signal }), { signal });
    const items = detectionItems(data.train, data.test, runs, settings);
    const versions = benchmarkVersions(runtime);
    const { file } = classifier;
    const named = { name: data.name, labels: flags.label ?? "dataset" };
    const conducted = await conductExperiment<DetectionItem, DetectionRecord>({
      ...{ flags, context, items, run: versions },
      identity: detectionIdentity(classifier, file.sha256, named, settings),
      isResult: isDetectionRecord,
      batchSize: imagesPerBatch,
      batchOf: detectionBatchOf,
      compute: detectionCompute(classifier, settings),
    });
    if (conducted === undefined) return;
    const { store, isInterrupted } = conducted;
    // Attacks may be missing from a report, but not what they are judged by.
    const isJudgeable = items.every(
      ({ key, split, run }) => (split === "test" && run !== undefined) || store.finished(key) !== undefined,
    );
    if (isInterrupted && !isJudgeable) return;
    if (flags.shard !== undefined) {
      note(shareFinished);
      return;
    }
    const summary = detectionSummary(store, {
      ...{ classifier, items, runs, settings, run: versions },
      model: { name: basename(file.path), sha256: file.sha256 },
      data: { name: data.name, train: data.train.length, test: data.test.length },
      falsePositiveRate: flags.falsePositiveRate,
    });
    await writeDetectionReport(flags.out, summary);
    if (flags.json) for (const object of detectionObjects(summary)) sayJson(io, object);
    else say(io, ...detectionLines(summary), "", `Report: ${join(flags.out, "index.html")}`);
  } finally {
    await classifier.dispose();
  }
}
