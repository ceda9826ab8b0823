/** @file How the page's sliders make a box of a map. */
import type { LocalizationRule } from "../../localization/localize-map.ts";

/** The rule of the sliders: blur `sigma` in pixels of the network's input, threshold `alpha` as a share of the map's range. */
export function sliderRule({ sigma, alpha }: { readonly sigma: number; readonly alpha: number }): LocalizationRule {
  return { sigmaPixels: sigma, threshold: { kind: "value", alpha }, connectivity: 8 };
}
