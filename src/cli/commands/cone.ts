/** @file `perceptual-ball cone`: Figures 5 and 8 of the paper for any classifier, attacks and pictures. */
import { join } from "node:path";
import { Command, Option } from "commander";
import { evenBatch } from "../../attacks/run-search.ts";
import { MisuseError } from "../../errors.ts";
import {
  type AttackItem,
  attackBatchOf,
  attackCompute,
  attackIdentity,
  attackItems,
} from "../../experiments/attack/protocol.ts";
import { type AttackFinding, isAttackFinding } from "../../experiments/attack/record.ts";
import {
  type ConeItem,
  type ConeSettings,
  checkConeSettings,
  coneCompute,
  coneIdentity,
  coneItems,
  coneOfRecords,
  coneStreams,
} from "../../experiments/cone/protocol.ts";
import { type ConeRecord, isConeRecord } from "../../experiments/cone/record.ts";
import { checkWritableFolder } from "../../node/check-folder.ts";
import { describeRuntime } from "../../runtime/runtime.ts";
import { type AttackInputFlags, openAttackInputs } from "../attack-inputs.ts";
import type { CliContext } from "../context.ts";
import { type AttackRunFlags, addAttackRunFlags, attackHelp, attackRunsOf } from "../flags/attack-run-flags.ts";
import { addDataFlags } from "../flags/data-flags.ts";
import { addExperimentFlags, type ExperimentFlags } from "../flags/experiment-flags.ts";
import { addModelFlags } from "../flags/model-flags.ts";
import { number } from "../flags/parse-values.ts";
import { pictureArgument } from "../flags/picture-flags.ts";
import { addRuntimeFlags } from "../flags/runtime-flags.ts";
import { packageVersion } from "../package-version.ts";
import { createProgress } from "../progress.ts";
import { conductExperiment } from "../run-resumable.ts";
import { type AttackCone, attackMeans, estimateText, writeConeReport } from "../write-cone-report.ts";

interface Flags extends AttackInputFlags, AttackRunFlags, Omit<ExperimentFlags, "quiet" | "workers"> {
  readonly step: number;
  readonly directions: number;
  readonly batch: number;
  readonly examples: number;
}

export function coneCommand(context: CliContext): Command {
  const command = new Command("cone")
    .description(
      "Attacks the pictures and draws the softmax of their class over the planes through picture, adversarial picture and random\n" +
        "orthogonal directions, averaged, with the curvature across the perturbation as a number. A run that was stopped goes on where it was.",
    )
    .argument("[image...]", pictureArgument);
  addAttackRunFlags(command, ["pgd", "pgd-mean", "perceptual", "carlini-wagner"]);
  addConeFlags(command);
  addDataFlags(command, { hasLabelFlag: false });
  addModelFlags(command, { hasModelFlag: true });
  addRuntimeFlags(command);
  addExperimentFlags(command, { out: "perceptual-ball-cone", isDivisible: false });
  return command
    .addHelpText(
      "after",
      () => `
Attacks:
${attackHelp()}

Examples:
  perceptual-ball cone --attacks pgd,perceptual --step 0.25 --directions 2
  perceptual-ball cone --data cifar10 --model vgg.onnx --first 100

Writes into --out: cones.svg, cones.png, examples.svg, examples.png and cones.json, and the records that the next run goes on from.
An attack costs (3/step + 1) · (1 + directions · 3/step) runs of the network per picture, 18 361 as in the paper.`,
    )
    .action((images: string[], flags: Flags) => drawCones(images, flags, context));
}

function addConeFlags(command: Command): void {
  const count = { min: 1, integer: true };
  const options = [
    new Option("--step <s>", "of the grid, in lengths of the perturbation: 1 over an even number")
      .default(0.05)
      .argParser(number("--step", { min: 0.005, max: 0.5 })),
    new Option("--directions <n>", "random orthogonal directions per picture")
      .default(5)
      .argParser(number("--directions", count)),
    new Option("--batch <n>", "images per run of the network")
      .default(64)
      .argParser(number("--batch", { ...count, max: 4096 })),
    new Option("--examples <n>", "pictures shown with their differences")
      .default(8)
      .argParser(number("--examples", { min: 0, integer: true })),
  ];
  for (const option of options) command.addOption(option.helpGroup("Cone:"));
}

