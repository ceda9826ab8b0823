/** @file The linear maps of a sliding window as graph nodes: gathering (convolution), spreading (its adjoint), and the adjoint in the weight. */
import type { GraphBuilder, Value } from "../../onnx/builder.ts";
import { spanOf, type Window } from "../../onnx/operators/arithmetic/window.ts";
import { dilate, interleave, padAxes, reshapeTo, reverse } from "./linear-maps.ts";

/** `value` [N, C, …] with zeros added before and after each spatial axis, or elements removed where a number is negative. */
function padSpatial(g: GraphBuilder, value: Value, before: readonly number[], after: readonly number[]): Value {
  return padAxes(g, value, [0, 0, ...before], [0, 0, ...after]);
}

/** The part of each number that the attribute `pads` can express, and the rest (which removes elements). */
function splitPads(pads: readonly number[]): { readonly added: number[]; readonly removed: number[] } {
  return { added: pads.map((pad) => Math.max(0, pad)), removed: pads.map((pad) => Math.min(0, pad)) };
}

/**
 * The convolution of `wide` [N, C, …window.wide] with `weight` [M, C / group, …kernel]: [N, M, …window.narrow]. The end
 * padding is worked out from the extents, so the window may leave elements at the end of `wide` unread.
 */
export function gather(g: GraphBuilder, wide: Value, weight: Value, window: Window, group: number): Value {
  const { kernel, strides, dilations, padsBegin, narrow } = window;
  const ends = narrow.map((extent, axis) => {
    const missing = (extent - 1) * strides[axis] + spanOf(window, axis) - window.wide[axis] - padsBegin[axis];
    // Less than a stride too many is left unread anyway; more would make one output too many.
    return missing <= -strides[axis] ? missing : Math.max(0, missing);
  });
  const { added, removed } = splitPads(ends);
  const none = ends.map(() => 0);
  // Where the windows see nothing but the padding before the grid, that padding has to be there before it is cut.
  const nothing = ends.some((end, axis) => window.wide[axis] + end < 1);
  const begins = nothing ? none : padsBegin;
  const padded = nothing ? padSpatial(g, wide, padsBegin, none) : wide;
  return g.op("Conv", [padSpatial(g, padded, none, removed), weight], {
    kernel_shape: kernel,
    strides,
    dilations,
    pads: [...begins, ...added],
    group,
  });
}

/**
 * The adjoint of {@link gather}: `narrow` [N, M, …window.narrow] spread over [N, C, …window.wide] by the same `weight`
 * [M, C / group, …kernel].
 *
 * Measured with onnxruntime 1.30, milliseconds beside what surrounds the operator. With stride 2 and one thread, ConvTranspose against a stride-1 convolution to 4 C
 * channels that are then interleaved: 3 → 64 channels, 7 × 7 kernel, on 224² 4.2 and 5.8; 3 → 64, 3 × 3, 224² 0.7 and 1.1; 64 → 128, 3 × 3, 56² 1.6 and 2.5. Against
 * four convolutions, each with its own taps, 3 × 3, one thread and two: 64 → 128, 56² 0.96 and 0.90, 0.74 and 0.72; 128 → 128, 56² 2.7 and 2.5, 1.9 and 1.4; 256 → 256,
 * 28² 2.6 and 2.2, 1.6 and 1.4; 512 → 512, 14² 2.8 and 2.1, 1.6 and 1.3. With 1 × 1 kernels one convolution and zeros take as long as ConvTranspose.
 * A depthwise ConvTranspose runs outside of the blocked layout and on one thread; with zeros put between the elements it is a
 * convolution of stride 1: depthwise 96, 3 × 3, 56² → 112² 1.36 and 0.93; 144, 28² → 56² 0.49 and 0.31; 576, 7² → 14² 0.19 and 0.09. At stride 1 Conv against
 * ConvTranspose: 64 → 64 depthwise, 3 × 3, 56² 0.3 and 1.1; 20 → 40, 3 × 3, 56² 0.7 and 1.1; but 3 → 64, 3 × 3, 224² 9.1 and 3.8, for Conv fills up its fast
 * layout's 8 channels.
 */
