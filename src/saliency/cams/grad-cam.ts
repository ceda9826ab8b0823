/**
 * @file Grad-CAM: the feature maps of a late layer, weighted by how much the class score rises with each.
 *
 * Source: Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", 2017, equations (1) and (2).
 */
import type { FeatureGrid } from "../../classifier/network/feature-grids.ts";
import type { NetworkOutput } from "../../classifier/passes/network-graphs.ts";
import type { BackwardTask } from "../backward-run.ts";
import { channelTotals, weightedCells } from "./channels.ts";
import { type LayerValues, layerCells } from "./layer-cells.ts";
import { layerGradientMethod } from "./layer-gradient-method.ts";

/**
 * max(Σ_k α_k A_k, 0) on the grid of the layer, enlarged to [H, W]; A_k are the layer's channels and α_k the means of ∂s/∂A_k over the grid, for
 * the class score s. The layer is by default the last spatial one, see `gradCamGrid`. Where the last layers give one map per
 * class and average it, the result is the class's own map, as in CAM.
 */
export const gradCam = layerGradientMethod({
  name: "grad-cam",
  title: "Grad-CAM",
  source: "Selvaraju et al., Grad-CAM, 2017",
  summary: "Where the features of a late layer are present that raise the class score.",
  version: 1,
  box: { kind: "energy", alpha: 0.65 },
  cells: weightedSum,
});

/** Σ_k α_k A_k for each cell of the grid and each task: class evidence before the ReLU. One run of the network, back to the layer only. */
export function weightedSums(
  tasks: readonly BackwardTask[],
  grid: FeatureGrid,
  of: NetworkOutput,
): Promise<Float32Array[]> {
  return layerCells(tasks, grid, { of }, weightedSum);
}

function weightedSum(grid: FeatureGrid, { activations, cotangents }: LayerValues): Float32Array {
  const cells = grid.height * grid.width;
  const weights = channelTotals(grid, (place) => cotangents[place]).map((sum) => sum / cells);
  return weightedCells(grid, weights, activations);
}
