/** @file `perceptual-ball cone`: Figures 5 and 8 of the paper for any classifier, attacks and pictures. */
import { join } from "node:path";
import { Command, Option } from "commander";
import { evenBatch } from "../../attacks/run-search.ts";
import { MisuseError } from "../../errors.ts";
import {
  type AttackItem,
  type AttackRun,
  attackBatchOf,
  attackCompute,
  attackIdentity,
  attackItems,
} from "../../experiments/attack/protocol.ts";
import { type AttackFinding, isAttackFinding } from "../../experiments/attack/record.ts";
import { attackCones, coneSeconds } from "../../experiments/cone/attack-cones.ts";
import {
  type ConeItem,
  type ConeSettings,
  checkConeSettings,
  coneCompute,
  coneIdentity,
  coneItems,
  coneStreams,
  isChanged,
} from "../../experiments/cone/protocol.ts";
import { type ConeRecord, isConeRecord } from "../../experiments/cone/record.ts";
import type { RecordStore } from "../../experiments/records/record-store.ts";
import { checkWritableFolder } from "../../node/check-folder.ts";
import { coneSentence } from "../../report/cone/sentence.ts";
import { type AttackInputFlags, openAttackInputs } from "../attack-inputs.ts";
import { say, sayJson } from "../context.ts";
import type { ExperimentContext } from "../experiment-run.ts";
import { type AttackRunFlags, attackRunsOf, comparedAttacks } from "../flags/attack-flags.ts";
import { addDataFlags } from "../flags/data-flags.ts";
import { addExperimentFlags, type ExperimentFlags } from "../flags/experiment-flags.ts";
import { describeHelp } from "../flags/help.ts";
import { addModelFlags } from "../flags/model-flags.ts";
import { number } from "../flags/parse-values.ts";
import { pictureArgument } from "../flags/picture-flags.ts";
import { addRunnableFlags, attackKind, runnableHelp } from "../flags/runnables.ts";
import { addRuntimeFlags } from "../flags/runtime-flags.ts";
import { createProgress } from "../progress.ts";
import { writeConeReport } from "../reports/write-cone-report.ts";
import { conductExperiment } from "../run-resumable.ts";
import { pictureVersions } from "../versions.ts";

interface Flags extends AttackInputFlags, AttackRunFlags, Omit<ExperimentFlags, "quiet" | "workers"> {
  readonly step: number;
  readonly directions: number;
  readonly batch: number;
  readonly examples: number;
}

export function coneCommand(context: ExperimentContext): Command {
  const command = new Command("cone")
    .description(
      "Attacks the pictures and draws the softmax of their class over the planes through picture, adversarial picture and random " +
        "orthogonal directions, averaged, with the curvature across the perturbation as a number. A run that was stopped goes on where it was.",
    )
    .argument("[image...]", pictureArgument);
  const whole = (flag: string, min: number, max?: number) => number(flag, { min, max, integer: true });
  const step = "of the grid, in lengths of the perturbation: 1 over an even number";
  const options = [
    new Option("--step <s>", step).default(0.05).argParser(number("--step", { min: 0.005, max: 0.5 })),
    new Option("--directions <n>", "random orthogonal directions").default(5).argParser(whole("--directions", 1)),
    new Option("--batch <n>", "images per run of the network").default(64).argParser(whole("--batch", 1, 4096)),
    new Option("--examples <n>", "pictures shown with differences").default(8).argParser(whole("--examples", 0)),
  ];
  for (const option of options) command.addOption(option.helpGroup("Cone:"));
  addDataFlags(command, { hasLabelFlag: false });
  addModelFlags(command, { hasModelFlag: true });
  addRuntimeFlags(command);
  addExperimentFlags(command, { out: "perceptual-ball-cone", env: context.io.env, hasWorkers: false });
  addRunnableFlags(command, attackKind, comparedAttacks);
  return describeHelp(command, context, {
    flags: [
      ...["--model", "--data", "--first", "--attack", "--set"],
      ...["--step", "--directions", "--examples", "--out", "--json"],
    ],
    lists: [{ title: "Attacks", names: attackKind.all.map(({ name }) => name), text: runnableHelp(attackKind) }],
    examples: [
      "cone --attack pgd,perceptual --step 0.25 --directions 2",
      "cone --data cifar10 --model vgg.onnx --first 100",
    ],
    notes: `Writes into --out: cones.svg, cones.png, examples.svg, examples.png and cones.json, and the records that the next run goes on from.
An attack costs (3/step + 1) · (1 + directions · 3/step) runs of the network per picture, 18 361 as in the paper.`,
    failure: "a picture or the model could not be used",
  }).action((images: string[], flags: Flags) => drawCones(images, flags, context));
}

