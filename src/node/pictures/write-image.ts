/** @file Pictures as PNG files. */
import sharp from "sharp";
import { checkPicture, isPicture, type Picture, tensorToPicture } from "../../image/picture.ts";
import type { FloatTensor } from "../../tensor/tensor.ts";
import { writeFileAtomically } from "../write-file.ts";

/**
 * The image as the bytes of a PNG file: a picture, an image tensor [3, H, W] or [1, H, W], or a map [H, W], with 8 bits per
 * channel, color or gray as its channels say. Tensors are clipped to [0, 1] and rounded to the nearest byte. The same image
 * gives the same bytes with the same version of sharp.
 *
 * Throws a {@link MisuseError} for other shapes and a {@link BadInputError} if a value is NaN.
 */
export async function encodePng(image: Picture | FloatTensor): Promise<Uint8Array> {
  const { width, height, channels, data } = isPicture(image)
    ? checkPicture("encodePng", image)
    : tensorToPicture(image);
  const opened = sharp(data, { raw: { width, height, channels } });
  const colored = channels === 1 ? opened.toColourspace("b-w") : opened;
  return colored.png({ compressionLevel: 6, adaptiveFiltering: false, palette: false }).toBuffer();
}

/** Writes the image to the file at `path` as {@link encodePng} encodes it, whole or not at all. */
export async function writePng(path: string, image: Picture | FloatTensor): Promise<void> {
  await writeFileAtomically(path, await encodePng(image));
}
