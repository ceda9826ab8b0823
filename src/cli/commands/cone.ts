/** @file `perceptual-ball cone`: Figures 5 and 8 of the paper for any classifier, attacks and pictures. */
import { cpus } from "node:os";
import { basename, join } from "node:path";
import { Command, Option } from "commander";
import type { AttackResult } from "../../attacks/attack.ts";
import { MisuseError } from "../../errors.ts";
import { type Cone, coneOf, conePoints } from "../../experiments/cone/cone.ts";
import type { AttackRun } from "../../experiments/detection/protocol.ts";
import { normalizeSigned } from "../../image/normalize.ts";
import { checkWritableFolder } from "../../node/check-folder.ts";
import { rasterize } from "../../node/pictures/rasterize.ts";
import { encodePng } from "../../node/pictures/write-image.ts";
import { makeFolder, writeFileAtomically } from "../../node/write-file.ts";
import { createRandom } from "../../random/random.ts";
import { coneFigure } from "../../report/figures/cone-figure.ts";
import { type FigureCell, figureGrid } from "../../report/figures/figure-grid.ts";
import { describeRuntime } from "../../runtime/runtime.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { type AttackInput, type AttackInputFlags, openAttackInputs } from "../attack-inputs.ts";
import type { CliContext } from "../context.ts";
import { type AttackRunFlags, addAttackRunFlags, attackHelp, attackRunsOf } from "../flags/attack-run-flags.ts";
import { addDataFlags } from "../flags/data-flags.ts";
import { addModelFlags } from "../flags/model-flags.ts";
import { number } from "../flags/parse-values.ts";
import { addRuntimeFlags, loadRuntime } from "../flags/runtime-flags.ts";
import { packageVersion } from "../package-version.ts";
import { createProgress } from "../progress.ts";

interface Flags extends AttackInputFlags, AttackRunFlags {
  readonly step: number;
  readonly directions: number;
  readonly batch: number;
  readonly examples: number;
  readonly seed: number;
  readonly out: string;
  readonly json?: boolean;
}

/** Attacks and their pictures are drawn from other numbers than the directions. */
const [attackStream, directionStream] = [0, 1];

export function coneCommand(context: CliContext): Command {
  const command = new Command("cone")
    .description(
      "Attacks the pictures and draws the softmax of their class over the planes through picture, adversarial picture and random\n" +
        "orthogonal directions, averaged, with the curvature across the perturbation as a number.",
    )
    .argument("[image...]", "pictures (JPEG, PNG, WebP, GIF, TIFF, AVIF)");
  addAttackRunFlags(command, ["pgd", "pgd-mean", "perceptual", "carlini-wagner"]);
  const add = (option: Option): Command => command.addOption(option.helpGroup("Cone:"));
  const count = { min: 1, integer: true };
  add(
    new Option("--step <s>", "of the grid, in lengths of the perturbation: 1 over an even number")
      .default(0.05)
      .argParser(number("--step", { min: 0.005, max: 0.5 })),
  );
  add(
    new Option("--directions <n>", "random orthogonal directions per picture")
      .default(5)
      .argParser(number("--directions", count)),
  );
  add(
    new Option("--batch <n>", "images per run of the network")
      .default(64)
      .argParser(number("--batch", { ...count, max: 4096 })),
  );
  add(
    new Option("--examples <n>", "pictures shown with their differences")
      .default(8)
      .argParser(number("--examples", { min: 0, integer: true })),
  );
  addDataFlags(command, { hasLabelFlag: false });
  addModelFlags(command, { hasModelFlag: true });
  addRuntimeFlags(command);
  return command
    .option("--out <folder>", "folder for the results", "perceptual-ball-cone")
    .addOption(
      new Option("--seed <n>", "seed of everything that is drawn")
        .default(0)
        .argParser(number("--seed", { min: 0, max: Number.MAX_SAFE_INTEGER, integer: true })),
    )
    .option("--json", "print one JSON object per attack on stdout")
    .option("--quiet", "no progress and no notes")
    .addHelpText(
      "after",
      () => `
Attacks:
${attackHelp()}

Examples:
  perceptual-ball cone --attacks pgd,perceptual --step 0.25 --directions 2
  perceptual-ball cone --data cifar10 --model vgg.onnx --first 100

Writes into --out: cones.svg, cones.png, examples.svg, examples.png and cones.json.
An attack costs (3/step + 1) · (1 + directions · 3/step) runs of the network per picture, 18 361 as in the paper.`,
    )
    .action((images: string[], flags: Flags) => drawCones(images, flags, context));
}

