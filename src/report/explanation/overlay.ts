/** @file A saliency map where it belongs: laid over the whole picture as it was given, also what the network did not see of it. */

import { checkForm } from "../../errors.ts";
import { type ColorMap, colorOf } from "../../image/color-map.ts";
import type { Box, Geometry } from "../../image/geometry.ts";
import { luma } from "../../image/luma.ts";
import { normalizeMap } from "../../image/normalize.ts";
import { type ImageTensor, isPicture, type Picture, tensorToPicture } from "../../image/picture.ts";
import { resizeBytes } from "../../image/resize.ts";
import { shownImage } from "../../image/shown-image.ts";
import type { LocalizedMap } from "../../localization/localize-map.ts";
import { boxColors } from "../style/box-colors.ts";
import { outline } from "./outline.ts";

export interface OverlayInput {
  /** The picture as it was given, turned upright. */
  readonly picture: Picture | ImageTensor;
  /** How it became the network's input. */
  readonly geometry: Geometry;
  /** Of the network's input. */
  readonly localized: LocalizedMap;
  /** In pixels of the picture. */
  readonly box?: Box;
  /** In pixels of the picture. */
  readonly groundTruth?: Box;
  /** Default "inferno". */
  readonly colorMap?: ColorMap;
}

/** The sides between which the longer side of an overlay lies, in pixels: large enough for boxes and eyes, small enough for a page. */
const longest = { least: 480, most: 1600 } as const;
/** How much of the picture the map covers at its maximum. */
const densest = 0.85;
/** How much of its brightness the picture keeps where the network does not see it. */
const unseen = 0.45;
const cropColor = [255, 255, 255] as const;

/**
 * The picture in three channels, with the map in false colors over what the network saw, the rest gray and dark, the crop outlined in white
 * (if anything was cut off), the found box and, dashed, the true one. The size is the picture's own; the longer side of larger ones
 * becomes 1600 pixels, that of smaller ones at least 480, by a whole factor where that keeps pixels sharp.
 *
 * The map's value at a pixel is interpolated linearly between the centers of the map's pixels, which {@link Geometry} puts into the picture.
 */
export function overlayOf(input: OverlayInput): Picture {
  checkForm("overlayOf: input", input, ["picture", "geometry", "localized"]);
  const { picture, geometry, localized, box, groundTruth, colorMap = "inferno" } = input;
  const whole = inColor(picture);
  const shown = atSize(whole);
  const { width, height } = shown;
  const data = shown.data.slice();
  const [perPixelX, perPixelY] = [width / whole.width, height / whole.height];
  const heat = normalizeMap(localized.smooth);
  const [mapHeight, mapWidth] = heat.shape;
  const { crop, resizedWidth, resizedHeight } = geometry;
  const along = (extent: number, resized: number, start: number, size: number): readonly Sample[] =>
    Array.from({ length: extent }, (_, i) => sampleAt(((i + 0.5) / extent) * resized - start, size));
  const columns = along(width, resizedWidth, crop.x, mapWidth);
  const rows = along(height, resizedHeight, crop.y, mapHeight);
  let at = 0;
  for (const row of rows) {
    const [upper, lower] = [row.low * mapWidth, row.high * mapWidth];
    for (const column of columns) {
      if (row.isInside && column.isInside) {
        const value = mixed(row, valueAt(column, heat.data, upper), valueAt(column, heat.data, lower));
        const opacity = densest * Math.sqrt(value);
        const color = colorOf(value, colorMap);
        for (let c = 0; c < 3; c++) data[at + c] = Math.round((1 - opacity) * data[at + c] + opacity * 255 * color[c]);
      } else {
        data.fill(Math.round(unseen * luma(data[at], data[at + 1], data[at + 2])), at, at + 3);
      }
      at += 3;
    }
  }
  const drawn: Picture = { width, height, channels: 3, data };
  const placed = ([x0, y0, x1, y1]: Box): Box => [x0 * perPixelX, y0 * perPixelY, x1 * perPixelX, y1 * perPixelY];
  const line = Math.max(3, Math.round(Math.max(width, height) / 160));
  const seen = placed(geometry.toPicture([0, 0, crop.width, crop.height]));
  const isCropped = seen[0] > 0.5 || seen[1] > 0.5 || seen[2] < width - 0.5 || seen[3] < height - 0.5;
  if (isCropped) outline(drawn, seen, { color: cropColor, width: Math.max(2, Math.round(line / 2)) });
  if (groundTruth !== undefined) {
    outline(drawn, placed(groundTruth), { color: boxColors.groundTruth, width: line, isDashed: true });
  }
  if (box !== undefined) outline(drawn, placed(box), { color: boxColors.found, width: line });
  return drawn;
}

/** Between which pixels of the map a place lies, and how far on the way from the first to the second. */
interface Sample {
  readonly isInside: boolean;
  readonly low: number;
  readonly high: number;
  readonly rest: number;
}

/** `place` counts from the left edge of the first pixel. */
function sampleAt(place: number, size: number): Sample {
  const clipped = Math.min(size - 1, Math.max(0, place - 0.5));
  const low = Math.floor(clipped);
  return { isInside: place >= 0 && place <= size, low, high: Math.min(size - 1, low + 1), rest: clipped - low };
}

/** The value of a map's row, which begins at `start`, at a place. */
function valueAt(place: Sample, map: Float32Array | Float64Array, start: number): number {
  return mixed(place, map[start + place.low], map[start + place.high]);
}

function mixed({ rest }: Sample, low: number, high: number): number {
  return low * (1 - rest) + high * rest;
}

function atSize(picture: Picture): Picture {
  const { width, height } = picture;
  const side = Math.max(width, height);
  if (side >= longest.least && side <= longest.most) return picture;
  const isEnlarged = side < longest.least;
  const factor = isEnlarged ? Math.ceil(longest.least / side) : longest.most / side;
  return resizeBytes(picture, {
    width: Math.max(1, Math.round(width * factor)),
    height: Math.max(1, Math.round(height * factor)),
    interpolation: isEnlarged && side < 128 ? "nearest" : "bicubic",
  });
}

/** Red, green and blue of a picture of any number of channels: gray thrice, the first three of more. */
function inColor(given: Picture | ImageTensor): Picture {
  const { width, height, channels, data } = isPicture(given) ? given : tensorToPicture(shownImage(given));
  if (channels === 3) return { width, height, channels, data };
  const color = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) color[3 * i + c] = data[i * channels + (channels < 3 ? 0 : c)];
  }
  return { width, height, channels: 3, data: color };
}
