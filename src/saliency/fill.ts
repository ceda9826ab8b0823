/** @file What takes the place of the parts of an image that a method hides. */
import type { Classifier } from "../classifier/classifier.ts";
import { denormalizePixels } from "../classifier/preprocessing.ts";
import { blur } from "../image/gaussian-blur.ts";
import type { ImageTensor } from "../image/picture.ts";

/**
 * `mean`: the color that the network's normalization maps to zero, usually the mean of its training set; `gray`: ½; `black`: 0;
 * `blur`: the image itself, blurred with σ = 20 pixels of 224.
 */
export const fills = ["mean", "gray", "black", "blur"] as const;
export type Fill = (typeof fills)[number];

/** The image [C, H, W], flat, pixels in [0, 1], that shows where parts of `image` are hidden. */
export function fillImage({ input }: Pick<Classifier, "input">, image: ImageTensor, fill: Fill): Float32Array {
  switch (fill) {
    case "mean":
      return denormalizePixels(new Float32Array(image.data.length), input);
    case "gray":
      return new Float32Array(image.data.length).fill(0.5);
    case "black":
      return new Float32Array(image.data.length);
    case "blur":
      return blur(image, { sigmaPixels: (20 / 224) * Math.min(input.height, input.width) }).data;
  }
}
