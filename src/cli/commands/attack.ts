/** @file `perceptual-ball attack`: adversarial pictures of pictures, or a table for a data set. */
import { basename, join } from "node:path";
import { Command } from "commander";
import { evenBatch } from "../../attacks/run-search.ts";
import {
  type AttackItem,
  attackBatchOf,
  attackCompute,
  attackIdentity,
  attackItems,
  picturesPerTurn,
} from "../../experiments/attack/protocol.ts";
import { type AttackFinding, isAttackFinding } from "../../experiments/attack/record.ts";
import { attackSummaries } from "../../experiments/attack/summary.ts";
import { checkWritableFolder } from "../../node/check-folder.ts";
import { isEndpoint } from "../../node/endpoint/open-endpoint.ts";
import { attackSentence } from "../../report/attack/sentence.ts";
import { attackTable } from "../../report/attack/table.ts";
import { transferLines } from "../../report/attack/transfer-table.ts";
import { type AttackInputFlags, openAttackInputs } from "../attack-inputs.ts";
import { notesOf, say, sayJson } from "../context.ts";
import type { ExperimentContext } from "../experiment-run.ts";
import { type AttackFlags, addAttackFlags, askedOfAll, attackRunsOf } from "../flags/attack-flags.ts";
import { addDataFlags } from "../flags/data-flags.ts";
import { addEndpointFlags, checkBlackBox, modelPathOf } from "../flags/endpoint-flags.ts";
import { addExperimentFlags, type ExperimentFlags } from "../flags/experiment-flags.ts";
import { describeHelp } from "../flags/help.ts";
import { addModelFlags } from "../flags/model-flags.ts";
import { pictureArgument } from "../flags/picture-flags.ts";
import { addRunnableFlags, attackKind, runnableHelp } from "../flags/runnables.ts";
import { addRuntimeFlags } from "../flags/runtime-flags.ts";
import { createProgress } from "../progress.ts";
import { describeReplaced, sayPage } from "../reports/page-link.ts";
import { checkTransferModels, transferTo } from "../reports/transfer-report.ts";
import { checkAttackReport, writeAttackReport } from "../reports/write-attack-report.ts";
import { conductExperiment } from "../run-resumable.ts";
import { pictureVersions } from "../versions.ts";

interface Flags extends AttackInputFlags, AttackFlags, Omit<ExperimentFlags, "quiet"> {}

const runnables = { fallback: ["perceptual"] };

export function attackCommand(context: ExperimentContext): Command {
  const command = new Command("attack")
    .description(
      "Writes adversarial pictures as lossless PNGs, and says whether they still fool the classifier when saved; with --data, " +
        "attacks a data set (its test part, or else its validation part, where it has parts) and prints a table. A run that was stopped goes on where it was.",
    )
    .argument("[image...]", pictureArgument);
  addAttackFlags(command);
  addDataFlags(command, { hasLabelFlag: false });
  addModelFlags(command, { hasModelFlag: true });
  addEndpointFlags(command, "attacks that need no gradients (square, hopskipjump)");
  addRuntimeFlags(command);
  addExperimentFlags(command, { out: "perceptual-ball-attack", env: context.io.env });
  addRunnableFlags(command, attackKind, runnables);
  return describeHelp(command, context, {
    flags: [
      ...["--model", "--endpoint", "--attack", "--epsilon", "--steps", "--target"],
      ...["--set", "--data", "--first", "--workers", "--out"],
    ],
    lists: [{ title: "Attacks", names: attackKind.all.map(({ name }) => name), text: runnableHelp(attackKind) }],
    examples: [
      "attack dog.jpg --model model.onnx --attack pgd --epsilon 4/255",
      "attack --data cifar10 --model vgg.onnx --attack all --first 200",
      "attack dog.jpg --endpoint http://127.0.0.1:8000/model --attack square,hopskipjump --queries 2000",
      'attack dog.jpg --model resnet50.onnx --attack perceptual,deepfool --target "tabby cat"',
      "attack --data cifar10 --model vgg.onnx --attack all --first 200 --workers 4",
      "attack --data cifar10 --model vgg.onnx --attack mi-fgsm --diversity 0.5 --transfer-to resnet.onnx,densenet.onnx",
    ],
    notes: `Writes into --out, for each picture and attack: adversarial.png, adversarial.npy (before rounding to bytes), difference.png and
result.json; and index.html, table.md, results.csv and results.jsonl, in the place of what an earlier run has written there; and the
records themselves, which the next run goes on from.`,
    failure: "a picture or the model could not be used",
  }).action((images: string[], flags: Flags) => attackPictures(images, flags, context));
}

