/** @file What the colors of maps mean: a bar from the least value to the largest. */
import { type ColorMap, colorAt } from "../../image/color-map.ts";

const steps = 16;

/** The colors of the map at equal distances from 0 to 1, as CSS colors. */
export function colorStops(colorMap: ColorMap): string[] {
  return Array.from({ length: steps + 1 }, (_, i) => {
    const [red, green, blue] = colorAt(i / steps, colorMap).map((share) => Math.round(255 * share));
    return `rgb(${red},${green},${blue})`;
  });
}

/** The bar's background as CSS. */
export function colorBarGradient(colorMap: ColorMap): string {
  return `linear-gradient(90deg,${colorStops(colorMap).join(",")})`;
}
