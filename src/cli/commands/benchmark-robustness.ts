/** @file `perceptual-ball benchmark robustness`: robust accuracy over the radius, on any classifier and data. */

import { basename, join } from "node:path";
import { Command, Option } from "commander";
import { evenBatch } from "../../attacks/run-search.ts";
import type { Dataset, DatasetImage } from "../../datasets/dataset.ts";
import { BadInputError, MisuseError } from "../../errors.ts";
import {
  checkRadii,
  type RobustnessItem,
  robustnessBatchOf,
  robustnessCompute,
  robustnessIdentity,
  robustnessItems,
} from "../../experiments/robustness/protocol.ts";
import { isRobustnessRecord, type RobustnessRecord } from "../../experiments/robustness/record.ts";
import { robustnessSummary } from "../../experiments/robustness/summary.ts";
import { checkWritableFolder } from "../../node/check-folder.ts";
import { fingerprinted } from "../../node/data/fingerprinted.ts";
import { robustnessLines } from "../../report/robustness/tables.ts";
import { notesOf, say, sayJson } from "../context.ts";
import { testData } from "../detection-data.ts";
import type { ExperimentContext } from "../experiment-run.ts";
import { type AttackRunFlags, addVariantImages, attackRunsOf } from "../flags/attack-flags.ts";
import { addDataFlags, type DataFlags } from "../flags/data-flags.ts";
import { addExperimentFlags, type ExperimentFlags } from "../flags/experiment-flags.ts";
import { describeHelp } from "../flags/help.ts";
import { addModelFlags, type ModelFlags } from "../flags/model-flags.ts";
import { number, numbers } from "../flags/parse-values.ts";
import { addRunnableFlags, attackKind, runnableHelp } from "../flags/runnables.ts";
import { addRuntimeFlags, loadRuntime, type RuntimeFlags } from "../flags/runtime-flags.ts";
import { openClassifier, samplesOfDataset } from "../open-classifier.ts";
import { sayPage } from "../reports/page-link.ts";
import { writeRobustnessReport } from "../reports/write-robustness-report.ts";
import { conductExperiment, shareFinished } from "../run-resumable.ts";
import { benchmarkVersions } from "../versions.ts";

interface Flags extends ModelFlags, DataFlags, AttackRunFlags, RuntimeFlags, ExperimentFlags {
  readonly epsilon?: readonly number[];
  readonly batch?: number;
}

const runnables = { fallback: ["autoattack"], hasVariants: true };

/** Radii unless told otherwise, in ℓ∞. */
const usualRadii: readonly number[] = [1 / 255, 2 / 255, 4 / 255, 8 / 255];

export function benchmarkRobustnessCommand(context: ExperimentContext): Command {
  const command = new Command("robustness")
    .summary("how many pictures no attack flips, over the radius")
    .description(
      "Attacks the test pictures at growing radii and says how many stand: robust accuracy with intervals, as a table, a " +
        "curve and a page. A run that was stopped goes on where it was; --shard and --workers divide it.",
    );
  addDataFlags(command, { hasLabelFlag: true });
  const add = (option: Option): Command => command.addOption(option.helpGroup("Protocol:"));
  add(
    new Option(
      "--epsilon <list>",
      "radii, such as 2/255,8/255 (default: 1/255,2/255,4/255,8/255; in ℓ2 they have to be given)",
    ).argParser(numbers("--epsilon")),
  );
  add(
    new Option("--batch <n>", "pictures in lockstep (default: up to 64, fewer of large ones)").argParser(
      number("--batch", { min: 1, max: 4096, integer: true }),
    ),
  );
  addModelFlags(command, { hasModelFlag: true });
  addRuntimeFlags(command);
  addExperimentFlags(command, { out: "perceptual-ball-robustness", env: context.io.env });
  addRunnableFlags(command, attackKind, runnables);
  addVariantImages(command);
  return describeHelp(command, context, {
    flags: [
      ...["--data", "--first", "--epsilon", "--model", "--attack", "--norm", "--preset"],
      ...["--set", "--variant", "--workers", "--out", "--json"],
    ],
    lists: [{ title: "Attacks", names: attackKind.all.map(({ name }) => name), text: runnableHelp(attackKind) }],
    examples: [
      "benchmark robustness --data cifar10 --model vgg.onnx",
      "benchmark robustness --data cifar10 --model vgg.onnx --epsilon 0.25,0.5 --norm l2 --workers 4",
      "benchmark robustness --data cifar10 --model vgg.onnx --attack apgd,square,pgd --epsilon 2/255,8/255",
    ],
    notes: `Writes into --out: index.html, robustness.md, robustness.csv, robust-accuracy-NORM.svg, results.json, and the records themselves.
AutoAttack takes about 1,900 gradients and 6,000 runs forward for a picture that nothing flips, and a few for one that falls at once.`,
    failure: "a picture or the model could not be used",
  }).action((flags: Flags) => benchmarkRobustness(flags, context));
}

