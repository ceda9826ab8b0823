/** @file The pictures in the cells of the localization benchmark's figures. */

import { blend, colorize } from "../../image/color-map.ts";
import { grayOf } from "../../image/luma.ts";
import { normalizeMap } from "../../image/normalize.ts";
import { type ImageTensor, type Picture, tensorToPicture } from "../../image/picture.ts";
import { largestComponent } from "../../localization/components.ts";
import { type Mask, type ThresholdRule, threshold } from "../../localization/threshold.ts";
import { type FloatTensor, floatTensor, type Tensor } from "../../tensor/tensor.ts";

/** How bright the picture below a map is. */
const groundBrightness = 0.55;

/** `map` [H, W] in false colors over the grayed `image` [C, H, W]; the square root makes weak regions visible, as in the threshold. */
export function heatTile(image: ImageTensor, map: FloatTensor): Picture {
  const heat = normalizeMap(map);
  const spread = { ...heat, data: heat.data.map(Math.sqrt) };
  const opacity = { ...spread, data: spread.data.map((value) => Math.min(1, 0.35 + 0.65 * value)) };
  const gray = grayOf(image);
  const ground = { ...gray, data: gray.data.map((value) => groundBrightness * value) };
  return tensorToPicture(blend(ground, colorize(spread), opacity));
}

/** `map` [H, W] in false colors alone. */
export function mapTile(map: FloatTensor): Picture {
  const heat = normalizeMap(map);
  return tensorToPicture(colorize({ ...heat, data: heat.data.map(Math.sqrt) }));
}

/** Of the perturbation's values so many are shown in full; the largest are cut off there, or they alone would be seen. */
const enhancedShare = 0.995;

/** A kept `perturbation` [C, H, W] (½ where nothing changes), enhanced: all by one factor, so that all but its largest values stay within the colors. */
export function perturbationTile(perturbation: FloatTensor): Picture {
  const magnitudes = perturbation.data.map((value) => Math.abs(value - 0.5)).sort();
  const large = magnitudes[Math.min(magnitudes.length - 1, Math.floor(enhancedShare * magnitudes.length))];
  const factor = large > 0 ? 0.5 / large : 1;
  const data = perturbation.data.map((value) => Math.min(1, Math.max(0, 0.5 + factor * (value - 0.5))));
  return tensorToPicture(floatTensor(data, perturbation.shape));
}

/** What `rule` and the connectivity keep of `map` [H, W]: the component that a box is drawn around; with "none" all of it. */
export function keptMask(map: FloatTensor, rule: ThresholdRule, connectivity: 8 | 4 | "none"): Mask {
  const mask = threshold(map, rule);
  return connectivity === "none" ? mask : largestComponent(mask, { connectivity });
}

/** The mask [H, W] as white on black. */
export function maskTile(mask: Mask): Picture {
  return tensorToPicture(floatTensor(Float32Array.from(mask.data), mask.shape));
}

/** The `image` inside the mask [H, W], black elsewhere. */
export function maskedTile(image: ImageTensor, mask: Mask): Picture {
  const data = image.data.map((value, i) => value * mask.data[i % mask.data.length]);
  return tensorToPicture(floatTensor(data, image.shape));
}

/** A kept array of whole numbers from 0 to the greatest of its type, as numbers in [0, 1]. */
export function fromLevels({ dtype, shape, data }: Tensor): FloatTensor {
  const greatest = dtype === "uint16" ? 65_535 : 255;
  const levels = data as Uint8Array | Uint16Array;
  const pixels = new Float32Array(levels.length);
  for (let i = 0; i < pixels.length; i++) pixels[i] = levels[i] / greatest;
  return floatTensor(pixels, shape);
}
