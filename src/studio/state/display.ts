/** @file From a map and the sliders to what is drawn. */
import { colorAt } from "../../image/color-map.ts";
import { blur } from "../../image/gaussian-blur.ts";
import { type LocalizedMap, localizeMap } from "../../localization/localize-map.ts";
import type { ThresholdRule } from "../../localization/threshold.ts";
import { type FloatTensor, floatTensor } from "../../tensor/tensor.ts";
import { rangeOf } from "../../tensor/vector.ts";
import type { PixelsView } from "../protocol.ts";
import { sliderRule } from "../slider-rule.ts";

/** 256 colors, as bytes. */
const inferno = Uint8Array.from(
  { length: 256 * 3 },
  (_, i) => 255 * colorAt(Math.floor(i / 3) / 255, "inferno")[i % 3],
);

/** Sliders move often, maps seldom, and of a grid of maps all are drawn again: the last blurs are kept, the newest at the end. */
const blurred = new Map<Float32Array, { readonly sigma: number; readonly smooth: FloatTensor }>();
const mostBlurred = 64;

/** `map` ([height, width]) smoothed by a Gaussian of `sigma` pixels. */
export function smoothed(map: Float32Array, width: number, height: number, sigma: number): FloatTensor {
  const kept = blurred.get(map);
  blurred.delete(map);
  const whole = floatTensor(map, [height, width]);
  const smooth = kept?.sigma === sigma ? kept.smooth : sigma > 0 ? blur(whole, { sigmaPixels: sigma }) : whole;
  blurred.set(map, { sigma, smooth });
  const [oldest] = blurred.keys();
  if (blurred.size > mostBlurred && oldest !== undefined) blurred.delete(oldest);
  return smooth;
}

/** What `map` points at; as `localizeMap` says, but that a map which was blurred lately is not blurred again. */
export function localized(
  map: Float32Array,
  width: number,
  height: number,
  sigma: number,
  rule: ThresholdRule,
): LocalizedMap {
  const smooth = smoothed(map, width, height, sigma);
  const found = localizeMap(smooth, sliderRule({ sigma: 0 }, rule));
  return { ...found, smooth };
}

/** The map in colors. */
export function heatOf({ shape: [height, width], data }: FloatTensor): PixelsView {
  const pixels = new Uint8ClampedArray(4 * data.length);
  const [low, high] = rangeOf(data);
  const range = high - low;
  for (const [i, value] of data.entries()) {
    const level = range > 0 ? Math.round((255 * (value - low)) / range) : 0;
    pixels.set(inferno.subarray(3 * level, 3 * level + 3), 4 * i);
    pixels[4 * i + 3] = 255;
  }
  return { width, height, data: pixels };
}

/** The map over the picture: the more, the denser. */
export function overlayOf(picture: PixelsView, { data }: FloatTensor, opacity: number): PixelsView {
  const [low, high] = rangeOf(data);
  const range = high - low;
  const pixels = new Uint8ClampedArray(picture.data.length);
  for (const [i, value] of data.entries()) {
    const share = range > 0 ? (value - low) / range : 0;
    const level = Math.round(255 * share);
    const density = opacity * Math.sqrt(share);
    for (let c = 0; c < 3; c++) {
      pixels[4 * i + c] = (1 - density) * picture.data[4 * i + c] + density * inferno[3 * level + c];
    }
    pixels[4 * i + 3] = 255;
  }
  return { ...picture, data: pixels };
}

/** The picture inside of the component; gray and dark around it. */
export function spotlightOf(picture: PixelsView, component: ArrayLike<number>): PixelsView {
  const pixels = picture.data.slice();
  for (let i = 0; i < component.length; i++) {
    if (component[i] === 1) continue;
    const gray = 0.2126 * pixels[4 * i] + 0.7152 * pixels[4 * i + 1] + 0.0722 * pixels[4 * i + 2];
    pixels.fill(10 + 0.28 * gray, 4 * i, 4 * i + 3);
  }
  return { ...picture, data: pixels };
}

/** The change of the pixels, times `factor`, around gray. */
export function differenceOf(before: PixelsView, after: PixelsView, factor: number): PixelsView {
  const pixels = new Uint8ClampedArray(before.data.length);
  for (let i = 0; i < pixels.length; i++) {
    pixels[i] = i % 4 === 3 ? 255 : 128 + factor * (after.data[i] - before.data[i]);
  }
  return { ...before, data: pixels };
}