async function benchmarkRobustness(flags: Flags, context: ExperimentContext): Promise<void> {
  const runs = attackRunsOf(flags, runnables);
  const isOtherNorm = runs.some(({ settings: { norm } }) => norm !== undefined && norm !== "linf");
  if (flags.epsilon === undefined && isOtherNorm) {
    throw new MisuseError({
      where: "--epsilon",
      what: "the usual radii are those of ℓ∞",
      expected: "radii for this norm",
      advice: "Lengths in ℓ2 grow with the root of the number of pixels: 0.25,0.5,1 for pictures of 32 × 32.",
    });
  }
  const settings = { epsilons: checkRadii("--epsilon", flags.epsilon ?? usualRadii), seed: flags.seed };
  checkWritableFolder(flags.out);
  const { io } = context;
  const { signal } = io;
  const note = notesOf(io, flags);
  const runtime = await loadRuntime(flags);
  const classifier = await openClassifier(flags, {
    ...{ runtime, signal, note },
    isLabelled: true,
    samples: async (opened) => samplesOfDataset(await testData(flags, opened, { signal })),
  });
  try {
    if (classifier.prepared.head.kind === "value") {
      throw new MisuseError({
        where: "benchmark robustness",
        what: "the output is taken as a number, which has no label to change",
        expected: "a classification",
      });
    }
    const data = await fingerprinted(await testData(flags, classifier, { note, signal }), { signal });
    const labels = flags.label === "predicted" ? "predicted" : "dataset";
    const pictures = labels === "predicted" ? data.images : labelledOf(data, note);
    const items = robustnessItems(pictures, runs, classifier, settings);
    const versions = benchmarkVersions(runtime);
    const { file } = classifier;
    const conducted = await conductExperiment<RobustnessItem, RobustnessRecord>({
      ...{ flags, context, items, run: versions },
      identity: robustnessIdentity(classifier, file.sha256, { name: data.name, labels }, settings),
      isResult: isRobustnessRecord,
      batchSize: flags.batch ?? evenBatch(classifier, pictures.length),
      batchOf: robustnessBatchOf,
      compute: robustnessCompute(classifier, settings),
    });
    if (conducted === undefined) return;
    const { store } = conducted;
    if (flags.shard !== undefined) {
      note(shareFinished);
      return;
    }
    const summary = robustnessSummary(store, {
      ...{ classifier, items, runs, seed: flags.seed, run: versions },
      model: { name: basename(file.path), sha256: file.sha256 },
      data: {
        ...{ name: data.name, pictures: pictures.length, labels },
        unlabelled: data.images.length - pictures.length,
      },
    });
    await writeRobustnessReport(flags.out, summary);
    if (flags.json) sayJson(io, summary);
    else {
      say(io, ...robustnessLines(summary), "");
      sayPage(io, join(flags.out, "index.html"));
    }
  } finally {
    await classifier.dispose();
  }
}

/** The pictures whose class the data set states; throws a BadInputError if it states none. */
function labelledOf({ name, images }: Dataset, note: (text: string) => void): readonly DatasetImage[] {
  const labelled = images.filter(({ label }) => label !== undefined);
  if (labelled.length === 0) {
    throw new BadInputError({
      where: name,
      what: "the data set states no picture's class, so that accuracy means nothing",
      expected: "a data set with classes",
      advice:
        "Give --label predicted to count what the network predicts of the clean pictures as right: then the table says how many predictions stand.",
    });
  }
  const missing = images.length - labelled.length;
  if (missing > 0) note(`${missing} of ${images.length} pictures have no class and are left out`);
  return labelled;
}
