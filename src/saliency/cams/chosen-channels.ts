/** @file Which channels of a layer are tried, where each takes a run of the network. */
import type { FeatureGrid } from "../../classifier/network/feature-grids.ts";
import { countOption, derived } from "../../options/option.ts";
import { fallingOrder } from "../../tensor/falling-order.ts";
import { channelTotals } from "./channels.ts";

/** The setting `channels` of methods that run the network once for each channel. */
export const channelsOption = countOption(
  "The most channels that are tried, each in a run of its own: those that vary most over the grid. The others weigh nothing.",
  { fallback: derived("all of the layer") },
);

/** How many channels of a layer are tried. */
export function triedChannels({ channels }: FeatureGrid, most: number | undefined): number {
  return Math.min(most ?? channels, channels);
}

/** The channels that are tried, in order: all, or as many as are asked for of those with the greatest variance over the grid (Faster Score-CAM's choice). */
export function chosenChannels(grid: FeatureGrid, activations: Float32Array, most: number | undefined): number[] {
  const count = triedChannels(grid, most);
  if (count === grid.channels) return Array.from({ length: count }, (_, k) => k);
  const cells = grid.height * grid.width;
  const means = channelTotals(grid, (place) => activations[place]).map((sum) => sum / cells);
  const variances = channelTotals(grid, (place, k) => (activations[place] - means[k]) ** 2);
  return [...fallingOrder(Float32Array.from(variances)).subarray(0, count)].sort((a, b) => a - b);
}
