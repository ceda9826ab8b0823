/** @file Pictures from files as a network takes them. */
import type { ImageInput } from "../../classifier/classifier.ts";
import { fitPicture } from "../../classifier/preprocessing/fit-picture.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { type ReadImageOptions, readImageFile } from "./read-image.ts";

/**
 * The picture in the file at `path`, resized and cropped for the network whose `classifier.input` is given: [C, H, W], pixels
 * in [0, 1]. Throws as `readImageFile` does.
 */
export async function readImage(path: string, input: ImageInput, options?: ReadImageOptions): Promise<ImageTensor> {
  return fitPicture(await readImageFile(path, options), input);
}
