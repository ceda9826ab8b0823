/** @file `perceptual-ball benchmark localization`: Table 1 of the paper on any classifier and data. */
import { cpus } from "node:os";
import { basename, join } from "node:path";
import { Command, Option } from "commander";
import { createClassifier } from "../../classifier/classifier.ts";
import type { Dataset } from "../../datasets/dataset.ts";
import {
  defaultLocalizationSettings,
  type LocalizationItem,
  type LocalizationSettings,
  localizationCompute,
  localizationIdentity,
  localizationItems,
  type MethodRun,
} from "../../experiments/localization/protocol.ts";
import { isLocalizationRecord, type LocalizationRecord } from "../../experiments/localization/record.ts";
import type { LocalizationSummary, MethodSummary, SummaryOptions } from "../../experiments/localization/summary.ts";
import {
  accuracyOf,
  checkSummaryOptions,
  defaultSummaryOptions,
  summarizeMethods,
} from "../../experiments/localization/summary.ts";
import {
  cascadeStages,
  isRandomizationRecord,
  type RandomizationItem,
  type RandomizationRecord,
  randomizationComputer,
  randomizationItems,
  type SanityStage,
  summarizeRandomization,
  weightLayers,
} from "../../experiments/localization/weight-randomization.ts";
import { keyText } from "../../experiments/records/record-index.ts";
import type { FailedRecord, FinishedRecord } from "../../experiments/records/record-store.ts";
import type { ExperimentItem } from "../../experiments/records/run-experiment.ts";
import { gridKinds } from "../../localization/threshold-grids.ts";
import { checkWritableFolder } from "../../node/check-folder.ts";
import type { FileClassifier } from "../../node/models/load-classifier.ts";
import { jpegDataUri } from "../../node/pictures/data-uri.ts";
import type { RecordFolder } from "../../node/records/record-folder.ts";
import { localizationFigures } from "../../report/localization/figures.ts";
import { describeRuntime, type Runtime } from "../../runtime/runtime.ts";
import type { CliContext } from "../context.ts";
import { addDataFlags, type DataFlags, datasetOf } from "../flags/data-flags.ts";
import { addExperimentFlags, type ExperimentFlags } from "../flags/experiment-flags.ts";
import { addMethodFlags, type MethodFlags, methodHelp, methodRunsOf } from "../flags/method-flags.ts";
import { addModelFlags, type ModelFlags } from "../flags/model-flags.ts";
import { choice, number } from "../flags/parse-values.ts";
import { addRuntimeFlags, loadRuntime, type RuntimeFlags } from "../flags/runtime-flags.ts";
import { openClassifier, samplesOfImages } from "../open-classifier.ts";
import { packageVersion } from "../package-version.ts";
import { type ConductedExperiment, conductExperiment } from "../run-resumable.ts";
import { writeLocalizationReport } from "../write-localization-report.ts";

interface Flags extends ModelFlags, DataFlags, MethodFlags, RuntimeFlags, ExperimentFlags {
  readonly blur: number;
  readonly explain: LocalizationSettings["explain"];
  readonly curveSteps: LocalizationSettings["curveSteps"];
  readonly batch: number;
  readonly match: SummaryOptions["match"];
  readonly object: SummaryOptions["object"];
  readonly connectivity: SummaryOptions["connectivity"];
  readonly tolerance: number;
  readonly toleranceOf: SummaryOptions["toleranceOf"];
  readonly sanityCheck: number;
  readonly sanityStages: number;
  readonly keepMaps: number;
  readonly figureRows: number;
}

export function benchmarkLocalizationCommand(context: CliContext): Command {
  const command = new Command("localization")
    .summary("which explanation's box finds the object (Table 1)")
    .description(
      "Runs every explanation method on every picture, draws a box around what each map finds at many thresholds, and compares it with the right box. " +
        "A run that was stopped goes on where it was; --shard and --workers divide it.",
    );
  addMethodFlags(command);
  addDataFlags(command, { hasLabelFlag: true });
  addProtocolFlags(command);
  addModelFlags(command, { hasModelFlag: true });
  addRuntimeFlags(command);
  addExperimentFlags(command, { out: "perceptual-ball-localization" });
  return command
    .addHelpText(
      "after",
      () => `
Methods:
${methodHelp()}

Examples:
  perceptual-ball benchmark localization --first 20
  perceptual-ball benchmark localization --data imagenet --model vgg19_bn.onnx --methods perceptual,gradient,grad-cam
  perceptual-ball benchmark localization --data scenes:200 --set rise.masks=1000 --sanity-check 5 --workers 4
  perceptual-ball benchmark localization --methods none --variant "strong=perceptual,perceptualWeight=10" --variant base=perceptual

Writes into --out: index.html, table1.md, table1.csv, measures.csv, results.json, figures/*.png, and the records themselves.
Exit code: 0 done, 1 a picture or the model could not be used, 2 misuse, 130 interrupted (finished pictures are kept).`,
    )
    .action((flags: Flags) => benchmarkLocalization(flags, context));
}