/** One attack with what it made of all pictures. */
interface Attacked {
  readonly run: AttackRun;
  readonly results: readonly AttackResult[];
}

async function drawCones(images: readonly string[], flags: Flags, context: CliContext): Promise<void> {
  const runs = attackRunsOf(flags);
  conePoints(1, { step: flags.step });
  checkWritableFolder(flags.out);
  const { io } = context;
  const progress = createProgress(io.stderr, { quiet: flags.quiet ?? false });
  const opened = await openAttackInputs("cone", images, flags, context, progress);
  const { classifier, inputs, source } = opened;
  try {
    for (const { attack, settings } of runs) attack.check(classifier, settings);
    const begun = performance.now();
    const attacked: Attacked[] = [];
    for (const [k, run] of runs.entries()) {
      progress.begin();
      const results = await run.attack.attack(
        classifier,
        inputs.map(({ input }) => input),
        {
          ...run.settings,
          random: (image: number) => createRandom(flags.seed, attackStream, image),
          signal: io.signal,
          onProgress: ({ images: done, of, gradients }) =>
            progress.update(
              done / of,
              `attack ${k + 1} of ${runs.length}, ${run.name}: ${done} of ${of} pictures, ${gradients} gradients`,
            ),
        },
      );
      attacked.push({ run, results });
    }
    // The same pictures for all attacks, so that their cones can be compared: those that each of them changed.
    const kept = inputs.flatMap((_, n) =>
      attacked.every(({ results }) => results[n].withinBudget.distances.l0 > 0) ? [n] : [],
    );
    if (kept.length === 0) {
      throw new MisuseError({
        where: "cone",
        what: "no picture was changed by all of the attacks",
        advice: "Take more pictures, or leave out the attack that finds nothing.",
      });
    }
    const cones: Cone[] = [];
    for (const { run, results } of attacked) cones.push(await coneOfRun(run, results));
    const seconds = Math.round((performance.now() - begun) / 1000);
    await write(attacked, kept, cones, seconds);
    report(attacked, kept, cones);

    async function coneOfRun(run: AttackRun, results: readonly AttackResult[]): Promise<Cone> {
      progress.begin();
      return coneOf(
        classifier,
        kept.map((n) => ({
          image: inputs[n].input.data,
          adversarial: results[n].withinBudget.image.data,
          label: results[n].label,
        })),
        {
          step: flags.step,
          directions: flags.directions,
          batch: flags.batch,
          random: (pair) => createRandom(flags.seed, directionStream, kept[pair]),
          signal: io.signal,
          onProgress: ({ points, of }) => progress.update(points / of, `cone of ${run.name}`),
        },
      );
    }
  } finally {
    progress.stop();
    await classifier.dispose();
  }

  async function write(all: readonly Attacked[], kept: readonly number[], cones: readonly Cone[], seconds: number) {
    await makeFolder(flags.out);
    const figure = coneFigure(
      all.map(({ run }, k) => ({
        ...cones[k],
        title: run.name === run.attack.name ? run.attack.title : run.name,
        note: `curvature ${estimateText(cones[k].curvature.adversarial)}`,
      })),
    );
    const writeBoth = async (name: string, svg: string): Promise<void> => {
      await writeFileAtomically(join(flags.out, `${name}.svg`), svg);
      await writeFileAtomically(join(flags.out, `${name}.png`), await rasterize(svg));
    };
    await writeBoth("cones", figure);
    const examples = inputs.slice(0, flags.examples);
    if (examples.length > 0) await writeBoth("examples", await examplesFigure(examples, all));
    const runtime = await loadRuntime(flags);
    const record = {
      data: source,
      images: inputs.map(({ image }) => image),
      imagesUsed: kept.map((n) => inputs[n].image),
      model: { name: basename(classifier.file.path), sha256: classifier.file.sha256 },
      seed: flags.seed,
      step: flags.step,
      directions: flags.directions,
      attacks: all.map(({ run, results }, k) => ({
        name: run.name,
        ...summaryOf(results, kept),
        settings: results[0].settings,
        ...cones[k],
      })),
      versions: {
        perceptualBall: packageVersion(),
        runtime: describeRuntime(runtime),
        platform: `Node ${process.version}`,
      },
      machine: { processor: cpus()[0]?.model ?? "unknown", cores: cpus().length },
      seconds,
    };
    await writeFileAtomically(join(flags.out, "cones.json"), `${JSON.stringify(record)}\n`);
  }

  function report(all: readonly Attacked[], kept: readonly number[], cones: readonly Cone[]): void {
    progress.stop();
    const lines = all.map(({ run, results }, k) => {
      const { curvature } = cones[k];
      const summary = summaryOf(results, kept);
      if (flags.json) return JSON.stringify({ attack: run.name, ...summary, curvature });
      return `${run.name}: curvature ${estimateText(curvature.adversarial)} (at the picture ${estimateText(curvature.clean)}) nats per squared length; noise as long as the perturbation brings the label back in ${Math.round(100 * curvature.returned.mean)} %; ${Math.round(100 * summary.flipped)} % flipped, mean ℓ2 ${summary.l2.toFixed(3)}, margin ${summary.margin.toFixed(2)}`;
    });
    io.stdout.write(`${lines.join("\n")}\n`);
    if (!flags.json)
      io.stdout.write(`\nCones of ${kept.length} of ${inputs.length} pictures: ${join(flags.out, "cones.svg")}\n`);
  }
}

