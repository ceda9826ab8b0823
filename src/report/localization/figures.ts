/** @file The figures of the localization benchmark, made of the maps that were kept. */

import type { Classifier } from "../../classifier/classifier.ts";
import type { DatasetImage } from "../../datasets/dataset.ts";
import { PerceptualBallError } from "../../errors.ts";
import { type LocalizationItem, localizationKey, type MethodRun } from "../../experiments/localization/protocol.ts";
import { boxesOfText, type LocalizationRecord } from "../../experiments/localization/record.ts";
import type { MethodSummary } from "../../experiments/localization/summary.ts";
import type { SummaryOptions } from "../../experiments/localization/summary-options.ts";
import {
  agreementOf,
  isLocalized,
  type LocalizationFinished,
} from "../../experiments/localization/threshold-errors.ts";
import type { RecordStore } from "../../experiments/records/record-store.ts";
import type { Box } from "../../image/geometry.ts";
import { type ImageTensor, type Picture, tensorToPicture } from "../../image/picture.ts";
import type { ThresholdRule } from "../../localization/threshold.ts";
import { thresholdGrids, thresholdParameter } from "../../localization/threshold-grids.ts";
import { perceptual } from "../../saliency/perturbations/perceptual.ts";
import type { FloatTensor } from "../../tensor/tensor.ts";
import { type FigureCell, type FigureRow, figureGrid } from "../figures/figure-grid.ts";
import { shortName } from "../style/wording.ts";
import { fromLevels, heatTile, keptMask, mapTile, maskedTile, maskTile } from "./tiles.ts";

export interface BenchmarkFigure {
  /** Of the file, without its ending. */
  readonly name: string;
  readonly title: string;
  readonly caption: string;
  readonly svg: string;
}

export interface FiguresInput {
  readonly classifier: Classifier;
  readonly items: readonly LocalizationItem[];
  readonly runs: readonly MethodRun[];
  readonly store: RecordStore<LocalizationRecord>;
  readonly methods: readonly MethodSummary[];
  readonly options: SummaryOptions;
  /** Pictures per figure. */
  readonly rows: number;
  /** The picture as an address, such as a data URI: reports know no format of pictures. */
  readonly encode: (picture: Picture) => Promise<string>;
}

/** One method's result on one picture, with its kept map. */
interface Shown {
  readonly image: DatasetImage;
  readonly input: ImageTensor;
  readonly record: LocalizationFinished;
  readonly map: FloatTensor;
  readonly perturbation: FloatTensor | undefined;
  readonly rule: ThresholdRule;
  readonly found: Box | null;
  readonly agreement: number;
  readonly isRight: boolean;
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
  const where = `the best value threshold of each method on these pictures; red: the right box, green: the one found`;
  const figures: (BenchmarkFigure | undefined)[] = [
    await explanationFigure(
      compared.map((column) => column.own),
      own,
      input,
    ),
    await comparisonFigure(compared, input, where),
    await stagesFigure(failures, own, input, "failures", where),
    await stagesFigure(successes, own, input, "successes", where),
  ];
  return figures.filter((figure) => figure !== undefined);
}

/** A picture in the comparison: the result of the paper's own method, and those of all runs in their order, as far as there are any. */
interface Column {
  readonly own: Shown;
  readonly results: readonly (Shown | undefined)[];
}

/** Pictures as the network sees them, each read once; undefined for one that cannot be read (any more), which the benchmark has reported. */
function inputCache(classifier: Classifier): (image: DatasetImage) => Promise<ImageTensor | undefined> {
  const known = new Map<string, Promise<ImageTensor | undefined>>();
  const read = async (image: DatasetImage): Promise<ImageTensor | undefined> => {
    try {
      return classifier.fit(await image.picture());
    } catch (error) {
      if (error instanceof PerceptualBallError) return undefined;
      throw error;
    }
  };
  return (image) => {
    const input = known.get(image.id) ?? read(image);
    known.set(image.id, input);
    return input;
  };
}

