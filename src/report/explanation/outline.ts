/** @file Boxes drawn into pictures. */
import type { Box } from "../../image/geometry.ts";
import type { Picture } from "../../image/picture.ts";
import type { Color } from "../style/box-colors.ts";

export interface OutlineOptions {
  readonly color: Color;
  /** Pixels of color; half as many of black, at least one, lie on either side, so that it shows on any ground. Default 3. */
  readonly width?: number;
  /** Leaves out every other piece of the line. Default false. */
  readonly isDashed?: boolean;
}

/**
 * Draws the outline of `box`, in pixels of `picture`, into its bytes (three channels). The edges are rounded to whole pixels and the color
 * lies inside them; what is beyond the picture is left out.
 */
export function outline(picture: Picture, box: Box, { color, width = 3, isDashed = false }: OutlineOptions): void {
  const [x0, x1] = [Math.round(box[0]), Math.round(box[2]) - 1];
  const [y0, y1] = [Math.round(box[1]), Math.round(box[3]) - 1];
  const dash = 5 * width;
  const paint = (x: number, y: number, along: number, [red, green, blue]: Color): void => {
    if (x < 0 || y < 0 || x >= picture.width || y >= picture.height) return;
    if (isDashed && Math.floor(along / dash) % 2 === 1) return;
    picture.data.set([red, green, blue], (y * picture.width + x) * 3);
  };
  const ring = (inset: number, ink: Color): void => {
    for (let x = x0 + inset; x <= x1 - inset; x++) {
      paint(x, y0 + inset, x - x0, ink);
      paint(x, y1 - inset, x - x0, ink);
    }
    for (let y = y0 + inset; y <= y1 - inset; y++) {
      paint(x0 + inset, y, y - y0, ink);
      paint(x1 - inset, y, y - y0, ink);
    }
  };
  const edge = Math.max(1, Math.floor(width / 3));
  for (let k = 1; k <= edge; k++) {
    ring(-k, [0, 0, 0]);
    ring(width - 1 + k, [0, 0, 0]);
  }
  for (let inset = 0; inset < width; inset++) ring(inset, color);
}