async function attackPictures(images: readonly string[], flags: Flags, context: ExperimentContext): Promise<void> {
  const runs = askedOfAll(attackRunsOf(flags, runnables), flags);
  checkTransferModels(flags.transferTo ?? []);
  checkWritableFolder(flags.out);
  const { io } = context;
  const progress = createProgress(io.stderr, { quiet: flags.quiet ?? false });
  const opened = await openAttackInputs("attack", images, flags, context, progress);
  progress.stop();
  const { classifier, inputs, source, runtime } = opened;
  try {
    for (const { attack, settings } of runs) {
      if (isEndpoint(classifier)) checkBlackBox(attack, classifier);
      attack.check(classifier, settings);
    }
    const classOf = (given: string | undefined) => (given === undefined ? undefined : classifier.findLabel(given));
    const turn = Math.max(picturesPerTurn, flags.batch ?? 0);
    const items = attackItems(inputs, runs, {
      classifier,
      settings: {
        seed: flags.seed,
        // Of a decision on one label, "present" is what there is to leave or to reach.
        label: classifier.prepared.head.decision === undefined ? classOf(flags.label) : undefined,
        target: classOf(flags.target),
        rounding: flags.rounding,
      },
      // Pictures that are shown to other models are kept, all of them.
      keepImages: flags.data === undefined || flags.transferTo !== undefined ? undefined : flags.examples,
      turn,
      batch: flags.batch,
      isDivided: flags.workers !== 1 || flags.shard !== undefined,
    });
    checkAttackReport({ out: flags.out, opened, items });
    const versions = pictureVersions(runtime, classifier);
    const conducted = await conductExperiment<AttackItem, AttackFinding>({
      ...{ flags, context, items, run: versions },
      identity: attackIdentity(classifier, classifier.file.sha256),
      isResult: isAttackFinding,
      // What is attacked in lockstep is what a kill loses.
      batchSize: flags.batch ?? evenBatch(classifier, turn),
      batchOf: attackBatchOf,
      compute: attackCompute(classifier),
    });
    if (conducted === undefined) return;
    const { store, isInterrupted } = conducted;
    const model = { path: modelPathOf(flags, classifier), sha256: classifier.file.sha256 };
    // "--label" is the decision of a network that decides each of its labels, and of others the class that is left.
    const decision = classifier.prepared.head.decision === undefined ? undefined : (flags.label ?? flags.decision);
    const hasRecords = items.some(({ key }) => store.finished(key) !== undefined);
    const shown =
      flags.transferTo === undefined || isInterrupted || !hasRecords
        ? undefined
        : await settled(transferTo({ paths: flags.transferTo, opened, items, store, flags, decision }, context));
    const transfer = shown?.status === "fulfilled" ? shown.value : undefined;
    const report = { ...{ out: flags.out, opened, items, store, model, versions }, transfer };
    const { records, replaced } = await writeAttackReport(report);
    for (const record of records) {
      if (flags.json) sayJson(io, record);
      else if (flags.data === undefined) {
        say(io, `${basename(record.image)}, ${record.attack}: ${attackSentence(record)}`);
      }
    }
    const page = join(flags.out, "index.html");
    if (replaced !== undefined) notesOf(io, flags)(`${page} replaces ${describeReplaced(replaced)}`);
    if (isInterrupted || records.length === 0) return;
    // What another model did wrong takes nothing from the report.
    if (shown?.status === "rejected") throw shown.reason;
    if (flags.json) {
      if (transfer !== undefined) sayJson(io, { transfer });
      return;
    }
    if (flags.data !== undefined) {
      say(io, `${inputs.length} pictures of ${source}`, "", ...attackTable(attackSummaries(records)).split("\n"));
    }
    if (transfer !== undefined) say(io, "", "Shown to other models:", "", ...transferLines(transfer));
    say(io, "");
    sayPage(io, page);
  } finally {
    await classifier.dispose();
  }
}

async function settled<T>(work: Promise<T>): Promise<PromiseSettledResult<T>> {
  const [result] = await Promise.allSettled([work]);
  return result;
}
