/**
 * Figures 1 to 8 of the paper: `npm run reproduce -- figures`, where the data is (../shared/data or $PERCEPTUAL_BALL_DATA).
 *
 *   npm run reproduce -- figures [FIGURE…] [--records FOLDER] [--first N] [--threads N] [--out FOLDER]
 *
 * Writes figure-1.png … figure-8.png and a page, index.html, into results/figures, where git ignores them: they hold photographs. Which
 * photographs are shown say rules on the records of Table 1 (`figures/choose-pictures.ts`): those in results/table1-imagenet/squeezenet1_1, or
 * --records; where there are none, the first --first photographs are computed. Figure 5 is drawn from results/cone/cifar10-paper/cones.json, which
 * `npm run reproduce -- cone cifar10-paper` makes. What was computed stays in results/figures; FIGURE (1 to 8) makes those figures only. results/figures/provenance.json
 * says what the last run of all figures was made of.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { basename, join, relative } from "node:path";
import { parseArgs } from "node:util";
import * as ort from "onnxruntime-node";
import { attackNamed } from "../../src/attacks/attacks.ts";
import { evenBatch } from "../../src/attacks/run-search.ts";
import {
  type AttackRun,
  attackBatchOf,
  attackCompute,
  attackIdentity,
  attackItems,
} from "../../src/experiments/attack/protocol.ts";
import { type AttackFinding, isAttackFinding } from "../../src/experiments/attack/record.ts";
import type { ConeEstimate } from "../../src/experiments/cone/curvature.ts";
import type { MethodRun } from "../../src/experiments/localization/protocol.ts";
import { runExperiment } from "../../src/experiments/records/run-experiment.ts";
import { loadDataset } from "../../src/node/data/load-dataset.ts";
import { loadClassifier } from "../../src/node/models/load-classifier.ts";
import { jpegDataUri, pngDataUri } from "../../src/node/pictures/data-uri.ts";
import { rasterize } from "../../src/node/pictures/rasterize.ts";
import { openRecordFolder } from "../../src/node/records/record-folder.ts";
import { attackExamples } from "../../src/report/cone/attack-examples.ts";
import { estimateText } from "../../src/report/cone/sentence.ts";
import { type ConeFigurePanel, coneFigure } from "../../src/report/figures/cone-figure.ts";
import { comparisonFigure, explanationFigure, stagesFigure } from "../../src/report/localization/figures.ts";
import type { Shown } from "../../src/report/localization/shown.ts";
import { percent, shortName } from "../../src/report/style/wording.ts";
import { describeRuntime } from "../../src/runtime/runtime.ts";
import { createExplainer } from "../../src/saliency/explainer.ts";
import { methods } from "../../src/saliency/methods.ts";
import { choosePictures, missOf, type PhotographFigure, rules } from "./figures/choose-pictures.ts";
import { type FigureEntry, figuresPage } from "./figures/page.ts";
import { perturbationKindsFigure, perturbationsFigure } from "./figures/perturbation-figures.ts";
import { defaultRun, openPhotographs, type Photographs } from "./figures/photographs.ts";
import { summarizeChoices } from "./figures/summarize-choices.ts";
import { commitOf, data, root } from "./run-part.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    records: { type: "string", default: join(root, "results/table1-imagenet/squeezenet1_1") },
    first: { type: "string", default: "60" },
    threads: { type: "string" },
    out: { type: "string", default: join(root, "results/figures") },
  },
});
const all = [1, 2, 3, 4, 5, 6, 7, 8];
const asked = positionals.length === 0 ? all : positionals.map(Number);
const unknown = asked.filter((figure) => !all.includes(figure));
if (unknown.length > 0) fail(`figures are called 1 to 8, got ${positionals.join(" ")}`);
const [first, threads] = [wholeNumber("--first", values.first), wholeNumber("--threads", values.threads)];

const { out } = values;
const model = join(data, "models/squeezenet1_1.onnx");
const cifarModel = join(data, "models/cifar10_vgg7_bn.onnx");
const photographs = join(data, "imagenet-227");
const cones = join(root, "results/cone/cifar10-paper/cones.json");

/** The methods of figure 4, in the order of the paper's table; DeepFool is left out as there. */
const comparedRuns: readonly MethodRun[] = [
  ...(["grad-cam", "guided-grad-cam", "smooth-grad", "integrated-gradients", "excitation-backprop"] as const).map(
    defaultRun,
  ),
  defaultRun("extremal"),
  defaultRun("guided-backprop"),
  { name: "rise", method: methods.rise, settings: { preset: "paper" } },
  ...(["perceptual", "guided-perceptual"] as const).map(defaultRun),
];

