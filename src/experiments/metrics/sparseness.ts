/**
 * @file Sparseness: how unevenly a map is spread, as its Gini index.
 *
 * Source: Chalasani, Chen, Chowdhury, Jha and Wu, "Concise Explanations of Neural Networks using Adversarial Training", ICML 2020, section 5, in the
 * form of Quantus 0.6.
 */

import { checkForm } from "../../errors.ts";
import type { SaliencyMap } from "../../saliency/saliency-map.ts";
import { largestMagnitude } from "../../tensor/vector.ts";

/** Added to every share, so that a map of zeros has an index. */
const floor = 1e-7;

/**
 * Σ_i (2 i − n − 1) v_i / (n Σ v) for the n values of the map [H, W] in rising order, each by its magnitude as a share of the largest: 0 for a map that is the
 * same everywhere, nearly 1 for one with a single pixel. The unit of the map does not matter.
 */
export function sparseness(map: SaliencyMap): number {
  checkForm("sparseness: map", map, ["dtype", "data", "shape"]);
  const { data } = map;
  const largest = largestMagnitude(data);
  const shares = Float64Array.from(data, (value) => (largest > 0 ? Math.abs(value) / largest : 0) + floor).sort();
  const n = shares.length;
  const total = shares.reduce((sum, share) => sum + share, 0);
  return shares.reduce((sum, share, i) => sum + (2 * (i + 1) - n - 1) * share, 0) / (n * total);
}
