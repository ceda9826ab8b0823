/** @file A page's entry that carries its pictures. */
import type { Picture } from "../../image/picture.ts";
import { resizeBytes } from "../../image/resize.ts";
import type { PictureExplanation } from "./explain-picture.ts";
import type { PageEntry } from "./page.ts";

/** How pictures become data URIs, in Node or in a browser. */
export interface DataUris {
  png(picture: Picture): Promise<string>;
  jpeg(picture: Picture): Promise<string>;
}

/** The longer side of an overlay inside a page, in pixels; the file is larger. */
const inlineSide = 1000;

/** The entry of `explanation` with its tiles, its overlay and the change as data URIs. */
export async function inlineEntry(
  { record, size, groundTruth, tiles, pictures, amplification }: PictureExplanation,
  { png, jpeg }: DataUris,
): Promise<PageEntry> {
  const sources = await Promise.all(Object.entries(tiles).map(async ([name, tile]) => [name, await png(tile)]));
  const shown = smaller(pictures.overlay);
  const overlay = { source: await jpeg(shown), width: shown.width, height: shown.height };
  const { perturbation } = pictures;
  const difference =
    perturbation === undefined || amplification === undefined
      ? {}
      : { difference: { source: await png(perturbation), factor: amplification } };
  return { record, size, groundTruth, tiles: Object.fromEntries(sources), overlay, ...difference };
}

function smaller(picture: Picture): Picture {
  const { width, height } = picture;
  const side = Math.max(width, height);
  if (side <= inlineSide) return picture;
  return resizeBytes(picture, {
    width: Math.max(1, Math.round((width * inlineSide) / side)),
    height: Math.max(1, Math.round((height * inlineSide) / side)),
    interpolation: "bilinear",
  });
}
