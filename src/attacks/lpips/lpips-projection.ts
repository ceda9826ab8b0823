/** @file Back to within an LPIPS distance of the clean image, by Newton's steps and, where they do not get there, by halving the way. */
import { squaredNorm } from "../../tensor/vector.ts";
import type { LpipsAsk, LpipsDistanceAsk, Search } from "../autoattack/ask.ts";
import type { LpipsPlan } from "./lpips-options.ts";

/** What is added to the distance that is to be gained, and the share of it besides. */
const overshoot = 0.1;
const mostSteps = 10;
const halvings = 10;

/** The gradient of the distance alone. */
export const distanceTerms = { classIndex: 0, marginWeight: 0, marginFloor: 0, distanceWeight: 1, bound: 0 } as const;

/** The clean image, and its features in the layers that are compared. */
export interface CleanFeatures {
  readonly image: Float32Array;
  readonly features: readonly Float32Array[];
}

/**
 * Moves `point`, in place, to within the bound and [0, 1]; ten Newton's steps at most, each a gradient, and ten runs forward where they were not enough.
 *
 * Deviation: of the halved way, the farthest point that was seen to lie within the bound is the answer, or the clean image; the authors' code gives the last
 * one that it looked at, which may lie beyond. Deviation: there, the gradients of Newton's steps are added up, as nothing sets them to 0 in between.
 */
export function* projectByLpips(
  point: Float32Array,
  { image, features }: CleanFeatures,
  { bound, layers }: LpipsPlan,
): Search<void> {
  const ask: LpipsAsk = { point, from: features, layers, terms: distanceTerms };
  for (let step = 0; step < mostSteps; step++) {
    const { distance = 0, gradients } = yield ask;
    const [gradient] = gradients;
    const excess = Math.max(distance - bound, 0);
    const factor = excess === 0 ? 0 : ((excess + overshoot) * (1 + overshoot)) / Math.max(squaredNorm(gradient), 1e-30);
    for (let i = 0; i < point.length; i++) point[i] = Math.min(Math.max(point[i] - factor * gradient[i], 0), 1);
    if (excess === 0) return;
  }
  const far = point.slice();
  const distanceAsk: LpipsDistanceAsk = { point, from: features, layers };
  let [least, most, part] = [0, 1, 0.5];
  for (let halving = 0; halving < halvings; halving++) {
    blend(point, image, far, part);
    const { distance = 0 } = yield distanceAsk;
    if (distance > bound) most = part;
    else least = part;
    part = (least + most) / 2;
  }
  blend(point, image, far, least);
}

/** Writes to `point` the share `part` of the way from the image to `far`. */
function blend(point: Float32Array, image: Float32Array, far: Float32Array, part: number): void {
  for (let i = 0; i < point.length; i++) point[i] = (1 - part) * image[i] + part * far[i];
}
