/** @file Gray from color. */
import { floatTensor } from "../tensor/tensor.ts";
import type { ImageTensor } from "./picture.ts";

/** The luma of a color as Pillow's "L" mode weighs it (ITU-R BT.601), in the units of the channels; 1 for white at 1. */
export function luma(red: number, green: number, blue: number): number {
  return 0.299 * red + 0.587 * green + 0.114 * blue;
}

/** The {@link luma} of an image [3, H, W] as [1, H, W]; an image of one channel as it is. */
export function grayOf(image: ImageTensor): ImageTensor {
  const [channels, height, width] = image.shape;
  if (channels === 1) return image;
  const { data } = image;
  const plane = height * width;
  const gray = new Float32Array(plane);
  for (let i = 0; i < plane; i++) gray[i] = luma(data[i], data[plane + i], data[2 * plane + i]);
  return floatTensor(gray, [1, height, width]);
}
