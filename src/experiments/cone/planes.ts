/** @file The planes through one image: where the network is looked at, and what it says there. */

import { logOddsAt } from "../../classifier/logits.ts";
import type { ForwardPass } from "../../classifier/passes/passes.ts";
import { MisuseError, throwIfAborted } from "../../errors.ts";
import { normal } from "../../random/distributions.ts";
import type { Random } from "../../random/random.ts";
import { dot, squaredNorm } from "../../tensor/vector.ts";
import { type PictureCurvature, pictureCurvature } from "./curvature.ts";

/** An image and what an attack made of it, both flat [C, H, W] pixels. */
export interface ConePair {
  readonly image: Float32Array;
  readonly adversarial: Float32Array;
  /** The class that the image is of, whose softmax is taken. */
  readonly label: number;
}

/** The axes of all planes. */
export interface ConeAxes {
  /** −1 … 2: along A − M. */
  readonly a: readonly number[];
  /** −1.5 … 1.5: along T. */
  readonly b: readonly number[];
}

/** The planes of one image, one for each direction. */
export interface PicturePlanes {
  /** ℓ = log(p / (1 − p)) of the image's class, [directions, a, b]. */
  readonly logOdds: Float64Array;
  readonly curvature: PictureCurvature;
  /** Points evaluated: those with b = 0 are shared by the directions. */
  readonly points: number;
}

/** a ∈ −1 … 2 and b ∈ −1.5 … 1.5 in steps that meet 0, ½ and 1. */
export function axesOf(step: number): ConeAxes {
  const perUnit = Math.round(1 / step);
  if (!(step > 0 && step <= 0.5) || Math.abs(perUnit * step - 1) > 1e-9 || perUnit % 2 !== 0) {
    throw new MisuseError({
      where: "cone: step",
      what: "value out of range",
      expected: "one over an even number, such as 0.05 or 0.25",
      got: String(step),
    });
  }
  const axis = (from: number, to: number): number[] =>
    Array.from({ length: to - from + 1 }, (_, i) => (from + i) / perUnit);
  return { a: axis(-perUnit, 2 * perUnit), b: axis(-1.5 * perUnit, 1.5 * perUnit) };
}

/** How many points the planes of one image have. */
export function planePoints({ a, b }: ConeAxes, directions: number): number {
  return a.length * (1 + directions * (b.length - 1));
}

export interface PlanesOptions {
  readonly axes: ConeAxes;
  readonly directions: number;
  /** Of the directions. */
  readonly random: Random;
  readonly signal?: AbortSignal;
  /** Called with the number of points that have been evaluated since it was called last. */
  readonly onPoints?: (count: number) => void;
}

/** The planes of the pair, evaluated in batches as large as the pass takes. Throws an AbortedError when `signal` aborts. */
export async function planesOf(
  pass: ForwardPass,
  { image, adversarial, label }: ConePair,
  { axes: { a, b }, directions, random, signal, onPoints }: PlanesOptions,
): Promise<PicturePlanes> {
  const along = adversarial.map((x, i) => x - image[i]);
  const across = Array.from({ length: directions }, () => orthogonal(along, random));
  const grid = gridOf(a, b, directions);
  const logOdds = new Float64Array(directions * a.length * b.length);
  const isWon = new Uint8Array(logOdds.length);
  const { batch } = pass;
  const buffer = new Float32Array(batch * image.length);
  for (let first = 0; first < grid.length; first += batch) {
    throwIfAborted(signal, "cone");
    const some = grid.slice(first, first + batch);
    const rows = some.map(({ i, j, d }, k) => {
      const row = buffer.subarray(k * image.length, (k + 1) * image.length);
      const t = across[d];
      for (let e = 0; e < row.length; e++) row[e] = image[e] + a[i] * along[e] + b[j] * t[e];
      return row;
    });
    const logits = await pass.run(rows, { signal });
    for (const [k, { i, j, d }] of some.entries()) {
      const odds = logOddsAt(logits[k], label);
      const wins = logits[k].every((logit) => logit <= logits[k][label]);
      // A point with b = 0 belongs to the planes of all directions.
      for (const plane of b[j] === 0 ? across.keys() : [d]) {
        const at = (plane * a.length + i) * b.length + j;
        logOdds[at] = odds;
        isWon[at] = Number(wins);
      }
    }
    onPoints?.(some.length);
  }
  return { logOdds, curvature: pictureCurvature({ a, b, logOdds, isWon }), points: grid.length };
}

/** The points to evaluate: indices into a, b and the directions; those with b = 0 once. */
function gridOf(a: readonly number[], b: readonly number[], directions: number) {
  return a.flatMap((_, i) =>
    b.flatMap((value, j) => Array.from({ length: value === 0 ? 1 : directions }, (__, d) => ({ i, j, d }))),
  );
}

/** A direction drawn uniformly from those orthogonal to `along`, as long as it. */
function orthogonal(along: Float32Array, random: Random): Float32Array {
  const direction = Float64Array.from(along, () => normal(random));
  const squares = squaredNorm(along);
  const share = dot(direction, along) / squares;
  for (let i = 0; i < along.length; i++) direction[i] -= share * along[i];
  const factor = Math.sqrt(squares / squaredNorm(direction));
  return Float32Array.from(direction, (x) => factor * x);
}
