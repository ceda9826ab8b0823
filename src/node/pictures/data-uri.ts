/** @file Pictures as data URIs, for pages and figures that need nothing else. */
import type { ImageTensor, Picture } from "../../image/picture.ts";
import { shownImage } from "../../image/shown-image.ts";
import { encodePng, pipelineOf } from "./write-image.ts";

/** The picture as a PNG, without loss but for channels that are no colors (see {@link shownImage}). */
export async function pngDataUri(picture: Picture | ImageTensor): Promise<string> {
  const shown = "channels" in picture ? picture : shownImage(picture);
  return `data:image/png;base64,${Buffer.from(await encodePng(shown)).toString("base64")}`;
}

/** The picture as a JPEG of high quality, for figures of many pictures. */
export async function jpegDataUri(picture: Picture): Promise<string> {
  const bytes = await pipelineOf("jpegDataUri", picture)
    .toColourspace("srgb")
    .removeAlpha()
    .jpeg({ quality: 86, chromaSubsampling: "4:4:4" })
    .toBuffer();
  return `data:image/jpeg;base64,${bytes.toString("base64")}`;
}
