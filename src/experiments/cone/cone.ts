/**
 * @file Cone plots: what a classifier makes of the plane through an image, its adversarial image and a random third direction.
 *
 * Source: Figure 5 of the paper, after Roth, Kilcher and Hofmann 2019: the softmax of the image's class at M + a(A − M) + bT, with M the
 * image, A the adversarial image and T a random direction orthogonal to A − M and as long.
 */

import type { Classifier } from "../../classifier/classifier.ts";
import { logOddsAt } from "../../classifier/logits.ts";
import { checkKeys, MisuseError, numberIn, throwIfAborted } from "../../errors.ts";
import { normal } from "../../random/distributions.ts";
import { createRandom, type Random } from "../../random/random.ts";
import { dot, squaredNorm } from "../../tensor/vector.ts";
import { type ConeCurvature, type ConePlane, coneCurvature } from "./curvature.ts";

/** An image and what an attack made of it, both flat [C, H, W] pixels. */
export interface ConePair {
  readonly image: Float32Array;
  readonly adversarial: Float32Array;
  /** The class that the image is of, whose softmax is taken. */
  readonly label: number;
}

export interface ConeOptions {
  /** From one point of the grid to the next, in lengths of the perturbation: one over an even number. Default 0.05, the paper's. */
  readonly step?: number;
  /** Random directions per image. Default 5, the paper's. */
  readonly directions?: number;
  /** Points per run of the network. Default 64. */
  readonly batch?: number;
  /** The random numbers of pair n, so that its directions do not depend on the others. Default: a fixed seed, and n. */
  readonly random?: (pair: number) => Random;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: { readonly points: number; readonly of: number }) => void;
}

const optionKeys = [
  "step",
  "directions",
  "batch",
  "random",
  "signal",
  "onProgress",
] as const satisfies readonly (keyof ConeOptions)[];

export interface Cone {
  /** −1 … 2: along A − M. */
  readonly a: readonly number[];
  /** −1.5 … 1.5: along T. */
  readonly b: readonly number[];
  /** The mean of the softmax of the image's class over images and directions; `probability[i][j]` at a[i], b[j]. */
  readonly probability: readonly (readonly number[])[];
  readonly curvature: ConeCurvature;
  readonly images: number;
  readonly directions: number;
  /** Points evaluated: those with b = 0 are shared by the directions of an image. */
  readonly points: number;
}

/** How many points the cone of so many images takes. Errors: MisuseError for an impossible step. */
export function conePoints(images: number, { step = 0.05, directions = 5 }: ConeOptions = {}): number {
  const { a, b } = axesOf(step);
  return images * a.length * (1 + directions * (b.length - 1));
}

/**
 * The cone of the pairs. Points are not clipped to [0, 1]: the plane stays a plane. Throws a MisuseError for pairs whose images are
 * equal (they span no plane) and impossible options, an AbortedError when `signal` aborts.
 */
export async function coneOf(
  classifier: Classifier,
  pairs: readonly ConePair[],
  options: ConeOptions = {},
): Promise<Cone> {
  checkKeys("cone", options, optionKeys);
  const { a, b } = axesOf(options.step ?? 0.05);
  const directions = numberIn("cone: directions", options.directions ?? 5, { min: 1, integer: true });
  const batch = numberIn("cone: batch", options.batch ?? 64, { min: 1, integer: true });
  const { signal, onProgress, random = (pair: number) => createRandom(0, pair) } = options;
  checkPairs(pairs);
  const pass = await classifier.forward({ batch });
  const of = conePoints(pairs.length, { step: options.step, directions });
  const sums = a.map(() => new Float64Array(b.length));
  const planes: ConePlane[][] = [];
  let points = 0;
  for (const [n, { image, adversarial, label }] of pairs.entries()) {
    const along = adversarial.map((x, i) => x - image[i]);
    const draw = random(n);
    const across = Array.from({ length: directions }, () => orthogonal(along, draw));
    const grid = gridOf(a, b, directions);
    const ofImage = across.map(
      (): ConePlane => ({ a, b, logOdds: a.map(() => new Float64Array(b.length)), won: new Set() }),
    );
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
      some.forEach(({ i, j, d }, k) => {
        const odds = logOddsAt(logits[k], label);
        const isWon = logits[k].every((logit) => logit <= logits[k][label]);
        // A point with b = 0 belongs to the planes of all directions.
        for (const plane of b[j] === 0 ? ofImage : [ofImage[d]]) {
          plane.logOdds[i][j] = odds;
          if (isWon) plane.won.add(i * b.length + j);
          sums[i][j] += 1 / (1 + Math.exp(-odds));
        }
      });
      points += some.length;
      onProgress?.({ points, of });
    }
    planes.push(ofImage);
  }
  const count = pairs.length * directions;
  return {
    a,
    b,
    probability: sums.map((row) => Array.from(row, (sum) => sum / count)),
    curvature: coneCurvature(planes),
    images: pairs.length,
    directions,
    points,
  };
}

/** a ∈ −1 … 2 and b ∈ −1.5 … 1.5 in steps that meet 0, ½ and 1. */
function axesOf(step: number): { a: number[]; b: number[] } {
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

function checkPairs(pairs: readonly ConePair[]): void {
  if (pairs.length === 0) throw new MisuseError({ where: "cone", what: "no images", expected: "at least one" });
  pairs.forEach(({ image, adversarial }, n) => {
    if (image.some((x, i) => x !== adversarial[i])) return;
    throw new MisuseError({
      where: `cone: pair ${n}`,
      what: "image and adversarial image are equal and span no plane",
      advice: "Leave out images that the attack left as they are.",
    });
  });
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