/** What the attack did to the pictures of the cone. */
function summaryOf(results: readonly AttackResult[], kept: readonly number[]) {
  const mean = (value: (result: AttackResult) => number): number =>
    kept.reduce((sum, n) => sum + value(results[n]), 0) / kept.length;
  return {
    flipped: mean(({ withinBudget }) => Number(withinBudget.success)),
    margin: mean(({ withinBudget }) => withinBudget.margin),
    l2: mean(({ withinBudget }) => withinBudget.distances.l2),
    linf: mean(({ withinBudget }) => withinBudget.distances.linf),
    perceptual: mean(({ withinBudget }) => withinBudget.distances.perceptual),
  };
}

/** Figure 8: each picture with what every attack made of it, and the differences, each rescaled by its own largest. */
async function examplesFigure(examples: readonly AttackInput[], attacked: readonly Attacked[]): Promise<string> {
  const cell = async (image: AttackInput["input"], alt: string, caption?: string): Promise<FigureCell> => {
    const source = `data:image/png;base64,${Buffer.from(await encodePng(image)).toString("base64")}`;
    return { source, alt, ...(caption === undefined ? {} : { caption }) };
  };
  const rows = await Promise.all(
    examples.map(async ({ input, name }, n) => {
      const cells = attacked.flatMap(({ run, results }) => {
        const { image, success, distances } = results[n].withinBudget;
        const difference = floatTensor(
          image.data.map((x, i) => x - input.data[i]),
          input.shape,
        );
        const caption = `${success ? "flipped" : "not flipped"}, ℓ∞ ${(255 * distances.linf).toFixed(1)}/255`;
        return [
          cell(image, `${name} after ${run.name}`),
          cell(normalizeSigned(difference), `difference by ${run.name}`, caption),
        ];
      });
      return { title: name, cells: [await cell(input, name), ...(await Promise.all(cells))] };
    }),
  );
  const [, height, width] = examples[0].input.shape;
  return figureGrid({
    title: "Adversarial pictures and differences",
    columns: ["Original", ...attacked.flatMap(({ run }) => [run.name, "difference"])],
    rows,
    size: { width, height },
    cellWidth: 110,
  });
}

function estimateText({ mean, standardError }: Cone["curvature"]["adversarial"]): string {
  return `${mean.toPrecision(3)}${standardError === null ? "" : ` ± ${standardError.toPrecision(2)}`}`;
}
