/** @file The files of one picture's explanations. */
import { dirname, join } from "node:path";
import { printableJson, relativeAddress } from "../../escape-text.ts";
import { isPerturbation } from "../../experiments/explanation/record.ts";
import type { ColorMap } from "../../image/color-map.ts";
import type { Picture } from "../../image/picture.ts";
import { shownImage } from "../../image/shown-image.ts";
import { writeNpy } from "../../node/npy.ts";
import { captioned } from "../../node/pictures/captioned.ts";
import { jpegDataUri, pngDataUri } from "../../node/pictures/data-uri.ts";
import { encodeGif } from "../../node/pictures/encode-gif.ts";
import { writePng } from "../../node/pictures/write-image.ts";
import { makeFolder, writeFileAtomically } from "../../node/write-file.ts";
import { amplified, commonFactor } from "../../report/explanation/amplified.ts";
import { overlayCaption, panelCaption } from "../../report/explanation/caption.ts";
import type { PictureExplanation } from "../../report/explanation/explain-picture.ts";
import { inlineEntry } from "../../report/explanation/inline-entry.ts";
import type { PageEntry } from "../../report/explanation/page.ts";
import { type Search, searchFrames } from "../../report/explanation/search-frames.ts";
import { floatTensor } from "../../tensor/tensor.ts";

export interface WriteExplanationOptions {
  /** Whether the page's entry carries its pictures instead of naming files. */
  readonly inline: boolean;
  readonly colorMap: ColorMap;
}

/** How long the frames of a search are shown; the last is what was found. */
const [frameMs, lastFrameMs] = [160, 2400];

/**
 * Writes the files that the record names below `out`: input.png, overlay.png and panel.png with words below, map.png, map.npy, for a
 * perturbation perturbed.png and perturbation.png, and, last, result.json. The page's entry comes back, with its pictures as data URIs if
 * `inline`, and the panel as it was written.
 */
export async function writeExplanation(
  out: string,
  explanation: PictureExplanation,
  { inline, colorMap }: WriteExplanationOptions,
): Promise<{ readonly entry: PageEntry; readonly panel: Picture }> {
  const { record, size, groundTruth, pictures, arrays, amplification } = explanation;
  const { files } = record;
  const { map, perturbed, perturbation } = pictures;
  await makeFolder(dirname(join(out, files.result)));
  // Drawing and encoding take other threads, as long as nothing waits for one alone.
  const [panel, overlay, inlined] = await Promise.all([
    captioned(pictures.panel, panelCaption({ record, width: pictures.panel.width, colorMap })),
    captioned(pictures.overlay, overlayCaption({ record, width: pictures.overlay.width, colorMap })),
    inline ? inlineEntry(explanation, { png: pngDataUri, jpeg: jpegDataUri }) : undefined,
  ]);
  await Promise.all([
    writePng(join(out, files.input), pictures.input, { isNetworkInput: true }),
    writePng(join(out, files.overlay), overlay),
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
  await writeFileAtomically(join(out, files.result), `${printableJson(record, 2)}\n`);
  if (inlined !== undefined) return { panel, entry: inlined };
  const { width, height } = overlay;
  const change = isPerturbation(record) && amplification !== undefined;
  return {
    panel,
    entry: {
      ...{ record, size, groundTruth },
      overlay: { source: relativeAddress(files.overlay), width, height },
      ...(change ? { difference: { source: relativeAddress(record.files.perturbation), factor: amplification } } : {}),
    },
  };
}

/**
 * Writes the film of a search beside the files of `explanation` as search.gif. What the page shows of it comes back; undefined if there was no search
 * to show.
 */
export async function writeSearch(
  out: string,
  { record, arrays }: PictureExplanation,
  search: Search,
  { inline, labelName }: { readonly inline: boolean; readonly labelName: (index: number) => string },
): Promise<PageEntry["search"]> {
  const { perturbed, perturbation } = arrays;
  if (!isPerturbation(record) || perturbed === undefined || perturbation === undefined) return undefined;
  const clean = floatTensor(
    perturbed.data.map((x, i) => x - perturbation.data[i]),
    perturbed.shape,
  );
  const frames = searchFrames({ search, clean, found: perturbed, foundLabel: record.adversarialLabel, labelName });
  if (frames.length === 0) return undefined;
  const shown = await Promise.all(
    frames.map(async ({ picture, caption }, n) => ({
      picture: await captioned(picture, caption),
      milliseconds: n === frames.length - 1 ? lastFrameMs : frameMs,
    })),
  );
  const gif = await encodeGif(shown);
  const file = record.files.result.replace(/[^/]*$/, "search.gif");
  await writeFileAtomically(join(out, file), gif);
  const { width, height } = shown[0].picture;
  const source = inline ? `data:image/gif;base64,${Buffer.from(gif).toString("base64")}` : relativeAddress(file);
  return { source, width, height };
}

/** What is kept of an explanation until all of its picture are finished. */
export interface WrittenExplanation {
  readonly entry: PageEntry;
  readonly perturbation: PictureExplanation["arrays"]["perturbation"];
}

/**
 * The entries of one picture, all changes amplified by one factor, so that they can be compared: perturbation.png is written anew where
 * that factor is not the one that a change had alone.
 */
export async function amplifyAlike(out: string, written: readonly WrittenExplanation[]): Promise<PageEntry[]> {
  const factor = commonFactor(written.flatMap(({ perturbation }) => perturbation ?? []));
  return await Promise.all(
    written.map(async ({ entry, perturbation }) => {
      const { record, difference } = entry;
      if (perturbation === undefined || difference === undefined || !isPerturbation(record)) return entry;
      if (difference.factor === factor) return entry;
      const picture = shownImage(amplified(perturbation, factor));
      await writePng(join(out, record.files.perturbation), picture);
      const source = entry.tiles === undefined ? difference.source : await pngDataUri(picture);
      return { ...entry, difference: { source, factor } };
    }),
  );
}

/** How many characters of a page the entry's pictures take; those that are files take none that count. */
export function inlinedIn({ tiles, overlay, difference, search }: PageEntry): number {
  const sources = [...Object.values(tiles ?? {}), ...[overlay, difference, search].map((shown) => shown?.source ?? "")];
  return sources.filter((source) => source.startsWith("data:")).reduce((sum, source) => sum + source.length, 0);
}
