/** @file From a saliency map to what it points at: blur, threshold, dominant component, box. */
import { checkKeys } from "../errors.ts";
import { blur } from "../image/gaussian-blur.ts";
import type { Box } from "../image/geometry.ts";
import { checkTensor, type FloatTensor } from "../tensor/tensor.ts";
import { boundingBox } from "./box.ts";
import { largestComponent } from "./components.ts";
import { type Mask, type ThresholdRule, threshold } from "./threshold.ts";

/** How a box is made of a saliency map. */
export interface LocalizationRule {
  /** Standard deviation of the Gaussian that smooths the map, in pixels of the network's input. */
  readonly sigmaPixels: number;
  readonly threshold: ThresholdRule;
  readonly connectivity: 4 | 8;
}

/** The threshold of maps of which nothing is known: half of the map's sum, which is near the best of most methods. */
export const usualBox: ThresholdRule = { kind: "energy", alpha: 0.5 };

/** The released code's blur, and {@link usualBox}. A method's own threshold (`SaliencyMethod.box`) is the better one for its maps. */
export const defaultLocalizationRule: LocalizationRule = { sigmaPixels: 2, threshold: usualBox, connectivity: 8 };

/** A saliency map with what it points at. */
export interface LocalizedMap {
  /** The blurred map, [H, W], in the map's units. */
  readonly smooth: FloatTensor;
  /** The largest connected component of what passes the threshold, [H, W]; empty where the map is zero everywhere. */
  readonly component: Mask;
  /** Around the component, in pixels of the network's input. */
  readonly box: Box | undefined;
}

/** What the saliency map `map` ([H, W], not negative) points at. A map that is zero everywhere points at nothing. */
export function localizeMap(map: FloatTensor, rule: LocalizationRule): LocalizedMap {
  checkTensor("localizeMap", map, "a map [H, W]");
  checkKeys("localizeMap", rule ?? null, ["sigmaPixels", "threshold", "connectivity"]);
  const smooth = blur(map, { sigmaPixels: rule.sigmaPixels });
  const isBlank = smooth.data.every((value) => value === 0);
  // A constant map passes every "value" threshold as a whole, which would be a box around a picture that nobody changed.
  const kept: Mask = isBlank
    ? { dtype: "bool", shape: smooth.shape, data: new Uint8Array(smooth.data.length) }
    : threshold(smooth, rule.threshold);
  const component = largestComponent(kept, { connectivity: rule.connectivity });
  return { smooth, component, box: boundingBox(component) };
}
