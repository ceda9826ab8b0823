/** @file Pictures as PNG files. */
import sharp, { type Sharp } from "sharp";
import { checkForm, checkKeys, MisuseError } from "../../errors.ts";
import { checkPicture, isPicture, type Picture, tensorToPicture } from "../../image/picture.ts";
import type { FloatTensor } from "../../tensor/tensor.ts";
import { writeFileAtomically } from "../write-file.ts";
import { markNetworkInput } from "./picture-origin.ts";

export interface EncodePngOptions {
  /**
   * Marks the picture as one that has a network's input size already, such as an adversarial one: a network of that size then takes it
   * as it is, without resizing and cropping it again.
   */
  readonly isNetworkInput?: boolean;
}

/**
 * The image as the bytes of a PNG file: a picture, an image tensor [C, H, W], or a map [H, W], with 8 bits per channel: gray, gray and
 * alpha, color, or color and alpha, for 1 to 4 channels. Tensors are clipped to [0, 1] and rounded to the nearest byte. The same image
 * gives the same bytes with the same version of sharp.
 *
 * Throws a `MisuseError` for other shapes and a `BadInputError` if a value is NaN.
 */
export async function encodePng(image: Picture | FloatTensor, options: EncodePngOptions = {}): Promise<Uint8Array> {
  checkForm("encodePng: image", image, ["data"]);
  checkKeys("encodePng", options, ["isNetworkInput"]);
  const pipeline = pipelineOf("encodePng", isPicture(image) ? image : tensorToPicture(image));
  const png = await pipeline.png({ compressionLevel: 6, adaptiveFiltering: false, palette: false }).toBuffer();
  return options.isNetworkInput ? markNetworkInput(png) : png;
}

/** What sharp encodes of a picture: gray, gray and alpha, color, or color and alpha. Throws a MisuseError for other numbers of channels. */
export function pipelineOf(where: string, picture: Picture): Sharp {
  const { width, height, channels, data } = checkPicture(where, picture);
  if (channels !== 1 && channels !== 2 && channels !== 3 && channels !== 4) {
    throw new MisuseError({
      where,
      what: "more channels than a file of a picture has",
      expected: "1 to 4",
      got: String(channels),
      advice: "Keep it as NPY (writeNpy), or show some of its channels.",
    });
  }
  const opened = sharp(data, { raw: { width, height, channels } });
  return channels < 3 ? opened.toColourspace("b-w") : opened;
}

/** Writes the image to the file at `path` as {@link encodePng} encodes it, whole or not at all. */
export async function writePng(
  path: string,
  image: Picture | FloatTensor,
  options: EncodePngOptions = {},
): Promise<void> {
  await writeFileAtomically(path, await encodePng(image, options));
}
