/** @file What the inputs of Slice and Split select, with negative and out-of-range bounds resolved. */
import { BadInputError } from "../../../errors.ts";
import { normalizeAxis } from "../../../tensor/shape.ts";
import type { Shape } from "../../../tensor/tensor.ts";

/** The elements `start`, `start + step`, …, `count` of them, along one axis. */
export interface Range {
  readonly start: number;
  readonly step: number;
  readonly count: number;
}

export interface SliceInputs {
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  readonly axes?: readonly number[];
  readonly steps?: readonly number[];
}

/** What Slice selects along each axis of `shape`. Bounds count from the end where negative, and are clamped to the axis. */
export function sliceRanges(where: string, shape: Shape, { starts, ends, axes, steps }: SliceInputs): Range[] {
  const ranges: Range[] = shape.map((extent) => ({ start: 0, step: 1, count: extent }));
  starts.forEach((_, i) => {
    const axis = normalizeAxis(where, axes?.[i] ?? i, shape.length);
    const [extent, step] = [shape[axis], steps?.[i] ?? 1];
    if (step === 0) throw new BadInputError({ where, what: "a step is 0", expected: "any other integer" });
    const resolve = (bound: number, min: number, max: number): number =>
      Math.min(Math.max(bound < 0 ? bound + extent : bound, min), max);
    const start = step > 0 ? resolve(starts[i], 0, extent) : resolve(starts[i], 0, extent - 1);
    const end = step > 0 ? resolve(ends[i], 0, extent) : resolve(ends[i], -1, extent - 1);
    ranges[axis] = { start, step, count: extent === 0 ? 0 : Math.max(0, Math.ceil((end - start) / step)) };
  });
  return ranges;
}

/** The extents of Split's outputs along its axis: the given sizes, or `parts` equal ones of which the last may be smaller. */
export function splitSizes(where: string, extent: number, parts: number, sizes?: readonly number[]): readonly number[] {
  const chunk = Math.ceil(extent / parts);
  const result =
    sizes ?? Array.from({ length: parts }, (_, i) => (i < parts - 1 ? chunk : extent - chunk * (parts - 1)));
  if (result.reduce((sum, size) => sum + size, 0) === extent && result.every((size) => size >= 0)) return result;
  throw new BadInputError({
    where,
    what: "the parts do not make up the axis",
    expected: `non-negative sizes that sum to ${extent}`,
    got: `[${result.join(", ")}]`,
  });
}