/** Of figure 2: DeepFool, the objective without the perceptual term (equation 3), and with it (equation 4). */
const kinds: readonly { readonly title: string; readonly run: MethodRun }[] = [
  { title: "DeepFool (ℓ2)", run: defaultRun("deepfool") },
  {
    title: "equation (3): ℓ2 alone",
    run: {
      name: "no perceptual term",
      method: methods.perceptual,
      settings: { perceptualWeight: 0, distanceWeight: 1 },
    },
  },
  { title: "equation (4): perceptual", run: defaultRun("perceptual") },
];

/** The attacks of figures 5 and 8, as in the table of detection rates. */
const attackRuns: readonly AttackRun[] = [
  { name: "pgd", attack: attackNamed("pgd"), settings: {} },
  { name: "pgd-mean", attack: attackNamed("pgd-mean"), settings: { preset: "odds" } },
  { name: "carlini-wagner", attack: attackNamed("carlini-wagner"), settings: {} },
  { name: "perceptual", attack: attackNamed("perceptual"), settings: {} },
];

const where = "the value threshold with the least error of each method on all pictures of the records";

mkdirSync(out, { recursive: true });
const entries: FigureEntry[] = [];
const provenance: Record<string, unknown> = {
  commit: commitOf(root),
  command: "npm run reproduce -- figures",
  versions: { node: process.version, runtime: describeRuntime(ort), processor: cpus()[0]?.model },
};
if (asked.some((figure) => Object.hasOwn(rules, figure))) {
  if (existsSync(model) && existsSync(photographs)) await photographFigures();
  else note(`figures 1 to 4, 6 and 7: left out, there is no ${existsSync(model) ? photographs : model}`);
}
if (asked.includes(5)) await conesFigure();
if (asked.includes(8)) await attacksFigure();
entries.sort((a, b) => a.number - b.number);
if (asked.length === all.length) {
  writeFileSync(join(out, "index.html"), figuresPage(entries, introduction()));
  writeFileSync(join(out, "provenance.json"), `${JSON.stringify(provenance, null, 1)}\n`);
  note(`The page: ${join(out, "index.html")}`);
}

function introduction(): string {
  return (
    "Photographs are chosen by rules, in the order of the data, and by nothing else. The data has them stretched to a square; the networks and pictures are smaller than the paper's. " +
    "What the figures show beside the paper's is said in results/figures/README.md."
  );
}

async function photographFigures(): Promise<void> {
  const opened = await openPhotographs({
    ...{ model, photographs, out, first, threads, note },
    records: values.records,
  });
  const { classifier, dataset, known, recorded, source } = opened;
  try {
    const shared = `SqueezeNet 1.1 (${basename(model)}) on ${dataset.name}; thresholds and choice of pictures from ${source}: ${recorded} photographs, ${known.length} of them predicted right`;
    const chosen: Record<string, readonly string[]> = {};
    for (const figure of [1, 2, 3, 4, 6, 7] as const) {
      if (!asked.includes(figure)) continue;
      const pictures = choosePictures(known, figure);
      const ids = pictures.map(({ image }) => image);
      if (ids.length === 0) {
        note(
          `figure ${figure}: left out, its rule takes none of the ${known.length} pictures (${rules[figure].words})`,
        );
        continue;
      }
      chosen[`figure ${figure}`] = ids;
      const svg = await drawPhotographs(figure, ids, opened);
      await save(figure, svg, 1.5);
      entries.push({
        number: figure,
        ...photographTexts(figure, opened),
        source: shared,
        file: `figure-${figure}.png`,
      });
    }
    Object.assign(provenance, {
      photographs: {
        model: { name: basename(model), sha256: classifier.file.sha256 },
        data: dataset.name,
        ...{ records: source, recorded, predictedRight: known.length },
        rules: Object.fromEntries(Object.entries(rules).map(([figure, { words }]) => [`figure ${figure}`, words])),
        chosen,
        counted: summarizeChoices(known),
        settings: Object.fromEntries(comparedRuns.map(({ name, settings }) => [name, settings])),
      },
    });
  } finally {
    await opened.close();
  }
}

