/**
 * @file Grad-CAM++: Grad-CAM with weights that let each cell count that raises the class score, however many others do.
 *
 * Source: Chattopadhyay, Sarkar, Howlader and Balasubramanian, "Grad-CAM++: Generalized Gradient-based Visual Explanations for Deep
 * Convolutional Networks", WACV 2018, equations (7) and (19).
 */
import type { FeatureGrid } from "../../classifier/network/feature-grids.ts";
import { channelTotals, weightedCells } from "./channels.ts";
import type { LayerValues } from "./layer-cells.ts";
import { layerGradientMethod } from "./layer-gradient-method.ts";

/**
 * max(Σ_k w_k A_k, 0), enlarged to [H, W], with w_k = Σ_ij α_ij max(g_ij, 0) and α_ij = g² / (2 g² + g³ Σ_ab A_ab) for the channel's
 * values A and the gradient g = ∂s/∂A of the class score. The paper differentiates exp(s): its factor exp(s) is the same for all
 * channels and left out. Where g ≤ 0, α does not matter; where g > 0, it is 1 / (2 + g Σ A), which is in (0, ½].
 *
 * Deviations: the formula is made for layers behind a ReLU. Where the values of a channel add up to less than 0 it has poles; there the
 * sum counts as 0, and α is ½. pytorch-grad-cam adds 10⁻⁶ to the denominator 2 g² + …, which outweighs it for gradients
 * below 10⁻³, as they are behind large grids; here nothing is added, for nothing can vanish.
 */
export const gradCamPlusPlus = layerGradientMethod({
  name: "grad-cam-plus-plus",
  title: "Grad-CAM++",
  source: "Chattopadhyay et al., Grad-CAM++, WACV 2018",
  summary: "Where features of a late layer are present that raise the class score, in several places alike.",
  version: 1,
  box: { kind: "energy", alpha: 0.55 },
  cells: plusPlusSum,
});

function plusPlusSum(grid: FeatureGrid, { activations, cotangents }: LayerValues): Float32Array {
  const sums = channelTotals(grid, (place) => activations[place]).map((sum) => Math.max(sum, 0));
  const weights = channelTotals(grid, (place, k) => {
    const slope = cotangents[place];
    return slope > 0 ? slope / (2 + slope * sums[k]) : 0;
  });
  return weightedCells(grid, weights, activations);
}
