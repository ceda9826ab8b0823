/** @file Numbers that can be no pixels of [0, 1], and what is said of them. */
import { MisuseError } from "../errors.ts";

/** Noise, and perturbations that nothing clips, leave [0, 1] by less than this; pixels from 0 to 255 by more. */
const farBeyond = 16;

/** Elements that are out of [0, 1] by more than this are counted, */
const wellBeyond = 0.25;
/** and where there are so many of them, as a share of the image, */
const mostBeyond = 0.1;
/** of which so many have one beside them that is out at the same end, they are dark and light parts of a picture on another scale. Of noise fewer than half have. */
const leastBeside = 0.6;

/**
 * The index of the first element that can be no pixel of [0, 1], nor one that noise or a perturbation has moved out of there: NaN, infinite, or as
 * large as in pixels from 0 to 255, whose answers would be nonsense that looks like an answer. Where whole parts of the image lie out of [0, 1], as of
 * pixels from −1 to 1 or normalized ones, the first of these. −1 without one.
 */
export function firstNoPixel(data: Float32Array): number {
  let [beyond, beside, first, last] = [0, 0, -1, 0];
  for (let i = 0; i < data.length; i++) {
    const value = data[i];
    if (!(Math.abs(value) <= farBeyond)) return i;
    const end = value < -wellBeyond ? -1 : value > 1 + wellBeyond ? 1 : 0;
    if (end !== 0) {
      beyond++;
      if (end === last) beside++;
      if (first < 0) first = i;
    }
    last = end;
  }
  return beyond > mostBeyond * data.length && beside > leastBeside * beyond ? first : -1;
}

/** Rounding in float32 leaves [0, 1] by less than this. */
const byRounding = 1e-6;

/** The index of the first element that is not in [0, 1], up to rounding; −1 without one. */
export function firstBeyondPixels(data: Float32Array): number {
  for (let i = 0; i < data.length; i++) if (!(data[i] >= -byRounding && data[i] <= 1 + byRounding)) return i;
  return -1;
}

/** What is said of `image` for its element `index`. */
export function noPixels(where: string, image: string, data: Float32Array, index: number): MisuseError {
  return new MisuseError({
    where,
    what: `${image} is not in pixels`,
    expected: "numbers from 0 to 1; the classifier normalizes them itself",
    got: `${data[index]} at element ${index}`,
    advice: adviceFor(data),
  });
}

/** How numbers of this range become pixels of [0, 1], where that can be told. */
function adviceFor(data: Float32Array): string | undefined {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of data) {
    if (!Number.isFinite(value)) return undefined;
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  if (least >= 0) return most > farBeyond && most <= 255 ? "Divide pixels from 0 to 255 by 255." : undefined;
  if (least < -farBeyond || most > farBeyond) return undefined;
  const normalized =
    "undo a normalization by mean and deviation: x · std + mean for each channel (classifier.input has both)";
  if (least < -1 - wellBeyond || most > 1 + wellBeyond) return `Give pixels as they were: ${normalized}.`;
  return `Of pixels from −1 to 1 give (x + 1) / 2; or ${normalized}.`;
}
