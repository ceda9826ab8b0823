/** @file Figure 8 of the paper: pictures with what every attack made of them. */
import type { AttackItem, AttackRun } from "../../experiments/attack/protocol.ts";
import type { AttackFinding } from "../../experiments/attack/record.ts";
import type { RecordStore } from "../../experiments/records/record-store.ts";
import { normalizeSigned } from "../../image/normalize.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { type FigureCell, type FigureRow, figureGrid } from "../figures/figure-grid.ts";

/** A picture that is shown, one to a row. */
export interface ExamplePicture {
  readonly title: string;
  /** Among the pictures of the attack items. */
  readonly position: number;
  readonly input: () => Promise<ImageTensor>;
}

export interface AttackExamplesInput {
  readonly pictures: readonly ExamplePicture[];
  /** In the order of the columns. */
  readonly runs: readonly AttackRun[];
  readonly attackItems: readonly AttackItem[];
  /** With the arrays "adversarial". */
  readonly findings: Pick<RecordStore<AttackFinding>, "finished" | "readArray">;
  /** Of the pictures. */
  readonly size: { readonly width: number; readonly height: number };
  /** The picture as an address, such as a data URI. */
  readonly encode: (image: ImageTensor) => Promise<string>;
  /** The name of a class; with it each picture says what it is taken for. */
  readonly labelName?: (label: number) => string;
}

/**
 * For each picture the original and, for each attack, the attacked picture and the difference, rescaled by its own largest value about gray: as in
 * the paper, the colors of two differences cannot be compared. undefined where no picture has been attacked.
 */
export async function attackExamples(given: AttackExamplesInput): Promise<string | undefined> {
  const { pictures, runs, attackItems, findings, size, encode, labelName } = given;
  const cell = async (image: ImageTensor, alt: string, caption?: string): Promise<FigureCell> => ({
    source: await encode(image),
    alt,
    ...(caption === undefined ? {} : { caption }),
  });
  const rows: FigureRow[] = [];
  for (const { input, title, position } of pictures) {
    const items = runs.map((run) => attackItems.find((item) => item.position === position && item.run === run));
    if (items.every((item) => item === undefined || findings.finished(item.key) === undefined)) continue;
    const clean = await input();
    const [attacked] = items.flatMap((item) => (item === undefined ? [] : (findings.finished(item.key) ?? [])));
    const before = attacked === undefined ? undefined : labelName?.(attacked.result.label);
    const cells: (FigureCell | undefined)[] = [await cell(clean, title, before)];
    for (const item of items) {
      const finding = item === undefined ? undefined : findings.finished(item.key)?.result.withinBudget;
      const image = item === undefined ? undefined : await findings.readArray(item.key, "adversarial");
      if (item === undefined || finding === undefined || !(image?.data instanceof Float32Array)) {
        cells.push(undefined, undefined);
        continue;
      }
      const { name } = item.run;
      const change = image.data.map((x, i) => x - clean.data[i]);
      const size = `ℓ∞ ${(255 * finding.distances.linf).toFixed(1)}/255`;
      const ending = finding.success ? "flipped" : "not flipped";
      const after = `${title} after ${name}`;
      const difference = normalizeSigned(floatTensor(change, clean.shape));
      cells.push(
        await cell(floatTensor(image.data, clean.shape), after, labelName?.(finding.label)),
        await cell(difference, `difference by ${name}`, labelName === undefined ? `${ending}, ${size}` : size),
      );
    }
    rows.push({ title, cells });
  }
  if (rows.length === 0) return undefined;
  return figureGrid({
    title: "Adversarial pictures and differences",
    columns: [
      "Original",
      ...runs.flatMap(({ name, attack }) => [name === attack.name ? attack.title : name, "difference"]),
    ],
    ...{ rows, size },
    cellWidth: 110,
  });
}
