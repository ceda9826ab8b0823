/** @file From an attribution, one signed number per pixel and channel, to a map. */
import { type FloatTensor, floatTensor } from "../tensor/tensor.ts";
import type { SaliencyMap } from "./saliency-map.ts";

export const readouts = ["max", "sum", "rms", "net", "positive"] as const;
/**
 * How the channels a of a pixel become one number: `max` |a|, the `sum` of |a|, the root of the mean of the squares, the `net`
 * |Σ a|, or the `positive` part of Σ a.
 */
export type Readout = (typeof readouts)[number];

const combine: Readonly<Record<Readout, (values: Float64Array) => number>> = {
  max: (values) => values.reduce((max, a) => Math.max(max, Math.abs(a)), 0),
  sum: (values) => values.reduce((sum, a) => sum + Math.abs(a), 0),
  rms: (values) => Math.sqrt(values.reduce((sum, a) => sum + a * a, 0) / values.length),
  net: (values) => Math.abs(values.reduce((sum, a) => sum + a, 0)),
  positive: (values) =>
    Math.max(
      values.reduce((sum, a) => sum + a, 0),
      0,
    ),
};

/** The map [H, W] of an attribution [C, H, W], computed in float64. */
export function readOut({ shape: [channels, height, width], data }: FloatTensor, readout: Readout): SaliencyMap {
  const plane = height * width;
  const map = new Float32Array(plane);
  const values = new Float64Array(channels);
  const combined = combine[readout];
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < channels; c++) values[c] = data[c * plane + i];
    map[i] = combined(values);
  }
  return floatTensor(map, [height, width]);
}
