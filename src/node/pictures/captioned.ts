/** @file Pictures with words below them. */
import type { Picture } from "../../image/picture.ts";
import { drawSvg } from "./rasterize.ts";

/**
 * `picture` (three channels) with the drawing below it on a white ground. The drawing is drawn at its own size, and the narrower of the two
 * lies in the middle; the picture's bytes stay as they are.
 *
 * @param svg a whole SVG document; fonts are those of this machine
 */
export async function captioned(picture: Picture, svg: string): Promise<Picture> {
  const caption = await drawSvg(svg, { scale: 1 });
  const width = Math.max(picture.width, caption.width);
  const height = picture.height + caption.height;
  const out = new Uint8Array(width * height * 3).fill(255);
  const paste = (part: Picture, top: number): void => {
    const left = Math.floor((width - part.width) / 2);
    for (let y = 0; y < part.height; y++) {
      const row = part.data.subarray(y * part.width * 3, (y + 1) * part.width * 3);
      out.set(row, ((top + y) * width + left) * 3);
    }
  };
  paste(picture, 0);
  paste(caption, picture.height);
  return { width, height, channels: 3, data: out };
}
