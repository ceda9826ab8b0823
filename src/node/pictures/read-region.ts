/** @file Regions of pictures as users write them: a box, or a picture that is light where something may change. */

import type { Region } from "../../classifier/preprocessing/region-mask.ts";
import { checkKeys, kindOf, MisuseError } from "../../errors.ts";
import type { Picture } from "../../image/picture.ts";
import { type ReadImageOptions, readImageFile, readImageOptionKeys } from "./read-image.ts";

/**
 * The region that `text` means: "x0,y0,x1,y1" in pixels of the picture (x1 and y1 are one more than the last pixel), or else the path of a mask
 * picture, whose transparent places are outside. `regionMask` makes the mask of a network's input of it. Throws a MisuseError for a box that is none or has no area,
 * and as {@link readImageFile} does.
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
  // Numbers with commas between them are meant as a box: a picture of that name can be given as ./1,2,3.
  if (corners.every(Number.isFinite)) {
    if (corners.length === 4 && x0 < x1 && y0 < y1) return { box: [x0, y0, x1, y1] };
    throw new MisuseError({
      where: "the region",
      what: corners.length === 4 ? "the box has no area" : "no box",
      expected: "x0,y0,x1,y1 with x0 < x1 and y0 < y1, or the path of a mask picture",
      got: text,
    });
  }
  const stored = await readImageFile(text, { ...options, channels: "stored" });
  // Bands that are no colors are refused as those of any picture.
  return { mask: stored.channels > 4 ? await readImageFile(text, options) : shown(stored) };
}

/** The mask picture without its transparency: what cannot be seen is not light. */
function shown({ data, channels, ...mask }: Picture): Picture {
  if (channels !== 2 && channels !== 4) return { ...mask, channels, data };
  const colors = channels - 1;
  const light = new Uint8Array((data.length / channels) * colors);
  for (let i = 0; i < light.length; i++) {
    const pixel = channels * Math.floor(i / colors);
    light[i] = Math.round((data[pixel + (i % colors)] * data[pixel + colors]) / 255);
  }
  return { ...mask, channels: colors, data: light };
}
