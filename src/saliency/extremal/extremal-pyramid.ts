/**
 * @file Images between hidden and visible: what a mask shows at each pixel, and the adjoint.
 *
 * Source: Fong, Patrick and Vedaldi, "Understanding Deep Networks via Extremal Perturbations and Smooth Masks", ICCV 2019, section
 * 3.2: where the mask is 1, the image; towards 0, the image blurred with ever larger σ.
 */
import { blur } from "../../image/gaussian-blur.ts";
import type { ImageTensor } from "../../image/picture.ts";

export interface Pyramid {
  /** The image [C · H · W] that a mask [H · W] with values in [0, 1] shows, in `out`, which is a fresh array by default. */
  show(mask: Float64Array, out?: Float32Array): Float32Array;
  /** The gradient with respect to the mask, [H · W], for a cotangent [C · H · W] of the image that it shows; where it is, as for `show`. */
  adjoint(mask: Float64Array, cotangent: Float32Array, out?: Float64Array): Float64Array;
}

/**
 * The blurred images of σ = maxSigma·(1 − l / (levels − 1)), l = 0 … levels − 1; the last is the image itself.
 *
 * Deviation: the edges are mirrored for the blur, as everywhere in this package; TorchRay goes on with the network's zero, the mean
 * color.
 */
export function blurLevels(image: ImageTensor, levels: number, maxSigmaPixels: number): Float32Array[] {
  return Array.from(
    { length: levels },
    (_, l) => blur(image, { sigmaPixels: maxSigmaPixels * (1 - l / (levels - 1)) }).data,
  );
}

/**
 * The pyramid over at least two `levels` [C · H · W], from hidden to visible: a mask value m shows what is linear in m between the two
 * levels next to m·(levels − 1). At a level, where that has a kink, the slope is the one above it (at m = 1 the one below).
 */
export function pyramid(levels: readonly Float32Array[], plane: number): Pyramid {
  const steps = levels.length - 1;
  const size = levels[0].length;
  return {
    show(mask, out = new Float32Array(size)) {
      for (let u = 0; u < plane; u++) {
        const at = mask[u] * steps;
        const level = Math.min(Math.floor(at), steps - 1);
        const [lower, upper, share] = [levels[level], levels[level + 1], at - level];
        for (let i = u; i < size; i += plane) out[i] = lower[i] + share * (upper[i] - lower[i]);
      }
      return out;
    },
    adjoint(mask, cotangent, gradient = new Float64Array(plane)) {
      for (let u = 0; u < plane; u++) {
        const level = Math.min(Math.floor(mask[u] * steps), steps - 1);
        const [lower, upper] = [levels[level], levels[level + 1]];
        let sum = 0;
        for (let i = u; i < size; i += plane) sum += cotangent[i] * (upper[i] - lower[i]);
        gradient[u] = steps * sum;
      }
      return gradient;
    },
  };
}
