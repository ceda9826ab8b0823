/** @file Values that are made of single channels of the input, each scaled and shifted, and what operators make of them. */
import type { NumericTensor } from "../../../onnx/numeric-tensor.ts";
import { type Shape, sizeOf } from "../../../tensor/tensor.ts";

/** One channel of a value: a channel of the input, scaled and shifted. */
export interface ChannelMap {
  /** Which channel of the input, in the input's order. */
  readonly source: number;
  readonly factor: number;
  readonly offset: number;
}

/** A value that is made of single channels, along `axis`; a single one may lie along none. */
export interface Tracked {
  readonly channels: readonly ChannelMap[];
  readonly axis: number | undefined;
  /** Of pixels that lie in one row per picture: the shape that they had before, whose axis `axis` is. */
  readonly before?: Shape;
}

/** Where `axis` of a shape is in another with the same elements in the same order; undefined where it is no longer an axis of its own. */
export function sameAxis(axis: number | undefined, from: Shape = [], to: Shape = []): number | undefined {
  if (axis === undefined) return undefined;
  const before = sizeOf(from.slice(0, axis));
  const at = to.findIndex((extent, i) => extent === from[axis] && sizeOf(to.slice(0, i)) === before);
  return at === -1 ? undefined : at;
}

/** The channels weighed by rows that each choose one, every one once; undefined for others, which mix them. */
export function weighed(
  { channels }: Tracked,
  rows: readonly (readonly number[])[],
  bias?: ArrayLike<number>,
): readonly ChannelMap[] | undefined {
  const chosen = rows.map((row, o) => {
    const [used, ...more] = [...row.entries()].filter(([, value]) => value !== 0);
    const from = used === undefined || more.length > 0 ? undefined : channels[used[0]];
    return from === undefined || used === undefined ? undefined : affine(from, used[1], bias?.[o] ?? 0);
  });
  const found = chosen.filter((one) => one !== undefined);
  const sources = new Set(found.map(({ source }) => source));
  return found.length === rows.length && sources.size === channels.length ? found : undefined;
}

/** Each channel changed. */
export function mapped(from: Tracked, change: (one: ChannelMap, index: number) => ChannelMap): Tracked {
  return { ...from, channels: from.channels.map(change) };
}

/** factor · u + offset of a channel u. */
export function affine(one: ChannelMap, factor: number, offset: number): ChannelMap {
  return { source: one.source, factor: one.factor * factor, offset: one.offset * factor + offset };
}

/** The channels at the indices; undefined where there is none at one of them. */
export function picked({ channels }: Tracked, indices: readonly number[]): readonly ChannelMap[] | undefined {
  const chosen = indices.map((index) => channels.at(index)).filter((one) => one !== undefined);
  return chosen.length === indices.length && chosen.length > 0 ? chosen : undefined;
}

/** A constant's value for each channel: its own, or its mean over the picture (as of a mean picture). */
export function perChannel(
  { data, shape }: NumericTensor,
  { channels, axis }: Tracked,
  output: Shape,
  rank: number,
): readonly number[] | undefined {
  if (output.length !== rank) return undefined;
  const size = sizeOf(shape);
  if (size === 1) return channels.map(() => data[0]);
  const at = axis === undefined ? -1 : axis - (rank - shape.length);
  const extent = at >= 0 ? shape[at] : 1;
  if (extent !== 1 && extent !== channels.length) return undefined;
  const inner = at >= 0 ? sizeOf(shape.slice(at + 1)) : 1;
  const sums = Array.from({ length: extent }, () => 0);
  for (let i = 0; i < size; i++) sums[extent === 1 ? 0 : Math.floor(i / inner) % extent] += data[i];
  return channels.map((_, c) => sums[extent === 1 ? 0 : c] / (size / extent));
}
