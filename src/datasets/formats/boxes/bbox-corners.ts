/**
 * @file What four numbers in a column `bbox` are: COCO's [x, y, width, height], or two corners, as some write them under the same name.
 *
 * Corners read as a width and a height reach out of their pictures, unless all boxes lie near the first pixel; and of a width and a height some
 * are smaller than x and y. So a set is one of corners only where the numbers of every box can be corners in its picture, and many of them
 * can be nothing else.
 */
import { MisuseError, PerceptualBallError } from "../../../errors.ts";
import type { Box } from "../../dataset.ts";
import type { PictureSize } from "../../dataset-source.ts";

export interface PictureBoxes {
  /** [x, y, x + width, y + height). */
  readonly boxes: readonly Box[];
  /** Undefined if the picture is not there. */
  readonly size: () => Promise<PictureSize | undefined>;
}

/** So many pictures are looked at. */
const mostPictures = 200;

/** From so many boxes on, of which half reach out, there is no doubt. */
const manyBoxes = 10;

/**
 * Whether the four numbers are corners. Throws a MisuseError on behalf of `where` that names both readings if a fifth of the boxes or more say so, but too few
 * to be sure.
 */
export async function areCorners(where: string, column: string, pictures: readonly PictureBoxes[]): Promise<boolean> {
  const readings = ([x0, y0, x1, y1]: Box): Box => [x0, y0, x1 - x0, y1 - y0];
  const all = pictures.map(({ boxes, size }) => ({ size, boxes: boxes.filter((box) => box.every(Number.isFinite)) }));
  const mayBe = all.every(({ boxes }) => boxes.map(readings).every(([a, b, c, d]) => c > a && d > b));
  if (!mayBe) return false;
  const isWithin = ([, , x1, y1]: Box, { width, height }: PictureSize): boolean => {
    const tolerance = width === 1 ? 0.01 : 1;
    return x1 <= width + tolerance && y1 <= height + tolerance;
  };
  const haveShares = all.every(({ boxes }) => boxes.flatMap(readings).every((value) => value >= 0 && value <= 1));
  let [count, outside] = [0, 0];
  for (const { boxes, size } of all.slice(0, mostPictures)) {
    const own = haveShares ? { width: 1, height: 1 } : await sizeIn(size);
    if (own === undefined) continue;
    if (!boxes.map(readings).every((box) => isWithin(box, own))) return false;
    count += boxes.length;
    outside += boxes.filter((box) => !isWithin(box, own)).length;
  }
  if (outside < Math.max(1, count / 5)) return false;
  if (count >= manyBoxes && outside >= count / 2) return true;
  throw new MisuseError({
    where,
    what: `the numbers in the column ${column} may be [x, y, width, height], of which ${outside} of ${count} boxes reach out of their pictures, or [x0, y0, x1, y1], which all lie in them`,
    expected: "columns that say it",
    advice: "Write the four numbers in columns x,y,w,h or x0,y0,x1,y1.",
  });
}

async function sizeIn(size: PictureBoxes["size"]): Promise<PictureSize | undefined> {
  try {
    return await size();
  } catch (error) {
    if (error instanceof PerceptualBallError) return undefined;
    throw error;
  }
}
