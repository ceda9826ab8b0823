/** @file What Grad-CAM and the methods like it are made of: one run back to a layer, and one value for each of its cells. */
import type { FeatureGrid } from "../../classifier/network/feature-grids.ts";
import type { ThresholdRule } from "../../localization/threshold.ts";
import { outputOption } from "../backward-run.ts";
import { defineMethod } from "../define-method.ts";
import type { MethodDescription } from "../method.ts";
import { gradCamGrid, gradCamLayer } from "./feature-grid.ts";
import { cellMap, type LayerValues, layerCells, layerSettings, ofLayer } from "./layer-cells.ts";

interface LayerGradientRecipe<N extends string> extends MethodDescription<N> {
  readonly box: ThresholdRule;
  /** The value of each cell, [h · w], of the layer's values and of the gradient of the class score with respect to them. */
  readonly cells: (grid: FeatureGrid, values: LayerValues) => Float32Array;
}

/**
 * A method whose map is what is positive of `cells` on the grid of a layer, enlarged to [H, W]. The layer is by default that of
 * {@link gradCamGrid}. One run of the network, back to the layer only.
 */
export function layerGradientMethod<const N extends string>({ cells, ...description }: LayerGradientRecipe<N>) {
  return defineMethod({
    ...description,
    settings: { ...layerSettings(gradCamLayer), of: outputOption },
    complete: (settings, classifier) => ({
      ...settings,
      grid: gradCamGrid(description.name, classifier, settings.layer),
    }),
    cost: () => ({ forward: 0, gradient: 1 }),
    async explainTogether(tasks) {
      const [{ settings }] = tasks;
      const { grid, of } = settings;
      const found = await layerCells(tasks, grid, { of }, cells);
      return found.map((values, n) => ({
        map: cellMap(tasks[n], grid, values),
        evaluations: { forward: 0, gradient: 1 },
        ...ofLayer(settings),
      }));
    },
  });
}