export function spread(g: GraphBuilder, narrow: Value, weight: Value, window: Window, group: number): Value {
  const isDense = window.strides.every((stride) => stride === 1);
  const isDepthwise = group > 1 && weight.shape[0] === group && weight.shape[1] === 1;
  if (!isDense && isDepthwise) return spreadDensely(g, ...dilated(g, narrow, window), weight, group);
  if (!isDense && isWide(weight, window, group)) return spreadInPhases(g, narrow, weight, window);
  const isToFewChannels = group === 1 && weight.shape[1] < fewChannels && window.kernel.length <= 2;
  return isDense && !isToFewChannels
    ? spreadDensely(g, narrow, window, weight, group)
    : spreadByTranspose(g, narrow, weight, window, group);
}

/** Whether {@link spreadInPhases} takes less time than ConvTranspose: a convolution of images, of many channels, with taps for all phases. */
function isWide(weight: Value, { kernel, strides, dilations }: Window, group: number): boolean {
  const reachesAll = kernel.every((taps, axis) => taps >= strides[axis] && dilations[axis] === 1);
  return group === 1 && kernel.length === 2 && reachesAll && weight.shape[0] * weight.shape[1] >= wideWeight;
}

/** Products of one tap from which on interleaving takes less than what ConvTranspose takes beside them. */
const wideWeight = 128 * 128;

/**
 * Positions that leave the same rest modulo the strides form a phase: it sees every stride-th tap alone, at stride 1. Each phase is a convolution, and they are
 * interleaved.
 */
function spreadInPhases(g: GraphBuilder, narrow: Value, weight: Value, window: Window): Value {
  const { strides, wide } = window;
  const length = wide.map((extent, axis) => Math.ceil(extent / strides[axis]));
  const phase = (rests: readonly number[]): Value => {
    // The phase's first tap, and the position that it is at for the first element: rest + pad = position · stride + tap.
    const padsBegin = rests.map((rest, axis) => Math.floor((rest + window.padsBegin[axis]) / strides[axis]));
    const first = rests.map((rest, axis) => rest + window.padsBegin[axis] - padsBegin[axis] * strides[axis]);
    const kernel = first.map((tap, axis) => Math.ceil((window.kernel[axis] - tap) / strides[axis]));
    const bounds = [first, window.kernel, first.map((_, axis) => axis + 2), strides].map((values) => g.ints(values));
    const own: Window = { ...window, kernel, padsBegin, wide: length, strides: strides.map(() => 1) };
    return spreadDensely(g, narrow, own, g.op("Slice", [weight, ...bounds]), 1);
  };
  const [[down, across], none] = [strides, strides.map(() => 0)];
  const rows = Array.from({ length: down }, (_, y) => {
    const row = Array.from({ length: across }, (_, x) => phase([y, x]));
    return interleave(g, row, 3);
  });
  const excess = wide.map((extent, axis) => extent - length[axis] * strides[axis]);
  return padSpatial(g, interleave(g, rows, 2), none, excess);
}

/** Below this many channels, onnxruntime's Conv computes many that are thrown away. */
const fewChannels = 8;

/** `narrow` with zeros after each element, and the window that takes it with stride 1. */
function dilated(g: GraphBuilder, narrow: Value, window: Window): readonly [Value, Window] {
  const dense = dilate(g, narrow, [1, 1, ...window.strides]);
  return [dense, { ...window, narrow: dense.shape.slice(2), strides: window.strides.map(() => 1) }];
}

/** At stride 1 the adjoint is a convolution with the kernel flipped and its channel axes swapped, padded by span − 1 − pad. */
function spreadDensely(g: GraphBuilder, narrow: Value, window: Window, weight: Value, group: number): Value {
  const begins = window.padsBegin.map((pad, axis) => spanOf(window, axis) - 1 - pad);
  const ends = window.wide.map(
    (extent, axis) => extent - begins[axis] + spanOf(window, axis) - 1 - window.narrow[axis],
  );
  const [before, after] = [splitPads(begins), splitPads(ends)];
  const swapped = swapChannels(g, weight, group);
  const flipped = reverse(
    g,
    swapped,
    window.kernel.map((_, axis) => axis + 2),
  );
  // Where a pad is negative the outermost positions of `narrow` see nothing but padding.
  return g.op("Conv", [padSpatial(g, narrow, before.removed, after.removed), flipped], {
    kernel_shape: window.kernel,
    dilations: window.dilations,
    pads: [...before.added, ...after.added],
    group,
  });
}