async function drawPhotographs(figure: PhotographFigure, ids: readonly string[], opened: Photographs): Promise<string> {
  const { classifier, show } = opened;
  const layout = { classifier, options: { connectivity: "8" as const }, encode: jpegDataUri };
  const own = defaultRun("perceptual");
  const drawn = async (figureOf: Promise<{ readonly svg: string } | undefined>): Promise<string> => {
    const made = await figureOf;
    if (made === undefined) throw new Error(`figure ${figure}: none of its pictures could be computed`);
    return made.svg;
  };
  if (figure === 2) {
    const shown = await show(
      ids,
      kinds.map(({ run }) => run),
    );
    const pictures = ids.map((id, i) => ({
      title: shortName(opened.image(id).className ?? id),
      perturbations: shown[i],
    }));
    return perturbationKindsFigure(
      withInputs(pictures),
      kinds.map(({ title }) => title),
      jpegDataUri,
    );
  }
  if (figure === 4) {
    const shown = await show(ids, comparedRuns);
    const ownPlace = comparedRuns.findIndex(({ name }) => name === own.name);
    const compared = shown.flatMap((results) => {
      const one = results[ownPlace];
      return one === undefined ? [] : [{ own: one, results }];
    });
    return drawn(comparisonFigure(compared, comparedRuns, layout, { columns: "methods" }));
  }
  const shown = (await show(ids, [own])).flat().filter((one) => one !== undefined);
  if (figure === 1) return perturbationsFigure(await perturbed(shown, opened), jpegDataUri);
  if (figure === 3) return drawn(explanationFigure(shown, own, layout));
  return drawn(
    stagesFigure(shown, own, layout, {
      which: figure === 6 ? "failures" : "successes",
      where,
      remark: ({ isRight, found, record: { result } }) => (isRight ? undefined : missOf({ ...result, found })),
    }),
  );
}

/** The pictures of which there is anything to show, with their pixels. */
function withInputs(
  pictures: readonly { readonly title: string; readonly perturbations: readonly (Shown | undefined)[] }[],
) {
  return pictures.flatMap(({ title, perturbations }) => {
    const input = perturbations.find((shown) => shown !== undefined)?.input;
    return input === undefined ? [] : [{ title, input, perturbations }];
  });
}

/** The perturbed pictures themselves, which records do not keep: the search is run again. */
async function perturbed(shown: readonly Shown[], { classifier }: Photographs) {
  const pictures = [];
  for (const one of shown) {
    const { perturbation } = await createExplainer(classifier, one.input).explain(methods.perceptual);
    const result = perturbation?.facts?.result;
    if (result === undefined) continue;
    const { clean, rounded } = result;
    const said = ({ label, confidence }: { readonly label: number; readonly confidence: number }) => ({
      name: classifier.labelName(label),
      confidence,
    });
    pictures.push({
      shown: one,
      perturbed: rounded.image,
      before: said(clean),
      after: said(rounded),
      linf: rounded.distances.linf,
    });
  }
  return pictures;
}

