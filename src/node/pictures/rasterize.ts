/** @file Drawings as pictures. */
import sharp, { type Sharp } from "sharp";
import { BadInputError, checkForm, checkKeys } from "../../errors.ts";
import type { Picture } from "../../image/picture.ts";

/**
 * The SVG document as the bytes of a PNG file, on a white ground.
 *
 * Throws a BadInputError for what is no SVG document.
 *
 * @param svg a whole SVG document; fonts are those of this machine
 * @param options `scale`: pixels of the PNG per CSS pixel; default 2
 */
export async function rasterize(svg: string, options: { readonly scale?: number } = {}): Promise<Uint8Array> {
  checkKeys("rasterize", options, ["scale"]);
  return await drawn(svg, options, async (drawing) => await drawing.png().toBuffer());
}

/** As {@link rasterize}, as a picture of three channels. */
export async function drawSvg(svg: string, options: { readonly scale?: number } = {}): Promise<Picture> {
  return await drawn(svg, options, async (drawing) => {
    const opaque = drawing.removeAlpha().toColourspace("srgb").raw();
    const { data, info } = await opaque.toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, channels: 3, data };
  });
}

async function drawn<T>(
  svg: string,
  options: { readonly scale?: number },
  finish: (drawing: Sharp) => Promise<T>,
): Promise<T> {
  checkForm("rasterize: svg", svg, "string");
  checkForm("rasterize: options", options, []);
  const { scale = 2 } = options;
  try {
    // At 72 dots per inch, one CSS pixel is one pixel.
    return await finish(sharp(Buffer.from(svg), { density: 72 * scale }).flatten({ background: "#fff" }));
  } catch (cause) {
    const got = cause instanceof Error ? cause.message : String(cause);
    throw new BadInputError(
      { where: "rasterize", what: "cannot be drawn", expected: "an SVG document", got },
      { cause },
    );
  }
}