async function shownOf(
  image: DatasetImage,
  run: MethodRun,
  inputOf: (image: DatasetImage) => Promise<ImageTensor | undefined>,
  { store, methods, options }: FiguresInput,
): Promise<Shown | undefined> {
  const key = localizationKey(image, run);
  const record = store.finished(key);
  const summary = methods.find(({ name }) => name === run.name);
  const levels = await store.readArray(key, "map");
  const input = await inputOf(image);
  if (record === undefined || summary === undefined || levels === undefined || input === undefined) return undefined;
  const place = thresholdGrids.value.findIndex((rule) => thresholdParameter(rule) === summary.kinds.value.parameter);
  const found = boxesOfText(record.result.boxes[options.connectivity].value)[place];
  const perturbation = await store.readArray(key, "perturbation");
  return {
    image,
    input,
    record,
    map: fromLevels(levels),
    perturbation: perturbation === undefined ? undefined : fromLevels(perturbation),
    rule: thresholdGrids.value[place],
    found,
    agreement: agreementOf(found, record.result, options.object),
    isRight: isLocalized(found, record.result, options),
  };
}

/** Makes cells of pictures. */
function cellMaker({ encode }: FiguresInput) {
  return async (picture: Picture, alt: string, rest: Partial<FigureCell> = {}): Promise<FigureCell> => ({
    source: await encode(picture),
    alt,
    ...rest,
  });
}

function rowTitle({ image, record }: Shown, { classifier }: FiguresInput): string {
  const { truth, explained } = record.result;
  return shortName(image.className ?? classifier.labelName(truth ?? explained));
}

function boxesOf({ found, record }: Shown): Pick<FigureCell, "found" | "groundTruth"> {
  return { found: found ?? undefined, groundTruth: record.result.truthBoxes };
}

function verdictOf({ agreement, isRight }: Shown): Pick<FigureCell, "caption" | "verdict"> {
  return { caption: `IoU ${agreement.toFixed(2)}`, verdict: isRight ? "right" : "wrong" };
}

/** Figure 4: every method on the same pictures, one method to a row. */
async function comparisonFigure(
  compared: readonly Column[],
  input: FiguresInput,
  where: string,
): Promise<BenchmarkFigure | undefined> {
  const size = compared[0]?.own.record.result.size;
  if (size === undefined) return undefined;
  const cellOf = cellMaker(input);
  const titles = compared.map(({ own }) => rowTitle(own, input));
  const pictures: FigureCell[] = [];
  for (const [c, { own }] of compared.entries()) {
    pictures.push(await cellOf(tensorToPicture(own.input), titles[c], { groundTruth: own.record.result.truthBoxes }));
  }
  const rows: FigureRow[] = [{ title: "picture", cells: pictures }];
  for (const [r, { name }] of input.runs.entries()) {
    const cells: (FigureCell | undefined)[] = [];
    for (const [c, { results }] of compared.entries()) {
      const shown = results[r];
      cells.push(
        shown === undefined
          ? undefined
          : await cellOf(heatTile(shown.input, shown.map), `${name} on ${titles[c]}`, {
              ...boxesOf(shown),
              ...verdictOf(shown),
            }),
      );
    }
    rows.push({ title: name, cells });
  }
  const title = "All methods on the same pictures";
  return {
    name: "figure4-methods",
    title,
    caption: `The counterpart of figure 4: square root of each blurred map over the picture, with the box at ${where}.`,
    svg: figureGrid({ title, columns: titles, rows, size }),
  };
}

/** Figure 3: pictures, their perturbations and the maps made of these, two pictures to a row. */
async function explanationFigure(
  shown: readonly Shown[],
  run: MethodRun,
  input: FiguresInput,
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
          one.perturbation === undefined ? undefined : await cellOf(tensorToPicture(one.perturbation), "perturbation"),
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
    caption: `The counterpart of figure 3: ${hasPerturbation ? "the perturbation scaled to be visible, and " : ""}the square root of the blurred map.`,
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

/** Figures 6 and 7: how a box comes about, step by step. */
async function stagesFigure(
  shown: readonly Shown[],
  run: MethodRun,
  input: FiguresInput,
  which: "failures" | "successes",
  where: string,
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
        one.perturbation === undefined ? undefined : await cellOf(tensorToPicture(one.perturbation), "perturbation"),
      );
    }
    cells.push(
      await cellOf(mapTile(one.map), "map"),
      await cellOf(maskTile(mask), "dominant component", { ...boxesOf(one), ...verdictOf(one) }),
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
    caption: `The counterpart of figure ${which === "failures" ? 6 : 7}: ${number} in the order of the data, at ${where}.`,
    svg: figureGrid({
      title,
      columns: ["picture", ...perturbed, "map", "dominant component", "picture inside it"],
      rows,
      size,
    }),
  };
}
