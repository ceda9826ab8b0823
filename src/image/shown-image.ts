/** @file Images of any number of channels as people can look at them. */
import { type FloatTensor, floatTensor } from "../tensor/tensor.ts";
import { checkImage, type ImageTensor } from "./picture.ts";

/**
 * The image [C, H, W] as one of 1 or 3 channels: itself, or without the alpha of 2 or 4 channels, or the first three bands of more as red,
 * green and blue, which are no colors of the thing.
 */
export function shownImage(image: FloatTensor): ImageTensor {
  const [channels, height, width] = checkImage("shownImage", image).shape;
  const shown = channels < 3 ? 1 : 3;
  if (channels === shown) return image;
  return floatTensor(image.data.slice(0, shown * height * width), [shown, height, width]);
}

/** The image as a PNG can hold it: itself with up to four channels, otherwise as {@link shownImage} shows it. */
export function storedImage(image: FloatTensor): ImageTensor {
  const [channels] = checkImage("storedImage", image).shape;
  return channels <= 4 ? image : shownImage(image);
}

/** By how much pixels are multiplied that the brightest two hundredth of what is shown of an image become white; 1 for a black one. */
export function brightening(image: FloatTensor): number {
  const values = shownImage(image).data.slice().sort();
  const brightest = values[Math.floor(0.995 * (values.length - 1))];
  return brightest > 0 ? Math.max(1, 1 / brightest) : 1;
}

/** The image with its pixels multiplied, at most to white. */
export function brightened(image: FloatTensor, factor: number): ImageTensor {
  return floatTensor(
    image.data.map((value) => Math.min(1, factor * value)),
    image.shape,
  );
}
