/**
 * @file Grad-CAM: the feature maps of a late layer, weighted by how much the class score rises with each.
 *
 * Source: Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", 2017, equations (1) and (2).
 */
import type { FeatureGrid } from "../../classifier/network/feature-grids.ts";
import type { NetworkOutput } from "../../classifier/passes/network-graphs.ts";
import { type BackwardTask, outputOption } from "../backward-run.ts";
import { defineMethod } from "../define-method.ts";
import { gradCamGrid, gradCamLayer, overGrid } from "./feature-grid.ts";
import { cellMap, type LayerValues, layerCells, layerSettings, ofLayer } from "./layer-cells.ts";

/**
 * max(Σ_k α_k A_k, 0) on the grid of the layer, enlarged to [H, W]; A_k are the layer's channels and α_k the means of ∂s/∂A_k over the grid, for
 * the class score s. The layer is by default the last spatial one, see {@link gradCamGrid}. Where the last layers give one map per
 * class and average it, the result is the class's own map, as in CAM.
 */
export const gradCam = defineMethod({
  name: "grad-cam",
  title: "Grad-CAM",
  source: "Selvaraju et al., Grad-CAM, 2017",
  summary: "Where the features of a late layer are present that raise the class score.",
  version: 1,
  box: { kind: "energy", alpha: 0.65 },
  settings: { ...layerSettings(gradCamLayer), of: outputOption },
  complete: (settings, classifier) => ({ ...settings, grid: gradCamGrid("grad-cam", classifier, settings.layer) }),
  cost: () => ({ forward: 0, gradient: 1 }),
  async explainTogether(tasks) {
    const [{ settings }] = tasks;
    const { grid, of } = settings;
    const sums = await weightedSums(tasks, grid, of);
    return sums.map((cells, n) => ({
      map: cellMap(tasks[n], grid, cells),
      evaluations: { forward: 0, gradient: 1 },
      ...ofLayer(settings),
    }));
  },
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
  const { channels, offset, channelStride, cellStride } = grid;
  const cells = grid.height * grid.width;
  const weights = Float64Array.from({ length: channels }, (_, k) => {
    let sum = 0;
    for (let i = 0; i < cells; i++) sum += cotangents[offset + k * channelStride + i * cellStride];
    return sum / cells;
  });
  return overGrid(grid, (i) => {
    let sum = 0;
    for (let k = 0; k < channels; k++) sum += weights[k] * activations[offset + k * channelStride + i * cellStride];
    return sum;
  });
}
