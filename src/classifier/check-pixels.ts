/** @file Numbers that can be no pixels of [0, 1], and what is said of them. */
import { MisuseError } from "../errors.ts";

/** Noise, and perturbations that nothing clips, leave [0, 1] by less than this; pixels from 0 to 255 by more. */
const farBeyond = 16;

/**
 * The index of the first element that can be no pixel of [0, 1], nor one that noise or a perturbation has moved out of there: NaN, infinite, or as
 * large as in pixels from 0 to 255, whose answers would be nonsense that looks like an answer; −1 without one.
 */
export function firstNoPixel(data: Float32Array): number {
  for (let i = 0; i < data.length; i++) if (!(Math.abs(data[i]) <= farBeyond)) return i;
  return -1;
}

/** What is said of `image` for its element `index`. */
export function noPixels(where: string, image: string, data: Float32Array, index: number): MisuseError {
  return new MisuseError({
    where,
    what: `${image} is not in pixels`,
    expected: "numbers from 0 to 1; the classifier normalizes them itself",
    got: `${data[index]} at element ${index}`,
    advice: data[index] > farBeyond && data[index] <= 255 ? "Divide pixels from 0 to 255 by 255." : undefined,
  });
}
