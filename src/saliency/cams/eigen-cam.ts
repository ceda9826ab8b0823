/**
 * @file Eigen-CAM: the first principal component of a layer's values, whatever the class.
 *
 * Source: Muhammad and Yeasin, "Eigen-CAM: Class Activation Map using Principal Components", IJCNN 2020, arXiv 2008.00299.
 */
import type { FeatureGrid } from "../../classifier/network/feature-grids.ts";
import { MisuseError } from "../../errors.ts";
import { flagOption } from "../../options/option.ts";
import { batchOf } from "../backward-run.ts";
import { defineMethod } from "../define-method.ts";
import { gradCamGrid, gradCamLayer, overGrid } from "./feature-grid.ts";
import { cellMap, layerSettings, ofLayer } from "./layer-cells.ts";
import { principalProjection } from "./principal-projection.ts";

/** A v₁ for the matrix A of a layer's values, a row for each cell and a column for each channel. */
function projection(grid: FeatureGrid, activations: Float32Array, isCentered: boolean): Float32Array {
  const { channels, offset, channelStride, cellStride } = grid;
  const rows = grid.height * grid.width;
  const data = new Float64Array(rows * channels);
  for (let k = 0; k < channels; k++) {
    let sum = 0;
    for (let i = 0; i < rows; i++)
      sum += data[i * channels + k] = activations[offset + k * channelStride + i * cellStride];
    if (isCentered) for (let i = 0; i < rows; i++) data[i * channels + k] -= sum / rows;
  }
  const values = principalProjection({ data, rows, columns: channels });
  return overGrid(grid, (i) => values[i]);
}

/**
 * max(A v₁, 0), enlarged to [H, W], for the matrix A of the layer's values (a row for each cell, a column for each channel) and its first right
 * singular vector v₁. The map does not depend on the class, and there is no answer to "why not that": a target is refused. One run
 * forward.
 *
 * A singular vector has no sign. Of values that are not negative, as behind a ReLU, A v₁ has one sign everywhere (Perron and Frobenius), and here it is
 * positive; otherwise that sign is taken with which the value of largest magnitude is positive, as in Seg-Eigen-CAM (Chung and Ying, 2025,
 * equation 13). The paper does not subtract anything from A. pytorch-grad-cam subtracts the mean of each channel first, so that the map shows what stands out
 * from the mean of the picture: `centered` does that; there the sign is whatever the library of linear algebra gives.
 */
export const eigenCam = defineMethod({
  name: "eigen-cam",
  title: "Eigen-CAM",
  source: "Muhammad and Yeasin, Eigen-CAM, IJCNN 2020",
  summary: "The strongest pattern of a late layer's features, whatever the class.",
  version: 1,
  box: { kind: "energy", alpha: 0.55 },
  settings: {
    ...layerSettings(gradCamLayer),
    centered: flagOption("Whether the mean of each channel is subtracted first, as pytorch-grad-cam does.", {
      fallback: false,
    }),
  },
  complete: (settings, classifier) => ({ ...settings, grid: gradCamGrid("eigen-cam", classifier, settings.layer) }),
  check(_, classifier, { target }) {
    if (target === undefined) return;
    throw new MisuseError({
      where: "eigen-cam",
      what: "a target was given, but the map does not depend on the class",
      expected: "no target",
      got: classifier.labelName(target),
      advice: "grad-cam and score-cam take a target.",
    });
  },
  cost: () => ({ forward: 1, gradient: 0 }),
  async explainTogether(tasks) {
    const [{ classifier, settings, signal }] = tasks;
    const { grid, centered } = settings;
    const pass = await classifier.features({ layers: [], further: [grid.layer], batch: batchOf(tasks) });
    const features = await pass.run(
      tasks.map(({ image }) => image.data),
      { signal },
    );
    return features.map(({ activations: [activations] }, n) => ({
      map: cellMap(tasks[n], grid, projection(grid, activations, centered)),
      evaluations: { forward: 1, gradient: 0 },
      ...ofLayer(settings),
    }));
  },
});
