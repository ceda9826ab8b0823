/**
 * @file LayerCAM: the feature maps of any layer, weighted cell by cell by the gradients that raise the class score.
 *
 * Source: Jiang, Zhang, Hou, Cheng and Wei, "LayerCAM: Exploring Hierarchical Class Activation Maps for Localization", IEEE Transactions
 * on Image Processing 30, 2021.
 */
import type { FeatureGrid } from "../../classifier/network/feature-grids.ts";
import { cellTotals } from "./channels.ts";
import type { LayerValues } from "./layer-cells.ts";
import { layerGradientMethod } from "./layer-gradient-method.ts";

/**
 * max(Σ_k max(g_k, 0) A_k, 0), enlarged to [H, W], with the gradient g = ∂s/∂A cell by cell. Of a layer behind a ReLU nothing is negative before the outer
 * maximum. Since weights are taken cell by cell, early layers give maps too: choose one with `layer`. The paper adds up maps of several layers, those
 * of early ones scaled by tanh; here a map is that of one layer.
 */
export const layerCam = layerGradientMethod({
  name: "layer-cam",
  title: "LayerCAM",
  source: "Jiang et al., LayerCAM, IEEE Transactions on Image Processing, 2021",
  summary: "Where the features of a layer are present, each where it raises the class score.",
  version: 1,
  box: { kind: "energy", alpha: 0.55 },
  cells: risingSums,
});

function risingSums(grid: FeatureGrid, { activations, cotangents }: LayerValues): Float32Array {
  return cellTotals(grid, (place) => Math.max(cotangents[place], 0) * activations[place]);
}
