/** @file The sanity check of `benchmark localization`: maps while the network's weights are randomized, layer by layer. */
import { join } from "node:path";
import { createClassifier } from "../classifier/classifier.ts";
import {
  type LocalizationItem,
  type LocalizationSettings,
  localizationIdentity,
  type MethodRun,
} from "../experiments/localization/protocol.ts";
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
} from "../experiments/localization/weight-randomization.ts";
import type { ExperimentIdentity } from "../experiments/records/record-store.ts";
import { finishedRecords } from "../experiments/records/run-experiment.ts";
import type { FileClassifier } from "../node/models/load-classifier.ts";
import { describeRuntime, type Runtime } from "../runtime/runtime.ts";
import type { ExperimentContext } from "./experiment-run.ts";
import type { ExperimentFlags } from "./flags/experiment-flags.ts";
import type { ModelFlags } from "./flags/model-flags.ts";
import type { RuntimeFlags } from "./flags/runtime-flags.ts";
import { conductExperiment } from "./run-resumable.ts";

export interface SanityCheck {
  readonly flags: ExperimentFlags &
    RuntimeFlags &
    Pick<ModelFlags, "allowMemory"> & { readonly sanityCheck: number; readonly sanityStages: number };
  readonly context: ExperimentContext;
  readonly classifier: FileClassifier;
  readonly runtime: Runtime;
  readonly items: readonly LocalizationItem[];
  readonly runs: readonly MethodRun[];
  readonly settings: LocalizationSettings;
  readonly data: ExperimentIdentity["data"];
  readonly versions: Readonly<Record<string, string>>;
}

/** How alike maps stay, stage by stage; the records are kept in a folder of their own below the benchmark's. None if no picture is asked for. */
export async function sanityCheck(input: SanityCheck): Promise<SanityStage[]> {
  const { flags, context, classifier, items, runs, settings, data, versions } = input;
  if (flags.sanityCheck === 0) return [];
  const images = [...new Map(items.map(({ image }) => [image.id, image])).values()].slice(0, flags.sanityCheck);
  const { sigmaPixels, seed, smoothing } = settings;
  const computer = randomizationComputer(classifier, { sigmaPixels, seed, smoothing, open: openerOf(input) });
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
    return conducted === undefined ? [] : summarizeRandomization(finishedRecords(conducted.store, wanted));
  } finally {
    await computer.dispose();
  }
}

/** Opens a model with random weights as the classifier itself was opened. */
function openerOf({
  flags: { threads, providers, allowMemory },
  classifier,
  runtime,
}: SanityCheck): Parameters<typeof randomizationComputer>[1]["open"] {
  const readsFiles = describeRuntime(runtime).startsWith("onnxruntime-node");
  return (model) =>
    createClassifier(model, {
      ...{ runtime, threads, providers },
      where: "randomized model",
      allowMemory,
      weightsFolder: readsFiles ? classifier.file.folder : undefined,
      inputSize: [classifier.input.height, classifier.input.width],
      preprocessing: { layout: classifier.guess.preprocessing.layout },
    }).withPreprocessing(classifier.guess);
}
