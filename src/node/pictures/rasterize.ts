/** @file Drawings as pictures. */
import sharp from "sharp";

/**
 * The SVG document as the bytes of a PNG file, on a white ground.
 *
 * @param svg a whole SVG document; fonts are those of this machine
 * @param scale pixels of the PNG per CSS pixel; default 2
 */
export async function rasterize(svg: string, { scale = 2 }: { readonly scale?: number } = {}): Promise<Uint8Array> {
  // At 72 dots per inch, one CSS pixel is one pixel.
  return await sharp(Buffer.from(svg), { density: 72 * scale })
    .flatten({ background: "#fff" })
    .png()
    .toBuffer();
}