function photographTexts(
  figure: PhotographFigure,
  { known }: Photographs,
): Pick<FigureEntry, "title" | "paper" | "here"> {
  const counted = summarizeChoices(known);
  const rule = `Shown are ${rules[figure].words}.`;
  switch (figure) {
    case 1:
      return {
        title: "a picture, its perturbation, map and box",
        paper:
          "From left to right: the picture, the picture with the perturbation, which cannot be told from it, the magnitude of the perturbation, and the dominant component with its box.",
        here: [rule, "Below the pictures: what the network says of them, and by how much a channel changes at most."],
      };
    case 2:
      return {
        title: "perturbations with and without the perceptual term",
        paper:
          "The picture, an ℓ2 perturbation (DeepFool, equation 3) and a perceptual one (equation 4), which is more focused in cluttered scenes.",
        here: [
          rule,
          `Of the map of all pictures predicted right, ${percent(counted.energyInside.deepfool)} lies inside the right boxes for DeepFool and ${percent(counted.energyInside.perceptual)} for the perceptual perturbation; on the cluttered ones ${percent(counted.energyInsideCluttered.deepfool)} and ${percent(counted.energyInsideCluttered.perceptual)}.`,
        ],
      };
    case 3:
    case 4:
      return {
        title: figure === 3 ? "perceptual perturbations as explanations" : "methods beside each other",
        paper:
          figure === 3
            ? "Perturbations localize on one object class in cluttered pictures too, and on heads; confusion comes from what stands close behind the object."
            : "Perceptual perturbations show the texture inside of the object, where gradient methods show fine edges and activation methods the whole object coarsely. The pictures are some on which DeepFool's perturbation misses the object.",
        here: [
          rule,
          ...(figure === 4
            ? ["Square roots of the blurred maps, and the share of each map inside the right boxes."]
            : []),
          `Of all such pictures (${counted.deepfoolMisses}) the perceptual box finds the object on ${percent(counted.foundWhereDeepfoolMisses)}.`,
        ],
      };
    case 6:
    case 7:
      return {
        title: figure === 6 ? "failures" : "successes",
        paper:
          figure === 6
            ? "Many failures are on the object but too large or too small; others are of pictures with two objects, with an object partly hidden, or boxes that take in something else."
            : "Most successes hold a single dominant object; some are in front of a busy background.",
        here: [
          rule,
          figure === 6
            ? `Of all failures (${counted.failures.count}): ${Object.entries(counted.failures.byKind)
                .map(([kind, share]) => `${percent(share)} ${kind}`)
                .join(", ")}.`
            : `Of all successes (${counted.successes.count}) ${percent(counted.successes.single)} have one box, which covers ${percent(counted.successes.covered)} of the picture on average; of the failures ${percent(counted.failures.single)} and ${percent(counted.failures.covered)}.`,
        ],
      };
  }
}

/** What is read of cones.json. */
interface Cones {
  readonly model: { readonly name: string; readonly sha256: string };
  readonly data: string;
  readonly step: number;
  readonly directions: number;
  readonly attacks: readonly (ConeFigurePanel & {
    readonly name: string;
    readonly images: number;
    readonly curvature: { readonly adversarial: ConeEstimate };
  })[];
}

async function conesFigure(): Promise<void> {
  if (!existsSync(cones)) {
    note(
      `figure 5: left out, there is no ${relative(root, cones)}. \`npm run reproduce -- cone cifar10-paper\` makes it.`,
    );
    return;
  }
  const { attacks, step, directions, model: of, data: from }: Cones = JSON.parse(readFileSync(cones, "utf8"));
  const panels = attacks.map(({ name, a, b, probability, curvature }) => ({
    ...{ a, b, probability, title: attackNamed(name).title },
    note: `curvature ${estimateText(curvature.adversarial)}`,
  }));
  await save(5, coneFigure(panels), 2);
  const images = attacks[0]?.images ?? 0;
  entries.push({
    number: 5,
    title: "cones",
    paper:
      "The softmax of the right class over the plane of the attack (downwards) and a random orthogonal direction. PGD and the mean of PGDs sit in a cone; Carlini–Wagner and the perceptual attack do not.",
    here: [
      `The mean over ${images} test pictures and ${directions} directions each, on a grid of step ${step}. Below each title the curvature across the attack at the adversarial picture, in nats per squared length.`,
    ],
    source: `${of.name} on ${from}; results/cone/cifar10-paper`,
    file: "figure-5.png",
  });
  provenance.cones = { model: of, data: from, images, directions, step };
}

