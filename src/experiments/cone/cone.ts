/**
 * @file Cone plots: what a classifier makes of the plane through an image, its adversarial image and a random third direction.
 *
 * Source: Figure 5 of the paper, after Roth, Kilcher and Hofmann 2019: the softmax of the image's class at M + a(A − M) + bT, with M the
 * image, A the adversarial image and T a random direction orthogonal to A − M and as long.
 */
import type { Classifier } from "../../classifier/classifier.ts";
import { checkForm, checkKeys, MisuseError, numberIn } from "../../errors.ts";
import { createRandom, type Random } from "../../random/random.ts";
import { axesOf, type ConePair, planePoints, planesOf } from "./planes.ts";
import { type Cone, coneAccumulator } from "./summary.ts";

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

/** How many points the cone of so many images takes. Errors: MisuseError for an impossible step. */
export function conePoints(images: number, options: ConeOptions = {}): number {
  checkKeys("conePoints", options, optionKeys);
  const { step = 0.05, directions = 5 } = options;
  return images * planePoints(axesOf(step), directions);
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
  checkForm("coneOf: classifier", classifier, ["model", "prepared", "input", "guess"]);
  checkForm("coneOf: pairs", pairs, "list");
  const axes = axesOf(options.step ?? 0.05);
  const directions = numberIn("cone: directions", options.directions ?? 5, { min: 1, integer: true });
  const batch = numberIn("cone: batch", options.batch ?? 64, { min: 1, integer: true });
  const { signal, onProgress, random = (pair: number) => createRandom(0, pair) } = options;
  checkPairs(pairs);
  const pass = await classifier.forward({ batch });
  const of = pairs.length * planePoints(axes, directions);
  const cone = coneAccumulator(axes, directions);
  let points = 0;
  for (const [n, pair] of pairs.entries()) {
    const planes = await planesOf(pass, pair, {
      axes,
      directions,
      random: random(n),
      signal,
      onPoints(count) {
        points += count;
        onProgress?.({ points, of });
      },
    });
    cone.add(planes);
  }
  return cone.finish();
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
