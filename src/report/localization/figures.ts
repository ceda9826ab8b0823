/** @file The figures of the localization benchmark, made of the maps that were kept. */

import type { Classifier } from "../../classifier/classifier.ts";
import type { LocalizationItem, MethodRun } from "../../experiments/localization/protocol.ts";
import type { SummaryOptions } from "../../experiments/localization/summary-options.ts";
import { type Picture, tensorToPicture } from "../../image/picture.ts";
import { perceptual } from "../../saliency/perturbations/perceptual.ts";
import { type FigureCell, type FigureRow, figureGrid } from "../figures/figure-grid.ts";
import { percent, shortName } from "../style/wording.ts";
import { inputCache, type Shown, type ShownSource, shownOf } from "./shown.ts";
import { heatTile, keptMask, mapTile, maskedTile, maskTile, perturbationTile } from "./tiles.ts";

export interface BenchmarkFigure {
  /** Of the file, without its ending. */
  readonly name: string;
  readonly title: string;
  readonly caption: string;
  readonly svg: string;
}

/** What every layout needs besides what is shown. */
export interface LayoutInput {
  readonly classifier: Pick<Classifier, "labelName">;
  readonly options: Pick<SummaryOptions, "connectivity">;
  /** The picture as an address, such as a data URI: reports know no format of pictures. */
  readonly encode: (picture: Picture) => Promise<string>;
}

export interface FiguresInput extends LayoutInput, ShownSource {
  readonly classifier: Pick<Classifier, "labelName" | "fit">;
  readonly options: SummaryOptions;
  readonly items: readonly LocalizationItem[];
  readonly runs: readonly MethodRun[];
  /** Pictures per figure. */
  readonly rows: number;
}

/**
 * The counterparts of the paper's figures 3, 4, 6 and 7, as far as maps were kept. Pictures are taken in the order of the data, not
 * by how well they look. Boxes are those at each method's best `value` threshold.
 */
export async function localizationFigures(input: FiguresInput): Promise<BenchmarkFigure[]> {
  const { items, runs, rows } = input;
  const images = [...new Map(items.filter(({ keepsMap }) => keepsMap).map(({ image }) => [image.id, image])).values()];
  const inputOf = inputCache(input.classifier);
  // A method of the paper stands for its own in figures 3, 6 and 7.
  const own = runs.find(({ method }) => method.perturbing?.search === perceptual.perturbing.search) ?? runs[0];
  const successes: Shown[] = [];
  const failures: Shown[] = [];
  const compared: Column[] = [];
  for (const image of images) {
    if (successes.length >= rows && failures.length >= rows && compared.length >= rows) break;
    const shown = await shownOf(image, own, inputOf, input);
    if (shown === undefined) continue;
    const list = shown.isRight ? successes : failures;
    if (list.length < rows) list.push(shown);
    if (compared.length < rows) {
      const results: (Shown | undefined)[] = [];
      for (const run of runs) results.push(run === own ? shown : await shownOf(image, run, inputOf, input));
      compared.push({ own: shown, results });
    }
  }
  const where = "the best value threshold of each method on these pictures";
  const figures: (BenchmarkFigure | undefined)[] = [
    await explanationFigure(
      compared.map((column) => column.own),
      own,
      input,
    ),
    await comparisonFigure(compared, runs, input, { where }),
    await stagesFigure(failures, own, input, { which: "failures", where }),
    await stagesFigure(successes, own, input, { which: "successes", where }),
  ];
  return figures.filter((figure) => figure !== undefined);
}

/** What the boxes of these figures are, for captions. */
export const boxLegend = "blue: the box that is found; orange and dashed: the right one";

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A picture in the comparison: the result of the paper's own method, and those of all runs in their order, as far as there are any. */
export interface Column {
  readonly own: Shown;
  readonly results: readonly (Shown | undefined)[];
}

