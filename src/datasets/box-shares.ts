/**
 * @file Boxes that are written as shares of the picture's width and height, as OpenImages and many exports have them.
 *
 * Taken as pixels such boxes would all lie in the picture's first pixel, which is never meant: a set whose boxes all lie within [0, 1]
 * with a fraction somewhere has shares. A set with whole numbers only, or with any coordinate beyond 1, has pixels.
 */
import type { Box } from "./dataset.ts";
import type { PictureSize } from "./dataset-source.ts";

/** Shares are rounded when they are written, and so may lie outside by this much. */
const tolerance = 0.01;

/** What is to be known of a data set whose boxes are taken as shares: a sentence for its notes. */
export const sharesNote =
  "All boxes lie within [0, 1]: they are taken as shares of the picture's width and height, not as pixels.";

/**
 * Whether the boxes of a set, corners as they are written, are shares; looked at only until one shows that they are not. `areMeant` is
 * whether the format says that they are, and then whole numbers may be too (a box around all of the picture).
 */
export async function areShares(
  boxes: Iterable<Box> | AsyncIterable<Box>,
  { areMeant = false }: { readonly areMeant?: boolean } = {},
): Promise<boolean> {
  let isAny = false;
  for await (const box of boxes) {
    if (!box.every(Number.isFinite)) continue;
    if (box.some((value) => value < -tolerance || value > 1 + tolerance)) return false;
    isAny ||= areMeant || !box.every(Number.isInteger);
  }
  return isAny;
}

/** The box in pixels. */
export function inPixels([x0, y0, x1, y1]: Box, { width, height }: PictureSize): Box {
  return [x0 * width, y0 * height, x1 * width, y1 * height];
}
