/** @file Pieces of graph that move elements, and the adjoint of picking them: what the rules of linear operators are made of. */
import type { GraphBuilder, Value } from "../../onnx/builder.ts";
import { sameShape } from "../../tensor/shape.ts";
import { type Shape, sizeOf } from "../../tensor/tensor.ts";

/** `value` under another shape of as many elements; itself where the shape is the same. */
export function reshapeTo(g: GraphBuilder, value: Value, shape: Shape): Value {
  if (sameShape(value.shape, shape)) return value;
  return g.op("Reshape", [value, g.ints(shape)], shape.includes(0) ? { allowzero: 1 } : {});
}

/** Zeros of `shape`, of `like`'s element type. */
export function zeros(g: GraphBuilder, like: Value, shape: Shape = like.shape): Value {
  return g.op("Expand", [g.scalar(0, like.dtype), g.ints(shape)]);
}

/** Elements `start` to before `end` of `value` along `axis`; itself where that is all. */
export function sliceAxis(g: GraphBuilder, value: Value, axis: number, start: number, end: number): Value {
  if (start === 0 && end === value.shape[axis]) return value;
  return g.op("Slice", [value, g.ints([start]), g.ints([end]), g.ints([axis])]);
}

/** `value` in reverse order along `axes`; itself where there are none or they have one element. */
export function reverse(g: GraphBuilder, value: Value, axes: readonly number[]): Value {
  const long = axes.filter((axis) => value.shape[axis] > 1);
  if (long.length === 0) return value;
  const [starts, ends] = [long.map(() => -1), long.map((axis) => -value.shape[axis] - 1)];
  return g.op("Slice", [value, g.ints(starts), g.ints(ends), g.ints(long), g.ints(starts)]);
}

/** `value` with zeros added before and after each axis, or elements removed where a number is negative. */
export function padAxes(g: GraphBuilder, value: Value, before: readonly number[], after: readonly number[]): Value {
  if (before.every((n) => n === 0) && after.every((n) => n === 0)) return value;
  if (before.every((n) => n <= 0) && after.every((n) => n <= 0)) {
    const axes = value.shape.flatMap((_, axis) => (before[axis] !== 0 || after[axis] !== 0 ? [axis] : []));
    const starts = axes.map((axis) => -before[axis]);
    const ends = axes.map((axis) => value.shape[axis] + after[axis]);
    return g.op("Slice", [value, g.ints(starts), g.ints(ends), g.ints(axes)]);
  }
  return g.op("Pad", [value, g.ints([...before, ...after])]);
}

/** A stretch of positions that go up by 1, down by 1 or stay the same: output `from` … takes input `at`, `at + step`, …. */
interface Run {
  readonly from: number;
  readonly at: number;
  readonly step: number;
  readonly count: number;
}

/** `sources` cut into runs; positions that are −1 take nothing and are skipped. */
export function runsOf(sources: ArrayLike<number>): Run[] {
  const runs: Run[] = [];
  for (let i = 0; i < sources.length; ) {
    if (sources[i] === -1) {
      i++;
      continue;
    }
    const step = sources[i + 1] === -1 ? Number.NaN : sources[i + 1] - sources[i];
    let count = 1;
    if (Math.abs(step) <= 1) {
      while (sources[i + count] !== -1 && sources[i + count] - sources[i + count - 1] === step) count++;
    }
    runs.push({ from: i, at: sources[i], step: count === 1 ? 1 : step, count });
    i += count;
  }
  return runs;
}

/**
 * The adjoint of picking positions along an axis: element `sources[i]` of the result, of `extent` elements along `axis`,
 * is the sum of all elements i of `cotangent`. One Slice, Pad and Add per run of neighbouring positions, so it suits
 * padding and cropping, not arbitrary permutations.
 */
export function addRuns(
  g: GraphBuilder,
  cotangent: Value,
  axis: number,
  sources: ArrayLike<number>,
  extent: number,
): Value {
  const parts = runsOf(sources).map(({ from, at, step, count }) => {
    const part = sliceAxis(g, cotangent, axis, from, from + count);
    const placed =
      step === 0
        ? g.op("ReduceSum", [part, g.ints([axis])], { keepdims: 1 })
        : step < 0
          ? reverse(g, part, [axis])
          : part;
    const start = step < 0 ? at - count + 1 : at;
    const none = placed.shape.map(() => 0);
    return padAxes(g, placed, none.with(axis, start), none.with(axis, extent - start - placed.shape[axis]));
  });
  if (parts.length === 0) return zeros(g, cotangent, cotangent.shape.with(axis, extent));
  return parts.reduce((sum, part) => g.op("Add", [sum, part]));
}

/**
 * The elements of `phases` in turn along `axis`, the first of each, the second of each, …; all are of one shape, and one that is undefined is zeros. Where an axis follows,
 * they are joined along that: rows lie in turn then, and no other shape is needed before.
 */
export function interleave(g: GraphBuilder, phases: readonly (Value | undefined)[], axis: number): Value {
  const some = phases.find((phase) => phase !== undefined);
  if (some === undefined) throw new RangeError("interleave: no phase has values");
  if (phases.length === 1) return some;
  const { shape } = some;
  const nothing = phases.includes(undefined) ? zeros(g, some) : some;
  const isLast = axis === shape.length - 1;
  const rows = phases.map((phase = nothing) => (isLast ? reshapeTo(g, phase, [...shape, 1]) : phase));
  const joined = g.op("Concat", rows, { axis: axis + 1 });
  return reshapeTo(g, joined, shape.with(axis, shape[axis] * phases.length));
}

/**
 * The adjoint of taking every `steps[k]`-th element along each axis k: zeros are put after each element. They are joined to it, axis by axis
 * from the last: onnxruntime's Pad takes three to five times as long as its Concat.
 */
export function dilate(g: GraphBuilder, value: Value, steps: readonly number[]): Value {
  if (sizeOf(value.shape) === 0) return value;
  return steps.reduceRight((dense, step, axis) => {
    if (step === 1) return dense;
    // One tensor of zeros, however large the step is.
    const [before, after] = [dense.shape.slice(0, axis + 1), dense.shape.slice(axis + 1)];
    const nothing = zeros(g, dense, [...before, step - 1, ...after]);
    const joined = g.op("Concat", [reshapeTo(g, dense, [...before, 1, ...after]), nothing], { axis: axis + 1 });
    return reshapeTo(g, joined, dense.shape.with(axis, dense.shape[axis] * step));
  }, value);
}
