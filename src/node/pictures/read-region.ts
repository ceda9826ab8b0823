/** @file Regions of pictures as users write them: a box, or a picture that is light where something may change. */

import type { Region } from "../../classifier/preprocessing/region-mask.ts";
import { checkKeys, kindOf, MisuseError } from "../../errors.ts";
import { type ReadImageOptions, readImageFile, readImageOptionKeys } from "./read-image.ts";

/**
 * The region that `text` means: "x0,y0,x1,y1" in pixels of the picture (x1 and y1 are one more than the last pixel), or else the path of a mask
 * picture. `regionMask` makes the mask of a network's input of it. Throws as {@link readImageFile} does.
 */
export async function readRegion(text: string, options: ReadImageOptions = {}): Promise<Region> {
  checkKeys("readRegion", options, readImageOptionKeys);
  if (typeof text !== "string") {
    throw new MisuseError({
      where: "readRegion",
      what: "not a region",
      expected: "x0,y0,x1,y1 or a path",
      got: kindOf(text),
    });
  }
  const corners = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  const [x0, y0, x1, y1] = corners;
  if (corners.length === 4 && corners.every(Number.isFinite)) return { box: [x0, y0, x1, y1] };
  return { mask: await readImageFile(text, options) };
}
