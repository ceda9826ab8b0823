/** @file Gray from color. */
import { floatTensor } from "../tensor/tensor.ts";
import type { ImageTensor, Picture } from "./picture.ts";

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

/** A picture of three channels in gray, bit for bit what Pillow's `convert("L")` gives; one of another number as it is. */
export function grayPicture<P extends Picture>(picture: P): P {
  const { width, height, channels, data } = picture;
  if (channels !== 3) return picture;
  const gray = new Uint8Array(width * height);
  // The weights of `luma` in units of 2⁻¹⁶, as Pillow has them.
  for (let i = 0, at = 0; i < gray.length; i++, at += 3) {
    gray[i] = (19595 * data[at] + 38470 * data[at + 1] + 7471 * data[at + 2] + 0x8000) >> 16;
  }
  return { ...picture, channels: 1, data: gray };
}
