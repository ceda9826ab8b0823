/** @file `perceptual-ball benchmark localization`: Table 1 of the paper on any classifier and data. */

import { basename, join } from "node:path";
import { Command } from "commander";
import { localizationSummary } from "../../experiments/localization/benchmark-summary.ts";
import {
  type LocalizationItem,
  localizationCompute,
  localizationIdentity,
  localizationItems,
  type MethodRun,
} from "../../experiments/localization/protocol.ts";
import { isLocalizationRecord, type LocalizationRecord } from "../../experiments/localization/record.ts";
import { checkWritableFolder } from "../../node/check-folder.ts";
import { fingerprinted } from "../../node/data/fingerprinted.ts";
import { jpegDataUri } from "../../node/pictures/data-uri.ts";
import { localizationFigures } from "../../report/localization/figures.ts";
import { localizationLines } from "../../report/localization/tables.ts";
import { notesOf, say, sayJson } from "../context.ts";
import type { ExperimentContext } from "../experiment-run.ts";
import { possibleRuns } from "../explain/explain-methods.ts";
import { addDataFlags, type DataFlags, datasetOf } from "../flags/data-flags.ts";
import { addExperimentFlags, type ExperimentFlags } from "../flags/experiment-flags.ts";
import { describeHelp } from "../flags/help.ts";
import {
  addLocalizationFlags,
  type LocalizationFlags,
  localizationSettingsOf,
  summaryOptionsOf,
} from "../flags/localization-flags.ts";
import { addModelFlags, type ModelFlags } from "../flags/model-flags.ts";
import { addRunnableFlags, methodKind, type RunnableFlags, runnableHelp, runsOf } from "../flags/runnables.ts";
import { addRuntimeFlags, loadRuntime, type RuntimeFlags } from "../flags/runtime-flags.ts";
import { openClassifier, samplesOfDataset } from "../open-classifier.ts";
import { writeLocalizationReport } from "../reports/write-localization-report.ts";
import { conductExperiment } from "../run-resumable.ts";
import { sanityCheck } from "../sanity-check.ts";
import { benchmarkVersions } from "../versions.ts";

interface Flags extends ModelFlags, DataFlags, RunnableFlags, RuntimeFlags, ExperimentFlags, LocalizationFlags {}

const runnables = { fallback: ["all"], hasVariants: true };

export function benchmarkLocalizationCommand(context: ExperimentContext): Command {
  const command = new Command("localization")
    .summary("which explanation's box finds the object (Table 1)")
    .description(
      "Runs every explanation method on every picture, draws a box around what each map finds at many thresholds, and compares it with the right box. " +
        "A run that was stopped goes on where it was; --shard and --workers divide it.",
    );
  addDataFlags(command, { hasLabelFlag: true });
  addLocalizationFlags(command);
  addModelFlags(command, { hasModelFlag: true });
  addRuntimeFlags(command);
  addExperimentFlags(command, { out: "perceptual-ball-localization", env: context.io.env });
  addRunnableFlags(command, methodKind, runnables);
  return describeHelp(command, context, {
    flags: [
      ...["--data", "--first", "--model", "--method", "--set"],
      ...["--variant", "--workers", "--shard", "--out", "--json"],
    ],
    lists: [{ title: "Methods", names: methodKind.all.map(({ name }) => name), text: runnableHelp(methodKind) }],
    examples: [
      "benchmark localization --first 20",
      "benchmark localization --data imagenet --model vgg19_bn.onnx",
      "benchmark localization --data imagenet --model vgg19_bn.onnx --method perceptual,gradient,grad-cam",
      "benchmark localization --data scenes:200 --set rise.masks=1000 --sanity-check 5 --workers 4",
      'benchmark localization --method none --variant "strong=perceptual,perceptualWeight=10" --variant base=perceptual',
    ],
    notes:
      "Writes into --out: index.html, table1.md, table1.csv, measures.csv, results.json, figures/*.png, and the records themselves.",
    failure: "a picture or the model could not be used",
  }).action((flags: Flags) => benchmarkLocalization(flags, context));
}

async function benchmarkLocalization(flags: Flags, context: ExperimentContext): Promise<void> {
  const { io } = context;
  const asked = runsOf(methodKind, flags, runnables).map(({ name, of, settings, isNamed }) => ({
    ...{ name, method: of, settings, isNamed },
  }));
  const options = summaryOptionsOf(flags);
  const settings = localizationSettingsOf(flags);
  checkWritableFolder(flags.out);
  const note = notesOf(io, flags);
  const { signal } = io;
  const runtime = await loadRuntime(flags);
  const classifier = await openClassifier(flags, {
    ...{ runtime, signal, note },
    isLabelled: true,
    samples: async (opened) => samplesOfDataset(await datasetOf(flags, opened, { signal })),
  });
  try {
    const possible = possibleRuns(asked, ({ method, settings: own }) => method.check(classifier, own), note);
    const runs = possible.map(({ name, method, settings: own }): MethodRun => ({ name, method, settings: own }));
    const dataset = await fingerprinted(await datasetOf(flags, classifier, { note, signal }), { signal });
    const items = localizationItems(dataset, runs, { keepMaps: flags.keepMaps });
    const versions = benchmarkVersions(runtime);
    const data = { name: dataset.name, labels: flags.label ?? "dataset" };
    const { file } = classifier;
    const conducted = await conductExperiment<LocalizationItem, LocalizationRecord>({
      ...{ flags, context, items, run: versions },
      identity: localizationIdentity(classifier, file.sha256, data, settings),
      isResult: isLocalizationRecord,
      compute: localizationCompute(classifier, settings),
    });
    if (conducted === undefined) return;
    const { store, isInterrupted } = conducted;
    const checked = { flags, context, classifier, runtime, items, runs, settings, data, versions };
    const sanity = isInterrupted ? [] : await sanityCheck(checked);
    const model = { name: basename(file.path), sha256: file.sha256 };
    const summary = localizationSummary(store, {
      ...{ classifier, model, dataset, items, runs, settings, options, sanity, versions },
    });
    if (summary === undefined) return;
    const figures = await localizationFigures({
      ...{ classifier, items, runs, store, options, methods: summary.methods },
      rows: flags.figureRows,
      encode: jpegDataUri,
    });
    await writeLocalizationReport(flags.out, summary, figures);
    if (flags.json) for (const method of summary.methods) sayJson(io, method);
    else if (!isInterrupted) {
      say(io, ...localizationLines(summary), "", `Report: ${join(flags.out, "index.html")}`);
    }
  } finally {
    await classifier.dispose();
  }
}
