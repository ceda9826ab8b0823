/** @file Figures 1 and 2 of the paper: what a perturbation looks like, what is made of it, and how two kinds of it differ. */
import type { ImageTensor } from "../../../src/image/picture.ts";
import { type Picture, tensorToPicture } from "../../../src/image/picture.ts";
import { tilesOf } from "../../../src/report/explanation/panel.ts";
import { type FigureCell, type FigureRow, figureGrid } from "../../../src/report/figures/figure-grid.ts";
import { boxLegend } from "../../../src/report/localization/figures.ts";
import type { Shown } from "../../../src/report/localization/shown.ts";
import { keptMask, mapTile, perturbationTile } from "../../../src/report/localization/tiles.ts";
import { percent, shortName } from "../../../src/report/style/wording.ts";

/** A picture as an address, such as a data URI. */
export type Encode = (picture: Picture) => Promise<string>;

/** A photograph with what the perceptual perturbation makes of it. */
export interface PerturbedPicture {
  readonly shown: Shown;
  /** As a PNG keeps it. */
  readonly perturbed: ImageTensor;
  /** What the network says before and after, with its softmax. */
  readonly before: Said;
  readonly after: Said;
  /** The largest change of a pixel's channel, of 1. */
  readonly linf: number;
}

interface Said {
  readonly name: string;
  readonly confidence: number;
}

/** Figure 1: the picture, the perturbed one, the map, and the dominant component with its box. */
export async function perturbationsFigure(pictures: readonly PerturbedPicture[], encode: Encode): Promise<string> {
  const rows: FigureRow[] = [];
  for (const { shown, perturbed, before, after, linf } of pictures) {
    const { input, map, rule, found, record } = shown;
    const component = keptMask(map, rule, 8);
    const tiles = tilesOf({ image: input, perturbed, localized: { smooth: map, component, box: found ?? undefined } });
    const tile = async (picture: Picture | undefined, alt: string, rest: Partial<FigureCell> = {}) =>
      picture === undefined ? undefined : { source: await encode(picture), alt, ...rest };
    rows.push({
      title: "",
      cells: [
        await tile(tiles.original, before.name, { caption: saidText(before) }),
        await tile(tiles.perturbed, `${before.name}, perturbed`, {
          caption: `${saidText(after)}, by at most ${Math.round(255 * linf)}/255`,
        }),
        await tile(mapTile(map), `map of ${before.name}`),
        await tile(tiles.component, `component of ${before.name}`, {
          found: found ?? undefined,
          groundTruth: record.result.truthBoxes,
          caption: `IoU ${shown.agreement.toFixed(2)}`,
          verdict: shown.isRight ? "right" : "wrong",
        }),
      ],
    });
  }
  return figureGrid({
    title: "Pictures, perturbed pictures, saliency maps and boxes",
    columns: ["picture", "perturbed picture", "saliency map", "dominant component and its box"],
    ...{ rows, size: sizeOf(pictures[0]?.shown), note: boxLegend, cellWidth: 224 },
  });
}

function saidText({ name, confidence }: Said): string {
  return `${shortName(name)}, ${percent(confidence)}`;
}

function sizeOf(shown: Shown | undefined): { readonly width: number; readonly height: number } {
  return shown?.record.result.size ?? { width: 1, height: 1 };
}

/** A photograph with several perturbations of it, in the order of the columns; undefined where one is missing. */
export interface ComparedPicture {
  readonly title: string;
  readonly input: ImageTensor;
  readonly perturbations: readonly (Shown | undefined)[];
}

/** Figure 2: pictures, one to a row, and perturbations of them, each enhanced by a factor of its own, with their share inside the right boxes. */
export async function perturbationKindsFigure(
  pictures: readonly ComparedPicture[],
  kinds: readonly string[],
  encode: Encode,
): Promise<string> {
  const rows: FigureRow[] = [];
  for (const { title, input, perturbations } of pictures) {
    const groundTruth = perturbations.find((shown) => shown !== undefined)?.record.result.truthBoxes;
    const cells: (FigureCell | undefined)[] = [
      { source: await encode(tensorToPicture(input)), alt: title, groundTruth, caption: title },
    ];
    for (const [k, shown] of perturbations.entries()) {
      if (shown?.perturbation === undefined) {
        cells.push(undefined);
        continue;
      }
      const { energyInside } = shown.record.result;
      cells.push({
        source: await encode(perturbationTile(shown.perturbation)),
        alt: `${kinds[k]} on ${title}`,
        ...(energyInside === null ? {} : { caption: `${percent(energyInside)} inside the box` }),
      });
    }
    rows.push({ title: "", cells });
  }
  return figureGrid({
    title: "Perturbations with and without the perceptual term",
    columns: ["picture", ...kinds],
    ...{ rows, size: sizeOf(pictures.flatMap(({ perturbations }) => perturbations)[0]), cellWidth: 224 },
    note: "orange and dashed: the right box; perturbations are enhanced, each by a factor of its own, gray is no change",
  });
}
