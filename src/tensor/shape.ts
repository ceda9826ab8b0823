/** @file Shape arithmetic: strides, axes and ONNX (numpy) broadcasting. */
import { MisuseError } from "../errors.ts";
import type { Shape } from "./tensor.ts";

/** Row-major strides, in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, axis) => extent === b[axis]);
}

/** `axis` counted from 0, where a negative one counts from the end; throws if it is outside [-rank, rank). */
export function normalizeAxis(where: string, axis: number, rank: number): number {
  const normalized = axis < 0 ? axis + rank : axis;
  if (Number.isInteger(normalized) && normalized >= 0 && normalized < rank) return normalized;
  throw new MisuseError({
    where,
    what: "axis out of range",
    expected: `from ${-rank} to ${rank - 1}`,
    got: String(axis),
  });
}

/** The shape that all `shapes` broadcast to: aligned at the last axis, extents equal or 1. */
export function broadcastShapes(where: string, ...shapes: readonly Shape[]): number[] {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    let extent = 1;
    for (const shape of shapes) {
      const own = shape[axis - rank + shape.length] ?? 1;
      if (own === 1 || own === extent) continue;
      if (extent === 1) extent = own;
      else {
        throw new MisuseError({
          where,
          what: "shapes do not broadcast together",
          expected: "extents that are equal or 1",
          got: shapes.map((s) => `[${s.join(", ")}]`).join(" and "),
        });
      }
    }
    return extent;
  });
}

/** Strides of a tensor of `shape` seen as broadcast to `target`: 0 along every axis that is repeated. */
export function broadcastStrides(shape: Shape, target: Shape): number[] {
  const own = stridesOf(shape);
  const offset = target.length - shape.length;
  return target.map((_, axis) => (axis < offset || shape[axis - offset] === 1 ? 0 : own[axis - offset]));
}

/** The axes of `target` along which a tensor of `shape` is repeated when it is broadcast to `target`. */
export function broadcastAxes(shape: Shape, target: Shape): number[] {
  const offset = target.length - shape.length;
  return target.flatMap((extent, axis) =>
    axis < offset || (shape[axis - offset] === 1 && extent !== 1) ? [axis] : [],
  );
}