function addProtocolFlags(command: Command): void {
  const add = (flags: string, description: string, fallback: unknown, parse: (text: string) => unknown): void => {
    command.addOption(new Option(flags, description).default(fallback).argParser(parse).helpGroup("Protocol:"));
  };
  const { sigmaPixels, explain, curveSteps, batch } = defaultLocalizationSettings;
  const { connectivity, match, object, tolerance, toleranceOf } = defaultSummaryOptions;
  const whole = (flag: string, min = 0) => number(flag, { min, integer: true });
  add(
    "--blur <sigma>",
    "of every map before all else, in pixels of the input",
    sigmaPixels,
    number("--blur", { min: 0, max: 1000 }),
  );
  add("--explain <class>", "predicted, or the data's own: truth", explain, choice("--explain", ["predicted", "truth"]));
  add(
    "--curve-steps <n>",
    "of insertion and deletion: rows (one per row of pixels), a number, or 0 for none",
    curveSteps,
    (text) => (text === "rows" ? text : whole("--curve-steps")(text)),
  );
  add("--batch <n>", "pictures per run of the network for these curves", batch, whole("--batch", 1));
  add(
    "--match <rule>",
    "right at an IoU of ½ (at-least) or above it (above, as the paper)",
    match,
    choice("--match", ["at-least", "above"]),
  );
  add(
    "--object <which>",
    "any of a picture's boxes, or its largest: dominant",
    object,
    choice("--object", ["any", "dominant"]),
  );
  add(
    "--connectivity <n>",
    "of components: 8, 4, or none (a box around everything kept)",
    connectivity,
    choice("--connectivity", ["8", "4", "none"]),
  );
  add("--tolerance <pixels>", "of the pointing game", tolerance, number("--tolerance", { min: 0 }));
  add(
    "--tolerance-of <what>",
    "picture (as stored) or input (as the network sees it)",
    toleranceOf,
    choice("--tolerance-of", ["picture", "input"]),
  );
  add(
    "--sanity-check <n>",
    "pictures on which weights are randomized, layer by layer from the top",
    0,
    whole("--sanity-check"),
  );
  add("--sanity-stages <n>", "how many numbers of layers are randomized", 6, whole("--sanity-stages", 1));
  add("--keep-maps <n>", "pictures whose maps are kept, for the figures", 40, whole("--keep-maps"));
  add("--figure-rows <n>", "pictures in each figure", 6, whole("--figure-rows"));
}

async function benchmarkLocalization(flags: Flags, context: CliContext): Promise<void> {
  const runs = methodRunsOf(flags);
  const options = checkSummaryOptions({
    connectivity: flags.connectivity,
    match: flags.match,
    object: flags.object,
    tolerance: flags.tolerance,
    toleranceOf: flags.toleranceOf,
  });
  const settings: LocalizationSettings = {
    sigmaPixels: flags.blur,
    explain: flags.explain,
    curveSteps: flags.curveSteps,
    batch: flags.batch,
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
    isLabelled: flags.label !== "predicted",
    samples: async (opened) => samplesOfImages((await datasetOf(flags, opened, { signal })).images),
  });
  try {
    const dataset = await datasetOf(flags, classifier, { note, signal });
    const items = localizationItems(dataset, runs, { keepMaps: flags.keepMaps });
    const versions = {
      "perceptual-ball": packageVersion(),
      runtime: describeRuntime(runtime),
      node: process.version,
      machine: `${cpus().length} × ${cpus()[0]?.model ?? "unknown processor"}`,
    };
    const data = { name: dataset.name, labels: flags.label ?? "dataset" };
    const conducted = await conductExperiment<LocalizationItem, LocalizationRecord>({
      flags,
      context,
      identity: localizationIdentity(classifier, classifier.file.sha256, data, settings),
      run: versions,
      isResult: isLocalizationRecord,
      items,
      compute: localizationCompute(classifier, settings),
    });
    if (conducted === undefined) return;
    const sanity = conducted.isInterrupted
      ? []
      : await sanityCheck({ flags, context, classifier, runtime, items, runs, settings, data, versions });
    await report({ flags, context, classifier, dataset, items, runs, settings, options, versions, sanity }, conducted);
  } finally {
    await classifier.dispose();
  }
}

interface SanityInput {
  readonly flags: Flags;
  readonly context: CliContext;
  readonly classifier: FileClassifier;
  readonly runtime: Runtime;
  readonly items: readonly LocalizationItem[];
  readonly runs: readonly MethodRun[];
  readonly settings: LocalizationSettings;
  readonly data: object;
  readonly versions: Readonly<Record<string, string>>;
}

