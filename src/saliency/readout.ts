/** @file From an attribution, one signed number per pixel and channel, to a map. */
import { wordOption } from "../options/option.ts";
import { type FloatTensor, floatTensor } from "../tensor/tensor.ts";
import type { SaliencyMap } from "./saliency-map.ts";

export const readouts = ["max", "sum", "rms", "net", "positive"] as const;
/**
 * How the channels a of a pixel become one number: `max` |a|, the `sum` of |a|, the root of the mean of the squares, the `net`
 * |Σ a|, or the `positive` part of Σ a.
 */
export type Readout = (typeof readouts)[number];

/** The setting `readout` of methods that attribute to channels. */
export function readoutOption<const R extends Readout>(fallback: R) {
  return wordOption(
    "How the channels of a pixel become one number: max |a|, Σ|a|, √mean a², |Σ a| or max(Σ a, 0).",
    readouts,
    {
      fallback,
    },
  );
}

/** How one channel's value joins what the channels before it have come to, and what becomes of the end. */
interface Fold {
  readonly join: (total: number, a: number) => number;
  readonly finish?: (total: number, channels: number) => number;
}

const folds: Readonly<Record<Readout, Fold>> = {
  max: { join: (total, a) => Math.max(total, Math.abs(a)) },
  sum: { join: (total, a) => total + Math.abs(a) },
  rms: { join: (total, a) => total + a * a, finish: (total, channels) => Math.sqrt(total / channels) },
  net: { join: (total, a) => total + a, finish: Math.abs },
  positive: { join: (total, a) => total + a, finish: (total) => Math.max(total, 0) },
};

/** The map [H, W] of an attribution [C, H, W], computed in float64. */
export function readOut({ shape: [channels, height, width], data }: FloatTensor, readout: Readout): SaliencyMap {
  const plane = height * width;
  const map = new Float32Array(plane);
  const { join, finish = (total) => total } = folds[readout];
  for (let i = 0; i < plane; i++) {
    let total = 0;
    for (let c = 0; c < channels; c++) total = join(total, data[c * plane + i]);
    map[i] = finish(total, channels);
  }
  return floatTensor(map, [height, width]);
}
