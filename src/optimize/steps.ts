/** @file A step along a direction, what it gains, and what was moved. */
import { kernelsFor } from "../simd/kernels.ts";
import { type FloatArray, largestDifference } from "../tensor/vector.ts";
import type { Bounds } from "./bounds.ts";
import type { Projection } from "./solver.ts";

/** Where points may be, and room for what a step gains. */
export interface Constraint {
  readonly project: Projection | undefined;
  /** Those of the set, if it is a box. */
  readonly bounds: Bounds | undefined;
  readonly gain: Float64Array;
}

/**
 * trial ← P(point + length · direction). Returns the largest magnitude in trial − point (before rounding, if there is no P), and if there is a
 * P what that promises: gᵀ(trial − point).
 */
export function moveTo(
  trial: FloatArray,
  point: FloatArray,
  length: number,
  direction: FloatArray,
  gradient: FloatArray,
  { project, bounds, gain }: Constraint,
): { readonly moved: number; readonly gain?: number } {
  const { lows, highs } = bounds ?? { lows: point, highs: point };
  const kernels = kernelsFor(trial, point, direction, gradient, gain, lows, highs);
  if (kernels !== undefined && (project === undefined || bounds !== undefined)) {
    const [to, from, way, slopes] = [trial, point, direction, gradient].map(({ byteOffset }) => byteOffset);
    const [low, high] = bounds === undefined ? [0, 0] : [lows.byteOffset, highs.byteOffset];
    const moved = kernels.moveTo(to, from, way, length, low, high, slopes, gain.byteOffset, point.length);
    return project === undefined ? { moved } : { moved, gain: gain[0] };
  }
  let moved = 0;
  for (let i = 0; i < trial.length; i++) {
    const move = length * direction[i];
    trial[i] = point[i] + move;
    if (Math.abs(move) > moved) moved = Math.abs(move);
  }
  if (project === undefined) return { moved };
  project(trial);
  return { moved: largestDifference(trial, point), gain: gainAlong(gradient, point, trial) };
}

/** gᵀ(to − from). */
export function gainAlong(gradient: FloatArray, from: FloatArray, to: FloatArray): number {
  const kernels = kernelsFor(gradient, from, to);
  if (kernels !== undefined) {
    return kernels.gainAlong(gradient.byteOffset, from.byteOffset, to.byteOffset, gradient.length);
  }
  let gain = 0;
  for (let i = 0; i < gradient.length; i++) gain += gradient[i] * (to[i] - from[i]);
  return gain;
}

/** Multiplies `vector` by `factor`. */
export function scaleInPlace(vector: FloatArray, factor: number): void {
  if (factor === 1) return;
  const kernels = kernelsFor(vector);
  if (kernels !== undefined) kernels.scale(vector.byteOffset, factor, vector.length);
  else for (let i = 0; i < vector.length; i++) vector[i] *= factor;
}