async function drawCones(images: readonly string[], flags: Flags, context: ExperimentContext): Promise<void> {
  const { step, directions, batch, seed, out, examples, json } = flags;
  const runs = attackRunsOf(flags, comparedAttacks);
  const settings: ConeSettings = checkConeSettings({ step, directions, batch, seed });
  checkWritableFolder(out);
  const progress = createProgress(context.io.stderr, { quiet: flags.quiet ?? false });
  const opened = await openAttackInputs("cone", images, flags, context, progress);
  progress.stop();
  const { classifier, inputs, runtime } = opened;
  const versions = pictureVersions(runtime);
  const shared = { context, run: versions, flags: { ...flags, workers: 1 } };
  try {
    for (const { attack, settings: own } of runs) attack.check(classifier, own);
    const rows = evenBatch(classifier, inputs.length);
    const attackedItems = attackItems(inputs, runs, {
      classifier,
      settings: { seed, stream: coneStreams.attack },
      ...{ turn: rows, batch: rows },
      isDivided: flags.shard !== undefined,
    });
    const attacked = await conductExperiment<AttackItem, AttackFinding>({
      ...{ ...shared, flags: { ...shared.flags, out: join(out, "attacks") } },
      identity: attackIdentity(classifier, classifier.file.sha256),
      isResult: isAttackFinding,
      ...{ items: attackedItems, batchSize: rows, batchOf: attackBatchOf },
      compute: attackCompute(classifier),
    });
    if (attacked === undefined || attacked.isInterrupted) return;
    const findings = attacked.store;
    const items = coneItems(attackedItems, findings, settings);
    if (items.length === 0) {
      // Of few pictures a share may have none.
      if (flags.shard !== undefined && attacked.counts.total === 0) return;
      // Where nothing could be attacked, that has been said, picture by picture.
      if (attacked.counts.done === 0) return;
      throw noCommonPicture(runs, attackedItems, findings);
    }
    const drawn = await conductExperiment<ConeItem, ConeRecord>({
      ...{ ...shared, items },
      identity: coneIdentity(classifier, classifier.file.sha256),
      isResult: isConeRecord,
      compute: coneCompute(classifier, { settings, findings }),
    });
    if (drawn === undefined || drawn.isInterrupted) return;
    const planes = drawn.store;
    const attacks = await attackCones({ runs, items, findings, planes, settings });
    await writeConeReport({
      ...{ out, opened, settings, versions, attacks, findings, examples },
      ...{ attackItems: attackedItems, coneItems: items },
      seconds: coneSeconds(attackedItems, items, { findings, planes }),
    });
    for (const cone of attacks) {
      if (json) sayJson(context.io, { attack: cone.run.name, ...cone.means, curvature: cone.cone.curvature });
      else say(context.io, coneSentence(cone));
    }
    if (json) return;
    const [first] = attacks;
    say(
      context.io,
      "",
      `Cones of ${first?.cone.images} of ${inputs.length} picture${inputs.length === 1 ? "" : "s"}: ${join(out, "cones.svg")}`,
    );
  } finally {
    await classifier.dispose();
  }
}

/** Why there is no cone: of which attack that is the fault. */
function noCommonPicture(
  runs: readonly AttackRun[],
  items: readonly AttackItem[],
  findings: Pick<RecordStore<AttackFinding>, "finished">,
): MisuseError {
  const counts = runs.map((run) => {
    const found = items.flatMap((item) => (item.run === run ? (findings.finished(item.key) ?? []) : []));
    return `${found.filter(({ result }) => isChanged(result)).length} of ${found.length} by ${run.name}`;
  });
  return new MisuseError({
    where: "cone",
    what: "no picture was changed by all of the attacks",
    expected: "at least one that every attack changes",
    got: counts.join(", "),
    advice: "Take more pictures, allow a larger change (--set ATTACK.epsilon=…), or leave out what changes none.",
  });
}
