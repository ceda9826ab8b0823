/**
 * @file XGrad-CAM: Grad-CAM with the weights that come nearest to two axioms.
 *
 * Source: Fu, Hu, Dong, Guo, Gao and Li, "Axiom-based Grad-CAM: Towards Accurate Visualization and Explanation of CNNs", BMVC 2020, section 3.
 */
import type { FeatureGrid } from "../../classifier/network/feature-grids.ts";
import { channelTotals, weightedCells } from "./channels.ts";
import type { LayerValues } from "./layer-cells.ts";
import { layerGradientMethod } from "./layer-gradient-method.ts";

/** A sum of float32 numbers that is so small a share of the sum of their magnitudes is 0 but for rounding. */
const rounding = 1e-6;

/**
 * max(Σ_k w_k A_k, 0), enlarged to [H, W], with w_k = Σ_ij g_ij A_ij / Σ_ij A_ij for the channel's values A and the gradient
 * g = ∂s/∂A: the mean of the gradient, weighted by the values. The sum over cells of Σ_k w_k A_k is thus Σ g A, which is the class score if a
 * network of ReLUs without biases comes behind the layer (conservation; biases are what the paper calls ε), and as nearly as one weight for each channel allows,
 * each channel's part is what the score loses without it (sensitivity).
 *
 * A channel without values weighs 0. The formula is made for layers behind a ReLU: elsewhere a channel whose values nearly cancel outweighs
 * the others, as in pytorch-grad-cam, which adds 10⁻⁷ to the sum; here a channel whose values cancel up to rounding weighs 0.
 */
export const xGradCam = layerGradientMethod({
  name: "xgrad-cam",
  title: "XGrad-CAM",
  source: "Fu et al., Axiom-based Grad-CAM, BMVC 2020",
  summary: "Where features of a late layer are present, weighted by what they contribute to the class score.",
  version: 1,
  box: { kind: "energy", alpha: 0.65 },
  cells: axiomaticSum,
});

function axiomaticSum(grid: FeatureGrid, values: LayerValues): Float32Array {
  return weightedCells(grid, axiomaticWeights(grid, values), values.activations);
}

/** The weights w_k of XGrad-CAM, [C]. */
export function axiomaticWeights(grid: FeatureGrid, { activations, cotangents }: LayerValues): Float64Array {
  const sums = channelTotals(grid, (place) => activations[place]);
  const magnitudes = channelTotals(grid, (place) => Math.abs(activations[place]));
  const contributions = channelTotals(grid, (place) => cotangents[place] * activations[place]);
  return contributions.map((contribution, k) =>
    Math.abs(sums[k]) > rounding * magnitudes[k] ? contribution / sums[k] : 0,
  );
}
