/** @file Sums over the channels and the cells of a layer on a grid, in float64. */
import type { FeatureGrid } from "../../classifier/network/feature-grids.ts";
import { overGrid } from "./feature-grid.ts";

/** For each channel k, Σ_i of what `at` says of the place of channel k at cell i among the layer's values: [C]. */
export function channelTotals(grid: FeatureGrid, at: (place: number, k: number) => number): Float64Array {
  const { offset, channelStride, cellStride, height, width } = grid;
  return Float64Array.from({ length: grid.channels }, (_, k) => {
    const start = offset + k * channelStride;
    let sum = 0;
    for (let i = 0; i < height * width; i++) sum += at(start + i * cellStride, k);
    return sum;
  });
}

/** For each cell i, Σ_k of what `at` says of the place of channel k at cell i among the layer's values: [h · w]. */
export function cellTotals(grid: FeatureGrid, at: (place: number, k: number) => number): Float32Array {
  const { offset, channelStride, cellStride, channels } = grid;
  return overGrid(grid, (i) => {
    const start = offset + i * cellStride;
    let sum = 0;
    for (let k = 0; k < channels; k++) sum += at(start + k * channelStride, k);
    return sum;
  });
}

/** Σ_k w_k A_k for each cell: [h · w]. */
export function weightedCells(
  grid: FeatureGrid,
  weights: ArrayLike<number>,
  activations: ArrayLike<number>,
): Float32Array {
  return cellTotals(grid, (place, k) => weights[k] * activations[place]);
}
