/** @file The files of `cone`: the cones, examples of the pictures, and the numbers. */
import { cpus } from "node:os";
import { basename, join } from "node:path";
import { printableJson } from "../../escape-text.ts";
import type { AttackItem } from "../../experiments/attack/protocol.ts";
import type { AttackFinding } from "../../experiments/attack/record.ts";
import type { AttackCone } from "../../experiments/cone/attack-cones.ts";
import type { ConeItem, ConeSettings } from "../../experiments/cone/protocol.ts";
import type { RecordStore } from "../../experiments/records/record-store.ts";
import { pngDataUri } from "../../node/pictures/data-uri.ts";
import { rasterize } from "../../node/pictures/rasterize.ts";
import { writeFileAtomically } from "../../node/write-file.ts";
import { attackExamples } from "../../report/cone/attack-examples.ts";
import { estimateText } from "../../report/cone/sentence.ts";
import { coneFigure } from "../../report/figures/cone-figure.ts";
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
  const { out, opened, attacks, attackItems, coneItems, findings, settings, versions, seconds } = report;
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
  const examples = await attackExamples({
    ...{ attackItems, findings, size: classifier.input, encode: pngDataUri },
    pictures: inputs.slice(0, report.examples).map(({ input, name }, position) => ({ input, title: name, position })),
    runs: attacks.map(({ run }) => run),
  });
  if (examples !== undefined) await writeBoth("examples", examples);
  const record = {
    data: source,
    images: inputs.map(({ image }) => image),
    imagesUsed: [...new Set(coneItems.map(({ attacked }) => attacked.picture.image))],
    model: { name: basename(classifier.file.path), sha256: classifier.file.sha256 },
    seed: settings.seed,
    step: settings.step,
    directions: settings.directions,
    attacks: attacks.map(({ run, cone, findings: found, means }) => ({
      name: run.name,
      ...means,
      settings: found[0].settings,
      ...cone,
    })),
    warnings: classifier.warnings,
    versions,
    machine: { processor: cpus()[0]?.model ?? "unknown", cores: cpus().length },
    seconds,
  };
  await writeFileAtomically(join(out, "cones.json"), `${printableJson(record)}\n`);
}
