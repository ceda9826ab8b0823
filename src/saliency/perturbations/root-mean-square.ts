/** @file From a perturbation, one number per pixel and channel, to a map. */

import { checkForm } from "../../errors.ts";
import type { FloatTensor } from "../../tensor/tensor.ts";
import { readOut } from "../readout.ts";
import type { SaliencyMap } from "../saliency-map.ts";

/** The root of the mean over channels of the squares: [C, H, W] → [H, W], summed in float64. */
export function rootMeanSquare(perturbation: FloatTensor): SaliencyMap {
  checkForm("rootMeanSquare: perturbation", perturbation, ["dtype", "data", "shape"]);
  return readOut(perturbation, "rms");
}
