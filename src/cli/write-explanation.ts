/** @file The files of one explanation. */
import { join } from "node:path";
import type { PerceptualResult } from "../attacks/perceptual.ts";
import type { ColorMap } from "../image/color-map.ts";
import { type Box, fitGeometry } from "../image/geometry.ts";
import { normalizeSigned } from "../image/normalize.ts";
import type { ImageTensor } from "../image/picture.ts";
import type { FileClassifier } from "../node/load-classifier.ts";
import { writeNpy } from "../node/npy.ts";
import { makeFolder, writeFileAtomically } from "../node/write-file.ts";
import { encodePng, writePng } from "../node/write-image.ts";
import { type ExplanationMethod, type ExplanationRecord, explanationRecord } from "../report/explanation-record.ts";
import { type InterestRule, interestOf } from "../report/interest.ts";
import type { PageEntry } from "../report/page.ts";
import { boxColors, panelOf, tilesOf } from "../report/panel.ts";
import type { SaliencyMap } from "../saliency/saliency-map.ts";

export interface Explanation {
  readonly image: string;
  /** Relative to `out`. */
  readonly folder: string;
  readonly method: ExplanationMethod;
  readonly classifier: FileClassifier;
  readonly modelPath: string;
  readonly pictureSize: { readonly width: number; readonly height: number };
  /** The network's input, pixels [C, H, W]. */
  readonly input: ImageTensor;
  readonly result: PerceptualResult;
  readonly map: SaliencyMap;
  readonly interestRule: InterestRule;
  readonly colorMap: ColorMap;
  readonly groundTruth: Box | undefined;
  readonly seconds: number;
  readonly versions: ExplanationRecord["versions"];
}

/**
 * Writes panel.png, map.png, map.npy, perturbed.png, perturbation.png and, last, result.json into the explanation's folder below
 * `out`. The page's entry comes back, with its tiles as data URIs if `inline`.
 */
export async function writeExplanation(
  out: string,
  explanation: Explanation,
  { inline }: { readonly inline: boolean },
): Promise<PageEntry> {
  const { classifier, pictureSize, input, result, map, interestRule, colorMap, groundTruth, folder } = explanation;
  const interest = interestOf(map, interestRule);
  const tiles = tilesOf({ image: input, perturbed: result.image, interest, colorMap });
  const file = (name: string): string => `${folder}/${name}`;
  const files = {
    panel: file("panel.png"),
    map: file("map.png"),
    mapNpy: file("map.npy"),
    perturbed: file("perturbed.png"),
    perturbation: file("perturbation.png"),
    result: file("result.json"),
  };
  const record = explanationRecord({
    ...explanation,
    model: { path: explanation.modelPath, sha256: classifier.file.sha256 },
    interest,
    groundTruth,
    files,
  });
  const geometry = fitGeometry(classifier.input.geometry, pictureSize.width, pictureSize.height);
  const truth = groundTruth === undefined ? undefined : geometry.toInput(groundTruth);
  const panel = panelOf(tiles, [
    ...(truth === undefined ? [] : [{ box: truth, color: boxColors.groundTruth }]),
    ...(interest.box === undefined ? [] : [{ box: interest.box, color: boxColors.found }]),
  ]);
  await makeFolder(join(out, folder));
  await Promise.all([
    writePng(join(out, files.panel), panel),
    writePng(join(out, files.map), tiles.map),
    writeNpy(join(out, files.mapNpy), map),
    writePng(join(out, files.perturbed), result.image),
    writePng(join(out, files.perturbation), normalizeSigned(result.perturbation)),
  ]);
  await writeFileAtomically(join(out, files.result), `${JSON.stringify(record, null, 2)}\n`);
  const { width, height } = tiles.original;
  const entry = { record, size: { width, height }, groundTruth: truth };
  if (!inline) return entry;
  const uri = async (tile: typeof tiles.original): Promise<string> =>
    `data:image/png;base64,${Buffer.from(await encodePng(tile)).toString("base64")}`;
  const [original, perturbed, heat, component] = await Promise.all(
    [tiles.original, tiles.perturbed, tiles.map, tiles.component].map(uri),
  );
  return { ...entry, tiles: { original, perturbed, map: heat, component } };
}