/** Makes cells of pictures. */
function cellMaker({ encode }: LayoutInput) {
  return async (picture: Picture, alt: string, rest: Partial<FigureCell> = {}): Promise<FigureCell> => ({
    source: await encode(picture),
    alt,
    ...rest,
  });
}

function rowTitle({ image, record }: Shown, { classifier }: LayoutInput): string {
  const { truth, explained } = record.result;
  return shortName(image.className ?? classifier.labelName(truth ?? explained));
}

function boxesOf({ found, record }: Shown): Pick<FigureCell, "found" | "groundTruth"> {
  return { found: found ?? undefined, groundTruth: record.result.truthBoxes };
}

function insideOf({ record }: Shown): Pick<FigureCell, "caption"> {
  const { energyInside } = record.result;
  return energyInside === null ? {} : { caption: `${percent(energyInside)} inside` };
}

function verdictOf({ agreement, isRight }: Shown, remark?: string): Pick<FigureCell, "caption" | "verdict"> {
  const caption = `IoU ${agreement.toFixed(2)}${remark === undefined ? "" : `, ${remark}`}`;
  return { caption, verdict: isRight ? "right" : "wrong" };
}

export interface ComparisonLayout {
  /** Where the boxes come from, a phrase for the caption. Without it, maps have no boxes, and the share of each map inside the right ones below it. */
  readonly where?: string;
  /** What is a column: default "pictures". */
  readonly columns?: "pictures" | "methods";
}

/** Figure 4: every method on the same pictures; undefined without pictures. */
export async function comparisonFigure(
  compared: readonly Column[],
  runs: readonly MethodRun[],
  input: LayoutInput,
  { where, columns = "pictures" }: ComparisonLayout,
): Promise<BenchmarkFigure | undefined> {
  const size = compared[0]?.own.record.result.size;
  if (size === undefined) return undefined;
  const cellOf = cellMaker(input);
  const titles = compared.map(({ own }) => rowTitle(own, input));
  const pictures: FigureCell[] = [];
  for (const [c, { own }] of compared.entries()) {
    pictures.push(await cellOf(tensorToPicture(own.input), titles[c], { groundTruth: own.record.result.truthBoxes }));
  }
  const byMethod: FigureRow[] = [{ title: "picture", cells: pictures }];
  for (const [r, { name, method }] of runs.entries()) {
    const cells: (FigureCell | undefined)[] = [];
    for (const [c, { results }] of compared.entries()) {
      const shown = results[r];
      cells.push(
        shown === undefined
          ? undefined
          : await cellOf(heatTile(shown.input, shown.map), `${name} on ${titles[c]}`, {
              ...(where === undefined ? insideOf(shown) : { ...boxesOf(shown), ...verdictOf(shown) }),
            }),
      );
    }
    byMethod.push({ title: columns === "pictures" || name !== method.name ? name : method.title, cells });
  }
  const byPicture = titles.map((title, c): FigureRow => ({ title, cells: byMethod.map(({ cells }) => cells[c]) }));
  const title = "All methods on the same pictures";
  const note =
    where === undefined ? "orange and dashed: the right box; below each map, its share inside of it" : boxLegend;
  const judged = where === undefined ? "" : `, with the box at ${where}`;
  return {
    name: "figure4-methods",
    title,
    caption: `The counterpart of figure 4: square root of each blurred map over the picture${judged}. ${capitalized(note)}.`,
    svg: figureGrid(
      columns === "pictures"
        ? { title, columns: titles, rows: byMethod, size, note }
        : { title, columns: byMethod.map((row) => row.title), rows: byPicture, size, note },
    ),
  };
}

