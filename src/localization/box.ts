/** @file Boxes around what a saliency map points at, and how well two boxes agree. */
import { checkForm, checkKeys, kindOf, MisuseError, numberIn } from "../errors.ts";
import type { Box } from "../image/geometry.ts";
import { type ComponentOptions, largestComponent } from "./components.ts";
import { checkMask, type Mask } from "./threshold.ts";

export type { Box } from "../image/geometry.ts";

/** The smallest box [x0, y0, x1, y1) that holds all pixels of `mask` [H, W], in pixels; undefined if there are none. */
export function boundingBox(mask: Mask): Box | undefined {
  checkMask("boundingBox: mask", mask);
  const [height, width] = mask.shape;
  let [x0, y0, x1, y1] = [width, height, 0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (mask.data[y * width + x] === 0) continue;
      x0 = Math.min(x0, x);
      y0 = Math.min(y0, y);
      x1 = Math.max(x1, x + 1);
      y1 = y + 1;
    }
  }
  return x0 < x1 ? [x0, y0, x1, y1] : undefined;
}

/**
 * The box around the largest connected component of `mask` (section 4 of the paper): largest by its number of pixels, not by
 * its box; undefined if the mask is empty. {@link wholeBox} is Fong and Vedaldi's answer where nothing survives.
 */
export function largestBox(mask: Mask, options: ComponentOptions = {}): Box | undefined {
  checkKeys("largestBox", options, ["connectivity"]);
  checkMask("largestBox", mask);
  return boundingBox(largestComponent(mask, options));
}

/** The area of `box` in square pixels; 0 if it is empty or turned inside out. */
export function areaOf(box: Box): number {
  checkForm("areaOf: box", box, "list");
  const [x0, y0, x1, y1] = box;
  return Math.max(0, x1 - x0) * Math.max(0, y1 - y0);
}

/** The area that lies in both boxes. */
export function sharedArea(a: Box, b: Box): number {
  return areaOf([Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.min(a[2], b[2]), Math.min(a[3], b[3])]);
}

/**
 * Intersection over union of two boxes, from 0 to 1. Boxes are half-open, so no 1 is added to widths (as Fong and Vedaldi's
 * inclusive coordinates need); 0 if either is empty.
 */
export function iou(a: Box, b: Box): number {
  for (const box of [a, b]) {
    if (Array.isArray(box) && box.length === 4 && box.every((side) => Number.isFinite(side))) continue;
    throw new MisuseError({ where: "iou", what: "not a box", expected: "[x0, y0, x1, y1)", got: gotOf(box) });
  }
  const intersection = sharedArea(a, b);
  return intersection === 0 ? 0 : intersection / (areaOf(a) + areaOf(b) - intersection);
}

function gotOf(box: unknown): string {
  return Array.isArray(box) && box.length === 4 ? `[${box.map(kindOf).join(", ")}]` : kindOf(box);
}

/** The box of a whole image of `width` × `height` pixels: a baseline for localization that looks at nothing. */
export function wholeBox(width: number, height: number): Box {
  return [0, 0, width, height];
}

/**
 * The box in the middle of an image of `width` × `height` pixels with the same aspect and `areaFraction` of the area
 * (default ½), not rounded: the other baseline that looks at nothing. Throws a MisuseError unless the fraction is in (0, 1].
 */
export function centeredBox(width: number, height: number, areaFraction = 0.5): Box {
  numberIn("centeredBox: areaFraction", areaFraction, { min: Number.MIN_VALUE, max: 1 });
  const margin = (1 - Math.sqrt(areaFraction)) / 2;
  return [width * margin, height * margin, width * (1 - margin), height * (1 - margin)];
}

/** The smallest box with whole-numbered corners that holds `box`. */
export function roundedOutward(box: Box): Box {
  checkForm("roundedOutward: box", box, "list");
  const [x0, y0, x1, y1] = box;
  return [Math.floor(x0), Math.floor(y0), Math.ceil(x1), Math.ceil(y1)];
}
