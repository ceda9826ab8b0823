/** @file The files of one explanation. */

import { join } from "node:path";
import { geometryFor } from "../classifier/preprocessing/fit-picture.ts";
import type { ColorMap } from "../image/color-map.ts";
import { fitGeometry } from "../image/geometry.ts";
import { normalizeSigned } from "../image/normalize.ts";
import type { ImageTensor, Picture } from "../image/picture.ts";
import { localizeMap } from "../localization/localize-map.ts";
import type { FileClassifier } from "../node/models/load-classifier.ts";
import { writeNpy } from "../node/npy.ts";
import { encodePng, writePng } from "../node/pictures/write-image.ts";
import { makeFolder, writeFileAtomically } from "../node/write-file.ts";
import { type ExplanationInput, explanationRecord } from "../report/explanation/explanation-record.ts";
import type { PageEntry } from "../report/explanation/page.ts";
import { panelOf, tilesOf } from "../report/explanation/panel.ts";
import { boxColors } from "../report/style/box-colors.ts";

export interface WrittenExplanation extends Omit<ExplanationInput, "model" | "files" | "localized" | "classifier"> {
  /** Relative to `out`. */
  readonly folder: string;
  readonly classifier: FileClassifier;
  readonly modelPath: string;
  /** The network's input, pixels [C, H, W]. */
  readonly input: ImageTensor;
  readonly colorMap: ColorMap;
}

/**
 * Writes panel.png, map.png, map.npy, for a perturbation perturbed.png and perturbation.png, and, last, result.json into the
 * explanation's folder below `out`. The page's entry comes back, with its tiles as data URIs if `inline`, and the panel.
 */
export async function writeExplanation(
  out: string,
  explanation: WrittenExplanation,
  { inline }: { readonly inline: boolean },
): Promise<{ readonly entry: PageEntry; readonly panel: Picture }> {
  const { classifier, pictureSize, input, perturbation, map, localizationRule, colorMap, groundTruth, folder } =
    explanation;
  const localized = localizeMap(map, localizationRule);
  const tiles = tilesOf({ image: input, perturbed: perturbation?.image, localized, colorMap });
  const file = (name: string): string => `${folder}/${name}`;
  const [panelFile, mapFile, mapNpy, result] = ["panel.png", "map.png", "map.npy", "result.json"].map(file);
  const [perturbedFile, perturbationFile] = ["perturbed.png", "perturbation.png"].map(file);
  const maps = { panel: panelFile, map: mapFile, mapNpy };
  const record = explanationRecord({
    ...explanation,
    model: { path: explanation.modelPath, sha256: classifier.file.sha256 },
    localized,
    files:
      perturbation === undefined
        ? { ...maps, result }
        : { ...maps, perturbed: perturbedFile, perturbation: perturbationFile, result },
  });
  const geometry = fitGeometry(
    geometryFor(pictureSize, classifier.input.geometry),
    pictureSize.width,
    pictureSize.height,
  );
  const truth = groundTruth === undefined ? undefined : geometry.toInput(groundTruth);
  const panel = panelOf(tiles, [
    ...(truth === undefined ? [] : [{ box: truth, color: boxColors.groundTruth }]),
    ...(localized.box === undefined ? [] : [{ box: localized.box, color: boxColors.found }]),
  ]);
  await makeFolder(join(out, folder));
  await Promise.all([
    writePng(join(out, panelFile), panel),
    writePng(join(out, mapFile), tiles.map),
    writeNpy(join(out, mapNpy), map),
    ...(perturbation === undefined
      ? []
      : [
          writePng(join(out, perturbedFile), perturbation.image, { isNetworkInput: true }),
          writePng(join(out, perturbationFile), normalizeSigned(perturbation.perturbation)),
        ]),
  ]);
  await writeFileAtomically(join(out, result), `${JSON.stringify(record, null, 2)}\n`);
  const { width, height } = tiles.original;
  const entry = { record, size: { width, height }, groundTruth: truth };
  if (!inline) return { entry, panel };
  const uris = await Promise.all(
    Object.entries(tiles).map(async ([name, tile]) => [
      name,
      `data:image/png;base64,${Buffer.from(await encodePng(tile)).toString("base64")}`,
    ]),
  );
  return { entry: { ...entry, tiles: Object.fromEntries(uris) }, panel };
}
