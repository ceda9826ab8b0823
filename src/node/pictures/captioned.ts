/** @file Pictures with words below them. */
import sharp from "sharp";
import type { Picture } from "../../image/picture.ts";
import { rasterize } from "./rasterize.ts";

/**
 * `picture` (three channels) with the drawing below it on a white ground. The drawing is drawn at its own size, and the narrower of the two
 * lies in the middle; the picture's bytes stay as they are.
 *
 * @param svg a whole SVG document; fonts are those of this machine
 */
export async function captioned(picture: Picture, svg: string): Promise<Picture> {
  const { data, info } = await sharp(await rasterize(svg, { scale: 1 }))
    .removeAlpha()
    .toColourspace("srgb")
    .raw()
    .toBuffer({ resolveWithObject: true });
  const width = Math.max(picture.width, info.width);
  const height = picture.height + info.height;
  const out = new Uint8Array(width * height * 3).fill(255);
  const paste = (bytes: Uint8Array, size: { readonly width: number; readonly height: number }, top: number): void => {
    const left = Math.floor((width - size.width) / 2);
    for (let y = 0; y < size.height; y++) {
      const row = bytes.subarray(y * size.width * 3, (y + 1) * size.width * 3);
      out.set(row, ((top + y) * width + left) * 3);
    }
  };
  paste(picture.data, picture, 0);
  paste(data, info, picture.height);
  return { width, height, channels: 3, data: out };
}