/** Similarities of maps while weights are randomized, kept in a folder of their own below the benchmark's. */
async function sanityCheck(input: SanityInput): Promise<SanityStage[]> {
  const { flags, context, classifier, runtime, items, runs, settings, data, versions } = input;
  if (flags.sanityCheck === 0) return [];
  const { sigmaPixels, seed } = settings;
  const images = [...new Map(items.map(({ image }) => [image.id, image])).values()].slice(0, flags.sanityCheck);
  const { threads, providers } = flags;
  const readsFiles = describeRuntime(runtime).startsWith("onnxruntime-node");
  const computer = randomizationComputer(classifier, {
    sigmaPixels,
    seed,
    open: (model) =>
      createClassifier(model, {
        runtime,
        threads,
        providers,
        where: "randomized model",
        allowMemory: flags.allowMemory,
        weightsFolder: readsFiles ? classifier.file.folder : undefined,
        inputSize: [classifier.input.height, classifier.input.width],
        preprocessing: { layout: classifier.guess.preprocessing.layout },
      }).withPreprocessing(classifier.guess),
  });
  const stages = cascadeStages(weightLayers(classifier.prepared).length, flags.sanityStages);
  const wanted = randomizationItems(images, runs, stages);
  try {
    const { experiment, version, ...rest } = localizationIdentity(classifier, classifier.file.sha256, data, settings);
    const conducted = await conductExperiment<RandomizationItem, RandomizationRecord>({
      flags: { ...flags, out: join(flags.out, "sanity-check"), workers: 1 },
      context,
      identity: { ...rest, experiment: "weight-randomization", version },
      run: versions,
      isResult: isRandomizationRecord,
      items: wanted,
      compute: computer.compute,
    });
    return conducted === undefined ? [] : summarizeRandomization(recordsOf(conducted.store, wanted));
  } finally {
    await computer.dispose();
  }
}

/** The finished records of these items: a folder may hold those of other methods and pictures as well. */
function recordsOf<T>(store: RecordFolder<T>, items: readonly ExperimentItem[]): FinishedRecord<T>[] {
  return items.map(({ key }) => store.finished(key)).filter((record) => record !== undefined);
}

interface ReportInput extends Omit<SanityInput, "runtime" | "data"> {
  readonly dataset: Dataset;
  readonly options: SummaryOptions;
  readonly sanity: readonly SanityStage[];
}

async function report(
  { flags, context, classifier, dataset, items, runs, settings, options, versions, sanity }: ReportInput,
  { store, isInterrupted }: ConductedExperiment<LocalizationRecord>,
): Promise<void> {
  const records = recordsOf(store, items);
  if (records.length === 0) return;
  const images = new Set(records.map(({ key }) => key.image));
  const wanted = new Set(items.map(({ key }) => keyText(key)));
  const failures = store.failures().filter(({ key }) => wanted.has(keyText(key)));
  const { file, classCount } = classifier;
  const summary: LocalizationSummary = {
    model: { name: basename(file.path), sha256: file.sha256, classCount },
    data: { name: dataset.name, images: images.size },
    options,
    settings: { ...settings, preprocessing: classifier.guess.name ?? classifier.guess.preprocessing },
    accuracy: accuracyOf(records),
    methods: summarizeMethods(records, runs, options),
    sanity,
    problems: [...dataset.problems.map(({ image, message }) => ({ image, message })), ...failureProblems(failures)],
    versions,
  };
  const figures = await localizationFigures({
    classifier,
    items,
    runs,
    store,
    methods: summary.methods,
    options,
    rows: flags.figureRows,
    encode: jpegDataUri,
  });
  await writeLocalizationReport(flags.out, summary, figures);
  if (flags.json) {
    for (const method of summary.methods) context.io.stdout.write(`${JSON.stringify(method)}\n`);
  } else if (!isInterrupted) {
    context.io.stdout.write(`${summaryText(summary)}\nReport: ${join(flags.out, "index.html")}\n`);
  }
}

/** One line for each picture and reason: a picture that cannot be read fails with every method. */
function failureProblems(failures: readonly FailedRecord[]): { image: string; message: string }[] {
  const methods = new Map<string, string[]>();
  for (const { key, message } of failures) {
    const problem = JSON.stringify([key.image, message]);
    methods.set(problem, [...(methods.get(problem) ?? []), key.method]);
  }
  return [...methods].map(([problem, names]) => {
    const [image, message] = JSON.parse(problem) as [string, string];
    return { image, message: `${message} (${names.join(", ")})` };
  });
}

/** Table 1 for a terminal. */
function summaryText({ methods }: LocalizationSummary): string {
  const width = Math.max(...methods.map(({ name }) => name.length));
  const cell = ({ error, isBest }: MethodSummary["kinds"]["value"]): string =>
    `${error.value.toFixed(2)}${isBest ? "*" : " "}`.padStart(9);
  const head = `${"error".padEnd(width)}${gridKinds.map((kind) => `${kind} `.padStart(9)).join("")}`;
  const rows = methods.map(
    ({ name, kinds }) => `${name.padEnd(width)}${gridKinds.map((kind) => cell(kinds[kind])).join("")}`,
  );
  return [head, ...rows].join("\n");
}