async function attacksFigure(): Promise<void> {
  const folder = join(data, "cifar10");
  if (!existsSync(cifarModel) || !existsSync(folder)) {
    note(`figure 8: left out, there is no ${existsSync(cifarModel) ? folder : cifarModel}`);
    return;
  }
  const classifier = await loadClassifier(cifarModel, {
    ...{ runtime: ort, threads, labels: "cifar10" },
    preprocessing: { scale: 1, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
  });
  try {
    const classes = { names: classifier.labels, count: classifier.classCount };
    const dataset = await loadDataset(`cifar10:${folder}`, { classes, split: "test" });
    const firsts = Array.from({ length: classifier.classCount }, (_, label) =>
      dataset.images.find((image) => image.label === label),
    ).filter((image) => image !== undefined);
    const pictures = firsts.map(({ id, picture }) => ({
      ...{ image: id, origin: dataset.name },
      input: async () => classifier.fit(await picture()),
    }));
    const items = attackItems(pictures, attackRuns, { classifier, settings: { seed: 0 } });
    const store = await openRecordFolder<AttackFinding>(join(out, "attacks"), {
      identity: attackIdentity(classifier, classifier.file.sha256),
      run: {},
      isResult: isAttackFinding,
    });
    note(`figure 8: ${pictures.length} pictures under ${attackRuns.length} attacks`);
    await runExperiment({
      ...{ items, store },
      compute: attackCompute(classifier),
      batchSize: evenBatch(classifier, pictures.length),
      batchOf: attackBatchOf,
      onFailure: ({ key, message }) => note(`${key.image}, ${key.method}: ${message}`),
    });
    const svg = await attackExamples({
      pictures: pictures.map(({ input }, position) => ({
        ...{ input, position },
        title: classifier.labelName(firsts[position].label ?? 0),
      })),
      ...{ runs: attackRuns, attackItems: items, findings: store, size: classifier.input, encode: pngDataUri },
      labelName: (label) => classifier.labelName(label),
    });
    await store.close();
    if (svg === undefined) throw new Error("figure 8: none of its pictures could be attacked");
    await save(8, svg, 1.5);
    const flipped = attackRuns.map(({ name }) => {
      const of = items.filter(({ run }) => run.name === name);
      const ended = of.filter(({ key }) => store.finished(key)?.result.withinBudget.success === true);
      return `${name} ${ended.length} of ${of.length}`;
    });
    entries.push({
      number: 8,
      title: "attacks on CIFAR-10",
      paper:
        "The picture, and for PGD, the mean of PGDs, Carlini–Wagner and the perceptual attack the attacked picture and the difference, each rescaled by itself. The perceptual differences lie on the object in all rows but one, Carlini–Wagner's mostly as well, those of PGD and the mean less.",
      here: [
        `The first test picture of each class, whatever becomes of it. Left: its class. Below each picture: the class that it is taken for. Flipped: ${flipped.join(", ")}.`,
      ],
      source: `${basename(cifarModel)} on ${dataset.name}; attacks as in results/cone`,
      file: "figure-8.png",
    });
    provenance.attacks = {
      model: { name: basename(cifarModel), sha256: classifier.file.sha256 },
      data: dataset.name,
      pictures: pictures.map(({ image }) => image),
      settings: Object.fromEntries(attackRuns.map(({ name, settings }) => [name, settings])),
      flipped,
    };
  } finally {
    await classifier.dispose();
  }
}

async function save(figure: number, svg: string, scale: number): Promise<void> {
  const file = join(out, `figure-${figure}.png`);
  writeFileSync(file, await rasterize(svg, { scale }));
  note(file);
}

function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

function fail(text: string): never {
  note(`figures: ${text}`);
  process.exit(2);
}

function wholeNumber<T extends string | undefined>(flag: string, text: T): T extends string ? number : undefined;
function wholeNumber(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  return Number.isInteger(value) && value > 0 ? value : fail(`${flag}: expected a whole number above 0, got ${text}`);
}
