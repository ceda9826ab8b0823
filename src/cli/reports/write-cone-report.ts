/** @file The files of `cone`: the cones, examples of the pictures, and the numbers. */
import { cpus } from "node:os";
import { basename, join } from "node:path";
import { printableJson } from "../../escape-text.ts";
import type { AttackItem } from "../../experiments/attack/protocol.ts";
import type { AttackFinding } from "../../experiments/attack/record.ts";
import type { AttackCone } from "../../experiments/cone/attack-cones.ts";
import type { ConeItem, ConeSettings } from "../../experiments/cone/protocol.ts";
import type { RecordStore } from "../../experiments/records/record-store.ts";
import { normalizeSigned } from "../../image/normalize.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { pngDataUri } from "../../node/pictures/data-uri.ts";
import { rasterize } from "../../node/pictures/rasterize.ts";
import { writeFileAtomically } from "../../node/write-file.ts";
import { estimateText } from "../../report/cone/sentence.ts";
import { coneFigure } from "../../report/figures/cone-figure.ts";
import { type FigureCell, type FigureRow, figureGrid } from "../../report/figures/figure-grid.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import type { AttackInputs } from "../attack-inputs.ts";

export interface ConeReport {
  readonly out: string;
  readonly opened: AttackInputs;
  readonly attackItems: readonly AttackItem[];
  readonly coneItems: readonly ConeItem[];
  readonly attacks: readonly AttackCone[];
  readonly findings: RecordStore<AttackFinding>;
  readonly settings: ConeSettings;
  /** Pictures shown with their differences. */
  readonly examples: number;
  readonly versions: Readonly<Record<string, string>>;
  /** That the records took, all runs together. */
  readonly seconds: number;
}

/** Writes cones.svg, cones.png, examples.svg, examples.png and cones.json into the folder `out`. */
export async function writeConeReport(report: ConeReport): Promise<void> {
  const { out, opened, attacks, coneItems, settings, versions, seconds } = report;
  const { classifier, source, inputs } = opened;
  const writeBoth = async (name: string, svg: string): Promise<void> => {
    await writeFileAtomically(join(out, `${name}.svg`), svg);
    await writeFileAtomically(join(out, `${name}.png`), await rasterize(svg));
  };
  const figure = coneFigure(
    attacks.map(({ run, cone }) => ({
      ...cone,
      title: run.name === run.attack.name ? run.attack.title : run.name,
      note: `curvature ${estimateText(cone.curvature.adversarial)}`,
    })),
  );
  await writeBoth("cones", figure);
  const examples = await examplesFigure(report);
  if (examples !== undefined) await writeBoth("examples", examples);
  const record = {
    data: source,
    images: inputs.map(({ image }) => image),
    imagesUsed: [...new Set(coneItems.map(({ attacked }) => attacked.picture.image))],
    model: { name: basename(classifier.file.path), sha256: classifier.file.sha256 },
    seed: settings.seed,
    step: settings.step,
    directions: settings.directions,
    attacks: attacks.map(({ run, cone, findings, means }) => ({
      name: run.name,
      ...means,
      settings: findings[0].settings,
      ...cone,
    })),
    warnings: classifier.warnings,
    versions,
    machine: { processor: cpus()[0]?.model ?? "unknown", cores: cpus().length },
    seconds,
  };
  await writeFileAtomically(join(out, "cones.json"), `${printableJson(record)}\n`);
}

/** Figure 8: each picture with what every attack made of it, and the differences, each rescaled by its own largest. */
async function examplesFigure({
  opened,
  attackItems,
  attacks,
  findings,
  examples,
}: ConeReport): Promise<string | undefined> {
  const cell = async (image: ImageTensor, alt: string, caption?: string): Promise<FigureCell> => ({
    source: await pngDataUri(image),
    alt,
    ...(caption === undefined ? {} : { caption }),
  });
  const rows: FigureRow[] = [];
  for (const [position, { input, name }] of opened.inputs.slice(0, examples).entries()) {
    const items = attackItems.filter((item) => item.position === position);
    if (items.every(({ key }) => findings.finished(key) === undefined)) continue;
    const clean = await input();
    const cells: (FigureCell | undefined)[] = [await cell(clean, name)];
    for (const { key, run } of items) {
      const finding = findings.finished(key)?.result.withinBudget;
      const image = await findings.readArray(key, "adversarial");
      if (finding === undefined || !(image?.data instanceof Float32Array)) {
        cells.push(undefined, undefined);
        continue;
      }
      const change = image.data.map((x, i) => x - clean.data[i]);
      const caption = `${finding.success ? "flipped" : "not flipped"}, ℓ∞ ${(255 * finding.distances.linf).toFixed(1)}/255`;
      cells.push(
        await cell(floatTensor(image.data, clean.shape), `${name} after ${run.name}`),
        await cell(normalizeSigned(floatTensor(change, clean.shape)), `difference by ${run.name}`, caption),
      );
    }
    rows.push({ title: name, cells });
  }
  if (rows.length === 0) return undefined;
  const { width, height } = opened.classifier.input;
  return figureGrid({
    title: "Adversarial pictures and differences",
    columns: ["Original", ...attacks.flatMap(({ run }) => [run.name, "difference"])],
    rows,
    size: { width, height },
    cellWidth: 110,
  });
}