/** Figure 3: pictures, their perturbations and the maps made of these, two pictures to a row; undefined without pictures. */
export async function explanationFigure(
  shown: readonly Shown[],
  run: MethodRun,
  input: LayoutInput,
): Promise<BenchmarkFigure | undefined> {
  const size = shown[0]?.record.result.size;
  if (size === undefined) return undefined;
  const cellOf = cellMaker(input);
  const hasPerturbation = shown.some(({ perturbation }) => perturbation !== undefined);
  const rows: FigureRow[] = [];
  for (let i = 0; i < shown.length; i += 2) {
    const pair = shown.slice(i, i + 2);
    const cells: (FigureCell | undefined)[] = [];
    for (const one of pair) {
      const caption = rowTitle(one, input);
      cells.push(await cellOf(tensorToPicture(one.input), caption, { caption }));
      if (hasPerturbation) {
        cells.push(
          one.perturbation === undefined ? undefined : await cellOf(perturbationTile(one.perturbation), "perturbation"),
        );
      }
      cells.push(await cellOf(mapTile(one.map), `map of ${caption}`));
    }
    rows.push({ title: "", cells });
  }
  const columns = ["picture", ...(hasPerturbation ? ["perturbation, enhanced"] : []), "map"];
  return {
    name: "figure3-explanations",
    title: `${run.method.title}: what it finds`,
    caption: `The counterpart of figure 3: ${hasPerturbation ? "the perturbation enhanced, its largest values cut off, and " : ""}the square root of the blurred map.`,
    svg: figureGrid({
      title: "Explanations",
      columns: shown.length > 1 ? [...columns, ...columns] : columns,
      rows,
      size,
    }),
  };
}

const connectivityOf = { "8": 8, "4": 4, none: "none" } as const;
const singular = { failures: "failure", successes: "success" } as const;

export interface StagesLayout {
  readonly which: "failures" | "successes";
  /** Where the boxes come from, a phrase for the caption. */
  readonly where: string;
  /** A few words after the agreement of the boxes. */
  readonly remark?: (one: Shown) => string | undefined;
}

/** Figures 6 and 7: how a box comes about, step by step; undefined without pictures. */
export async function stagesFigure(
  shown: readonly Shown[],
  run: MethodRun,
  input: LayoutInput,
  { which, where, remark }: StagesLayout,
): Promise<BenchmarkFigure | undefined> {
  const size = shown[0]?.record.result.size;
  if (size === undefined) return undefined;
  const { connectivity } = input.options;
  const cellOf = cellMaker(input);
  const hasPerturbation = shown.some(({ perturbation }) => perturbation !== undefined);
  const rows: FigureRow[] = [];
  for (const one of shown) {
    const mask = keptMask(one.map, one.rule, connectivityOf[connectivity]);
    const cells: (FigureCell | undefined)[] = [await cellOf(tensorToPicture(one.input), "picture")];
    if (hasPerturbation) {
      cells.push(
        one.perturbation === undefined ? undefined : await cellOf(perturbationTile(one.perturbation), "perturbation"),
      );
    }
    cells.push(
      await cellOf(mapTile(one.map), "map"),
      await cellOf(maskTile(mask), "dominant component", { ...boxesOf(one), ...verdictOf(one, remark?.(one)) }),
      await cellOf(maskedTile(one.input, mask), "picture inside the component"),
    );
    rows.push({ title: rowTitle(one, input), cells });
  }
  const perturbed = hasPerturbation ? ["perturbation, enhanced"] : [];
  const title = which === "failures" ? "Failures" : "Successes";
  const number = shown.length === 1 ? `the first ${singular[which]}` : `the first ${shown.length} ${which}`;
  return {
    name: which === "failures" ? "figure6-failures" : "figure7-successes",
    title: `${title} of ${run.method.title}`,
    caption: `The counterpart of figure ${which === "failures" ? 6 : 7}: ${number} in the order of the data, at ${where}. ${capitalized(boxLegend)}.`,
    svg: figureGrid({
      title,
      columns: ["picture", ...perturbed, "map", "dominant component", "picture inside it"],
      rows,
      size,
      note: boxLegend,
    }),
  };
}