function spreadByTranspose(g: GraphBuilder, narrow: Value, weight: Value, window: Window, group: number): Value {
  const { kernel, strides, dilations, padsBegin } = window;
  // What the last window leaves unread of the wide grid (below one stride) is output padding; what it overhangs is cut off.
  const unread = window.wide.map(
    (extent, axis) => extent + padsBegin[axis] - (window.narrow[axis] - 1) * strides[axis] - spanOf(window, axis),
  );
  return g.op("ConvTranspose", [narrow, weight], {
    kernel_shape: kernel,
    strides,
    dilations,
    pads: [...padsBegin, ...unread.map((count) => Math.max(0, -count))],
    output_padding: unread.map((count) => Math.max(0, count)),
    group,
  });
}

/** A weight [M, C / group, …] as [C, M / group, …]: within each group the channel axes change places. */
function swapChannels(g: GraphBuilder, weight: Value, group: number): Value {
  const [m, perGroup, ...kernel] = weight.shape;
  const shape = [perGroup * group, m / group, ...kernel];
  if (m === group || perGroup === 1) return reshapeTo(g, weight, shape);
  if (group === 1) return channelsFirst(g, weight);
  const split = reshapeTo(g, weight, [group, m / group, perGroup, ...kernel]);
  const swapped = g.op("Transpose", [split], { perm: [0, 2, 1, ...kernel.map((_, axis) => axis + 3)] });
  return reshapeTo(g, swapped, shape);
}

/** [A, B, …] → [B, A, …] */
function channelsFirst(g: GraphBuilder, value: Value): Value {
  const perm = value.shape.map((_, axis) => (axis < 2 ? 1 - axis : axis));
  return g.op("Transpose", [value], { perm });
}

/**
 * The adjoint of {@link gather} in its weight: w̄[m, c, k] = Σ over n and o of narrow[n, m, o] · wide[n, c, o · stride +
 * k · dilation − pad]. That is a convolution of `wide` by `narrow`, in which channels and batch, strides and dilations
 * have changed places.
 */
export function weightCotangent(g: GraphBuilder, wide: Value, narrow: Value, window: Window, group: number): Value {
  const { strides, dilations } = window;
  const swapped = { ...window, narrow: window.kernel, kernel: window.narrow, strides: dilations, dilations: strides };
  const cotangent = gather(g, perGroupFirst(g, wide, group), channelsFirst(g, narrow), swapped, group);
  return channelsFirst(g, cotangent);
}

/** [N, C, …] → [C / group, group · N, …], so that a grouped convolution contracts over N and keeps the channels of a group apart. */
function perGroupFirst(g: GraphBuilder, value: Value, group: number): Value {
  if (group === 1) return channelsFirst(g, value);
  const [n, c, ...spatial] = value.shape;
  const split = reshapeTo(g, value, [n, group, c / group, ...spatial]);
  const turned = g.op("Transpose", [split], { perm: [2, 1, 0, ...spatial.map((_, axis) => axis + 3)] });
  return reshapeTo(g, turned, [c / group, group * n, ...spatial]);
}

/**
 * The adjoint of summing over a window's taps: each element of `narrow` [N, C, …window.narrow] added to all that its window
 * touches of [N, C, …window.wide]. (At stride 1 an AveragePool would do too, but onnxruntime merges a Pad before it into
 * it, and then refuses or miscounts.)
 */
export function spreadSum(g: GraphBuilder, narrow: Value, window: Window): Value {
  const { kernel, strides, dilations } = window;
  if (kernel.some((extent, axis) => extent !== strides[axis] || dilations[axis] !== 1)) {
    const channels = narrow.shape[1];
    const ones = g.op("Expand", [g.scalar(1, narrow.dtype), g.ints([channels, 1, ...kernel])]);
    return spread(g, narrow, ones, window, channels);
  }
  const before = window.padsBegin.map((pad) => -pad);
  const after = window.wide.map((extent, axis) => extent + window.padsBegin[axis] - window.narrow[axis] * kernel[axis]);
  return padSpatial(g, repeatSpatial(g, narrow, kernel), before, after);
}

/** Each element repeated `counts[axis]` times along each spatial axis. */
function repeatSpatial(g: GraphBuilder, value: Value, counts: readonly number[]): Value {
  const [n, c, ...spatial] = value.shape;
  const split = reshapeTo(g, value, [n, c, ...spatial.flatMap((extent) => [extent, 1])]);
  const repeated = g.op("Expand", [split, g.ints([n, c, ...spatial.flatMap((extent, i) => [extent, counts[i]])])]);
  return reshapeTo(g, repeated, [n, c, ...spatial.map((extent, i) => extent * counts[i])]);
}
