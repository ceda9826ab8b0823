/**
 * @file Figure 1's row of the paper as one picture: original, perturbed, saliency map, dominant component with its box. Methods that
 * change nothing show their map over the picture instead.
 *
 * Without any text: that is drawn by `caption.ts`, where there are fonts.
 */

import { checkForm } from "../../errors.ts";
import { blend, type ColorMap, colorize } from "../../image/color-map.ts";
import type { Box } from "../../image/geometry.ts";
import { luma } from "../../image/luma.ts";
import { normalizeMap } from "../../image/normalize.ts";
import { type ImageTensor, type Picture, tensorToPicture } from "../../image/picture.ts";
import { resizeBytes } from "../../image/resize.ts";
import { shownImage } from "../../image/shown-image.ts";
import type { LocalizedMap } from "../../localization/localize-map.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import type { Color } from "../style/box-colors.ts";
import { outline } from "./outline.ts";

/** The four pictures of the row, each three channels at the size of the network's input. */
export interface Tiles {
  readonly original: Picture;
  /** Of a method that changes the picture. */
  readonly perturbed?: Picture;
  /** Of a method that does not: the map laid over the picture. */
  readonly overlay?: Picture;
  readonly map: Picture;
  readonly component: Picture;
}

export interface TilesInput {
  /** Pixels [C, H, W] in [0, 1]; of channels beyond color the tiles show what `shownImage` does. */
  readonly image: ImageTensor;
  /** As `image`; values outside of [0, 1] are clipped. Left out, the second tile is the map over the picture. */
  readonly perturbed?: ImageTensor;
  readonly localized: LocalizedMap;
  /** Default "inferno". */
  readonly colorMap?: ColorMap;
}

/** How much of its brightness the picture keeps outside of the dominant component. */
const dimmed = 0.28;
/** How much of the picture the map covers at its maximum. */
const densest = 0.85;

/** The tiles of the row. The component's tile keeps the color inside the component and dims the gray rest. */
export function tilesOf(input: TilesInput): Tiles {
  checkForm("tilesOf: input", input, ["image", "localized"]);
  const { image, perturbed, localized, colorMap = "inferno" } = input;
  const color = inColor(image);
  const [, height, width] = color.shape;
  const plane = height * width;
  const spotlight = new Float32Array(color.data.length);
  for (let i = 0; i < plane; i++) {
    const [red, green, blue] = [color.data[i], color.data[plane + i], color.data[2 * plane + i]];
    const gray = dimmed * luma(red, green, blue) + 0.04;
    const isInside = localized.component.data[i] === 1;
    for (let c = 0; c < 3; c++) spotlight[c * plane + i] = isInside ? color.data[c * plane + i] : gray;
  }
  const heat = normalizeMap(localized.smooth);
  const colors = colorize(heat, { colorMap });
  const opacity = floatTensor(
    heat.data.map((value) => densest * Math.sqrt(value)),
    heat.shape,
  );
  return {
    original: tensorToPicture(color),
    ...(perturbed === undefined
      ? { overlay: tensorToPicture(blend(color, colors, opacity)) }
      : { perturbed: tensorToPicture(inColor(perturbed)) }),
    map: tensorToPicture(colors),
    component: tensorToPicture(floatTensor(spotlight, color.shape)),
  };
}

function inColor(given: ImageTensor): ImageTensor {
  const image = shownImage(given);
  const [channels, height, width] = image.shape;
  if (channels === 3) return image;
  const plane = height * width;
  const data = new Float32Array(3 * plane);
  for (let c = 0; c < 3; c++) data.set(image.data, c * plane);
  return floatTensor(data, [3, height, width]);
}

export interface OutlinedBox {
  /** In pixels of the network's input. */
  readonly box: Box;
  readonly color: Color;
  /** Default false. */
  readonly isDashed?: boolean;
}

/** About how many pixels the longer side of a tile has in the panel. */
const tileSize = 448;
/** White pixels around and between the tiles of a panel. */
export const panelGap = 12;
const gap = panelGap;

/** Whether pictures of this size are shown pixel by pixel rather than smoothly enlarged. */
export function showsPixels(width: number, height: number): boolean {
  return Math.max(width, height) < 128;
}

/** The row as one picture on white, with the boxes drawn on the last tile. Small inputs are enlarged. */
export function panelOf(tiles: Tiles, boxes: readonly OutlinedBox[]): Picture {
  checkForm("panelOf: tiles", tiles, ["original", "map", "component"]);
  checkForm("panelOf: boxes", boxes, "list");
  const second = tiles.perturbed ?? tiles.overlay ?? tiles.original;
  const enlarged = [tiles.original, second, tiles.map, tiles.component].map(enlarge);
  const [{ width, height }] = enlarged;
  const [scaleX, scaleY] = [width / tiles.original.width, height / tiles.original.height];
  for (const {
    box: [x0, y0, x1, y1],
    color,
    isDashed,
  } of boxes) {
    outline(enlarged[3], [x0 * scaleX, y0 * scaleY, x1 * scaleX, y1 * scaleY], { color, isDashed });
  }
  const total = { width: 4 * width + 5 * gap, height: height + 2 * gap };
  const data = new Uint8Array(total.width * total.height * 3).fill(255);
  enlarged.forEach((tile, t) => {
    const left = gap + t * (width + gap);
    for (let y = 0; y < height; y++) {
      const row = tile.data.subarray(y * width * 3, (y + 1) * width * 3);
      data.set(row, ((y + gap) * total.width + left) * 3);
    }
  });
  return { ...total, channels: 3, data };
}

/** Panels of one width below each other: a row for each method. */
export function stackPanels(panels: readonly Picture[]): Picture {
  checkForm("stackPanels: panels", panels, "list");
  const [{ width, channels }] = panels;
  // Each brings a margin all around; two that meet share one.
  const height = panels.reduce((sum, panel) => sum + panel.height, 0) - gap * (panels.length - 1);
  const data = new Uint8Array(width * height * channels).fill(255);
  let top = 0;
  for (const panel of panels) {
    data.set(panel.data, top * width * channels);
    top += panel.height - gap;
  }
  return { width, height, channels, data };
}

function enlarge(picture: Picture): Picture {
  const { width, height } = picture;
  const largest = Math.max(width, height);
  const factor = showsPixels(width, height) ? Math.max(1, Math.floor(tileSize / largest)) : tileSize / largest;
  if (factor <= 1) return { ...picture, data: picture.data.slice() };
  return resizeBytes(picture, {
    width: Math.round(width * factor),
    height: Math.round(height * factor),
    interpolation: showsPixels(width, height) ? "nearest" : "bicubic",
  });
}
