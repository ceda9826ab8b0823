/** @file The files of one explanation. */
import { dirname, join } from "node:path";
import { isPerturbation } from "../experiments/explanation/record.ts";
import { writeNpy } from "../node/npy.ts";
import { encodePng, writePng } from "../node/pictures/write-image.ts";
import { makeFolder, writeFileAtomically } from "../node/write-file.ts";
import type { PictureExplanation } from "../report/explanation/explain-picture.ts";
import type { PageEntry } from "../report/explanation/page.ts";

/**
 * Writes the files that the record names below `out`: panel.png, map.png, map.npy, for a perturbation perturbed.png and
 * perturbation.png, and, last, result.json. The page's entry comes back, with its tiles as data URIs if `inline`.
 */
export async function writeExplanation(
  out: string,
  { record, size, groundTruth, tiles, pictures, arrays }: PictureExplanation,
  { inline }: { readonly inline: boolean },
): Promise<PageEntry> {
  const { files } = record;
  const { panel, map, perturbed, perturbation } = pictures;
  await makeFolder(dirname(join(out, files.result)));
  await Promise.all([
    writePng(join(out, files.panel), panel),
    writePng(join(out, files.map), map),
    writeNpy(join(out, files.mapNpy), arrays.map),
    ...(isPerturbation(record) && perturbed !== undefined && perturbation !== undefined
      ? [
          writePng(join(out, record.files.perturbed), perturbed, { isNetworkInput: true }),
          writePng(join(out, record.files.perturbation), perturbation),
        ]
      : []),
  ]);
  await writeFileAtomically(join(out, files.result), `${JSON.stringify(record, null, 2)}\n`);
  const entry = { record, size, groundTruth };
  if (!inline) return entry;
  const uris = await Promise.all(
    Object.entries(tiles).map(async ([name, tile]) => [
      name,
      `data:image/png;base64,${Buffer.from(await encodePng(tile)).toString("base64")}`,
    ]),
  );
  return { ...entry, tiles: Object.fromEntries(uris) };
}
