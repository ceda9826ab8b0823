/**
 * @file HiResCAM: what each cell of a layer contributes to the class score, if what comes behind is taken to be linear.
 *
 * Source: Draelos and Carin, "Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural networks", 2020,
 * arXiv 2011.08891.
 */
import type { FeatureGrid } from "../../classifier/network/feature-grids.ts";
import { cellTotals } from "./channels.ts";
import type { LayerValues } from "./layer-cells.ts";
import { layerGradientMethod } from "./layer-gradient-method.ts";

/**
 * max(Σ_k g_k A_k, 0), enlarged to [H, W], with g = ∂s/∂A cell by cell where Grad-CAM takes its mean over the grid. Where the gradient is
 * the same at all cells, as before a global average pool, the two are the same. Behind the layer a network of ReLUs without biases is
 * linear around each image, so that the sums before max(·, 0) add up to the class score.
 *
 * The paper's map keeps its sign; here, as in pytorch-grad-cam and for display in the paper, what speaks against the class is cut off.
 */
export const hiResCam = layerGradientMethod({
  name: "hires-cam",
  title: "HiResCAM",
  source: "Draelos and Carin, Use HiResCAM instead of Grad-CAM, 2020",
  summary: "What each place of a late layer contributes to the class score.",
  version: 1,
  box: { kind: "energy", alpha: 0.65 },
  cells: contributions,
});

function contributions(grid: FeatureGrid, { activations, cotangents }: LayerValues): Float32Array {
  return cellTotals(grid, (place) => cotangents[place] * activations[place]);
}
