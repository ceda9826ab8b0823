/** @file What Pad puts where: for each output position along an axis, the input position that it repeats. */
import { BadInputError } from "../../../errors.ts";
import { normalizeAxis } from "../../../tensor/shape.ts";
import type { Shape } from "../../../tensor/tensor.ts";

/** Elements added (or, if negative, removed) before and after one axis. */
export interface AxisPads {
  readonly before: number;
  readonly after: number;
}

/** Pads of each axis of `shape`, from Pad's inputs: all befores, then all afters, of the given axes (all by default). */
export function padsPerAxis(
  where: string,
  shape: Shape,
  pads: readonly number[],
  axes?: readonly number[],
): AxisPads[] {
  const listed = axes ?? shape.map((_, axis) => axis);
  if (pads.length !== 2 * listed.length) {
    throw new BadInputError({
      where,
      what: "wrong number of pads",
      expected: `two for each of ${listed.length} axes`,
      got: String(pads.length),
    });
  }
  const result: AxisPads[] = shape.map(() => ({ before: 0, after: 0 }));
  listed.forEach((axis, i) => {
    const normalized = normalizeAxis(where, axis, shape.length);
    result[normalized] = { before: pads[i], after: pads[i + listed.length] };
  });
  result.forEach(({ before, after }, axis) => {
    if (shape[axis] + before + after >= 0) return;
    throw new BadInputError({ where, what: `axis ${axis} loses more elements than it has` });
  });
  return result;
}

/**
 * The input position that each output position along an axis of `extent` takes its value from; −1 for the constant.
 * `reflect` mirrors at the edge elements without repeating them, `wrap` goes round.
 */
export function padSources(where: string, mode: string, extent: number, { before, after }: AxisPads): number[] {
  if (!["constant", "edge", "reflect", "wrap"].includes(mode)) {
    throw new BadInputError({ where, what: "unknown mode", expected: "constant, edge, reflect or wrap", got: mode });
  }
  const period = mode === "reflect" ? Math.max(1, 2 * extent - 2) : extent;
  return Array.from({ length: extent + before + after }, (_, to) => {
    const at = to - before;
    if (at >= 0 && at < extent) return at;
    if (mode === "constant" || extent === 0) return -1;
    if (mode === "edge") return Math.min(Math.max(at, 0), extent - 1);
    const within = ((at % period) + period) % period;
    return within < extent ? within : period - within;
  });
}
