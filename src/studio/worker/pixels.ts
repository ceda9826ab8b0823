/** @file Pixels as a canvas takes them. */
import type { ImageTensor, Picture } from "../../image/picture.ts";
import { tensorToPicture } from "../../image/picture.ts";
import type { PixelsView } from "../protocol.ts";

/** `picture` as RGBA; gray ones in three equal channels. */
export function pixelsOfPicture({ width, height, channels, data }: Picture): PixelsView {
  const rgba = new Uint8ClampedArray(width * height * 4);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) rgba[4 * i + c] = data[channels * i + (channels >= 3 ? c : 0)];
    rgba[4 * i + 3] = 255;
  }
  return { width, height, data: rgba };
}

/** Pixels [C, H, W] in [0, 1], clipped; of other than one or three channels the first alone. */
export function pixelsOfImage(image: ImageTensor): PixelsView {
  const [channels, height, width] = image.shape;
  const isUsual = channels === 1 || channels === 3;
  const shown = isUsual ? image : { ...image, shape: [1, height, width], data: image.data.subarray(0, height * width) };
  return pixelsOfPicture(tensorToPicture(shown));
}

/** As many pixels a side a small picture has at most. */
const thumbnailSide = 96;

/** `picture` made small: each pixel is the one that lies there. */
export function thumbnailOf({ width, height, channels, data }: Picture): PixelsView {
  const scale = Math.min(1, thumbnailSide / Math.max(width, height));
  const [columns, rows] = [width, height].map((side) => Math.max(1, Math.round(side * scale)));
  const small = new Uint8Array(columns * rows * channels);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const at = Math.floor(((y + 0.5) * height) / rows) * width + Math.floor(((x + 0.5) * width) / columns);
      for (let c = 0; c < channels; c++) small[(y * columns + x) * channels + c] = data[at * channels + c];
    }
  }
  return pixelsOfPicture({ width: columns, height: rows, channels, data: small });
}

/** `pixels` as a file: a PNG, or a JPEG where a little loss does no harm. */
export async function encoded(
  { width, height, data }: PixelsView,
  type: "image/png" | "image/jpeg" = "image/png",
): Promise<Blob> {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  if (context === null) throw new Error(`the browser gives no canvas of ${width} × ${height} pixels`);
  context.putImageData(new ImageData(data, width, height), 0, 0);
  return canvas.convertToBlob({ type, quality: 0.9 });
}