async function drawCones(images: readonly string[], flags: Flags, context: CliContext): Promise<void> {
  const { step, directions, batch, seed, out } = flags;
  const runs = attackRunsOf(flags);
  const settings: ConeSettings = checkConeSettings({ step, directions, batch, seed });
  checkWritableFolder(out);
  const progress = createProgress(context.io.stderr, { quiet: flags.quiet ?? false });
  const opened = await openAttackInputs("cone", images, flags, context, progress);
  progress.stop();
  const { classifier, inputs, runtime } = opened;
  const versions = {
    perceptualBall: packageVersion(),
    runtime: describeRuntime(runtime),
    platform: `Node ${process.version}`,
  };
  const alone = { ...flags, workers: 1 };
  try {
    for (const { attack, settings: own } of runs) attack.check(classifier, own);
    const rows = evenBatch(classifier, inputs.length);
    const attacked = attackItems(inputs, runs, {
      classifier,
      settings: { seed, stream: coneStreams.attack },
      turn: rows,
      batch: rows,
    });
    const attacks = await conductExperiment<AttackItem, AttackFinding>({
      flags: { ...alone, out: join(out, "attacks") },
      context,
      identity: attackIdentity(classifier, classifier.file.sha256),
      run: versions,
      isResult: isAttackFinding,
      items: attacked,
      batchSize: rows,
      batchOf: attackBatchOf,
      compute: attackCompute(classifier),
    });
    if (attacks === undefined || attacks.isInterrupted) return;
    const items = coneItems(attacked, attacks.store, settings);
    if (items.length === 0) {
      throw new MisuseError({
        where: "cone",
        what: "no picture was changed by all of the attacks",
        advice: "Take more pictures, or leave out the attack that finds nothing.",
      });
    }
    const planes = await conductExperiment<ConeItem, ConeRecord>({
      flags: alone,
      context,
      identity: coneIdentity(classifier, classifier.file.sha256),
      run: versions,
      isResult: isConeRecord,
      items,
      compute: coneCompute(classifier, { settings, findings: attacks.store }),
    });
    if (planes === undefined || planes.isInterrupted) return;
    const cones: AttackCone[] = [];
    for (const run of runs) {
      const own = items.filter(
        ({ key, attacked: { run: other } }) => other === run && planes.store.finished(key) !== undefined,
      );
      const findings = own.flatMap(({ attacked: { key } }) => attacks.store.finished(key)?.result ?? []);
      cones.push({ run, findings, cone: await coneOfRecords(own, planes.store, settings) });
    }
    const took = [
      ...attacked.map(({ key }) => attacks.store.finished(key)),
      ...items.map(({ key }) => planes.store.finished(key)),
    ].reduce((sum, record) => sum + (record?.seconds ?? 0), 0);
    await writeConeReport({
      ...{ out, opened, settings, versions },
      ...{ attackItems: attacked, coneItems: items, attacks: cones, findings: attacks.store },
      examples: flags.examples,
      seconds: Math.round(took),
    });
    report(cones, inputs.length, flags, context);
  } finally {
    progress.stop();
    await classifier.dispose();
  }
}

/** Says how the cones bend. */
function report(
  cones: readonly AttackCone[],
  pictures: number,
  { json, out }: Pick<Flags, "json" | "out">,
  { io }: CliContext,
): void {
  const lines = cones.map(({ run, cone: { curvature }, findings }) => {
    const means = attackMeans(findings);
    if (json) return JSON.stringify({ attack: run.name, ...means, curvature });
    return `${run.name}: curvature ${estimateText(curvature.adversarial)} (at the picture ${estimateText(curvature.clean)}) nats per squared length; noise as long as the perturbation brings the label back in ${Math.round(100 * curvature.returned.mean)} %; ${Math.round(100 * means.flipped)} % flipped, mean ℓ2 ${means.l2.toFixed(3)}, margin ${means.margin.toFixed(2)}`;
  });
  io.stdout.write(`${lines.join("\n")}\n`);
  if (json) return;
  io.stdout.write(`\nCones of ${cones[0].cone.images} of ${pictures} pictures: ${join(out, "cones.svg")}\n`);
}
