/** @file Drawings as pictures. */
import sharp from "sharp";
import { BadInputError, checkForm } from "../../errors.ts";

/**
 * The SVG document as the bytes of a PNG file, on a white ground.
 *
 * Throws a BadInputError for what is no SVG document.
 *
 * @param svg a whole SVG document; fonts are those of this machine
 * @param options `scale`: pixels of the PNG per CSS pixel; default 2
 */
export async function rasterize(svg: string, options: { readonly scale?: number } = {}): Promise<Uint8Array> {
  checkForm("rasterize: svg", svg, "string");
  checkForm("rasterize: options", options, []);
  const { scale = 2 } = options;
  try {
    // At 72 dots per inch, one CSS pixel is one pixel.
    return await sharp(Buffer.from(svg), { density: 72 * scale })
      .flatten({ background: "#fff" })
      .png()
      .toBuffer();
  } catch (cause) {
    const got = cause instanceof Error ? cause.message : String(cause);
    throw new BadInputError(
      { where: "rasterize", what: "cannot be drawn", expected: "an SVG document", got },
      { cause },
    );
  }
}
