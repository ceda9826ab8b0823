/** @file What takes the place of the parts of an image that a method hides. */
import type { Classifier } from "../classifier/classifier.ts";
import { denormalizePixels } from "../classifier/preprocessing/preprocessing.ts";
import { blur } from "../image/gaussian-blur.ts";
import type { ImageTensor } from "../image/picture.ts";
import { wordOption } from "../options/option.ts";

/**
 * `mean`: the color that the network's normalization maps to zero, usually the mean of its training set; `gray`: ½; `black`: 0;
 * `blur`: the image itself, blurred with σ = 20 pixels of 224.
 */
export const fills = ["mean", "gray", "black", "blur"] as const;
export type Fill = (typeof fills)[number];

/** The setting `fill` of methods that hide parts of an image. */
export function fillOption<const F extends Fill>(fallback: F) {
  return wordOption(
    "What hidden parts show: the color that the network sees as zero, gray, black, or the image itself, blurred.",
    fills,
    { fallback },
  );
}

/** The color, one value per channel in [0, 1], that hidden parts show; undefined for `blur`, which has no single one. */
export function fillColor({ input }: Pick<Classifier, "input">, fill: Fill): Float32Array | undefined {
  switch (fill) {
    case "mean":
      return denormalizePixels(new Float32Array(input.channelCount), input);
    case "gray":
      return new Float32Array(input.channelCount).fill(0.5);
    case "black":
      return new Float32Array(input.channelCount);
    case "blur":
      return undefined;
  }
}

/** The image [C, H, W], flat, pixels in [0, 1], that shows where parts of `image` are hidden. */
export function fillImage(classifier: Pick<Classifier, "input">, image: ImageTensor, fill: Fill): Float32Array {
  const color = fillColor(classifier, fill);
  const [, height, width] = image.shape;
  if (color === undefined) return blur(image, { sigmaPixels: (20 / 224) * Math.min(height, width) }).data;
  return image.data.map((_, i) => color[Math.floor(i / (height * width))]);
}
