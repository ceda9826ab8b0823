/**
 * @file FAB: steps to the linearized boundary that are drawn towards the clean image, and back towards it after each success, for the nearest image
 * of another class.
 *
 * Source: Croce and Hein, "Minimally distorted adversarial examples with a fast adaptive boundary attack", ICML 2020, algorithm 1, by the
 * numbers of the authors' code.
 */
import { normal } from "../../random/distributions.ts";
import {
  dot,
  euclideanNorm,
  indexOfLargest,
  largestDifference,
  largestMagnitude,
  squaredDistance,
  sumOfMagnitudes,
} from "../../tensor/vector.ts";
import type { AttackTask } from "../attack.ts";
import type { Budget, Norm } from "../budget.ts";
import { keepOutside } from "../hold-to-mask.ts";
import type { Ask, Search } from "./ask.ts";
import { oneAt } from "./attack-loss.ts";
import { moveToPlane } from "./hyperplane.ts";

export interface FabPlan {
  readonly norm: Norm;
  readonly steps: number;
  /** α_max: at most so much of a step leads to the boundary's point nearest to the clean image. */
  readonly mostBias: number;
  /** η: by how much steps exceed the way to the boundary. */
  readonly overshoot: number;
  /** β: what is left of the way from the clean image after a success. */
  readonly backward: number;
}

export interface FabFound {
  readonly point: Float32Array;
  /** From the clean image, in the norm. */
  readonly distance: number;
}

/** The nearest image that reaches the goal among those of one run from `start`, towards the classes `aims`; undefined if there was none. */
export function* fabSearch(
  { image, goal, label }: Pick<AttackTask, "image" | "goal" | "label">,
  start: Float32Array,
  aims: readonly number[],
  classCount: number,
  { norm, steps, mostBias, overshoot, backward }: FabPlan,
): Search<FabFound | undefined> {
  const point = start.slice();
  const best = image.slice();
  let distance = Infinity;
  const [fromPoint, fromImage] = [new Float32Array(image.length), new Float32Array(image.length)];
  const seeds = aims.map((aim) => oneAt(classCount, [label, -1], [aim, 1]));
  const gradientAsk: Ask = { point, of: "logits", seeds };
  const forwardAsk: Ask = { point, of: "logits", seeds: [] };
  for (let step = 0; step < steps; step++) {
    const { logits, gradients } = yield gradientAsk;
    const { weights, difference } = nearestPlane(logits, gradients, label, aims, norm);
    moveToPlane(point, weights, -difference, norm, fromPoint);
    // The plane lies where w·v = w·point − difference.
    moveToPlane(image, weights, dot(weights, point) - difference - dot(weights, image), norm, fromImage);
    const [own, clean] = [lengthOf(fromPoint, norm), lengthOf(fromImage, norm)];
    const bias = Math.min(own / (own + clean), mostBias);
    for (let i = 0; i < point.length; i++) {
      const ahead = point[i] + overshoot * fromPoint[i];
      const near = image[i] + overshoot * fromImage[i];
      point[i] = Math.min(Math.max(ahead * (1 - bias) + near * bias, 0), 1);
    }
    const seen = yield forwardAsk;
    if (!goal.isReached(indexOfLargest(seen.logits))) continue;
    const found = distanceIn(norm, point, image);
    if (found < distance) {
      distance = found;
      best.set(point);
    }
    for (let i = 0; i < point.length; i++) point[i] = image[i] + backward * (point[i] - image[i]);
  }
  return distance === Infinity ? undefined : { point: best, distance };
}

/** Of the boundaries to the classes `aims`, linearized, the nearest: f = z_t − z_y with its gradient. */
function nearestPlane(
  logits: Float32Array,
  gradients: readonly Float32Array[],
  label: number,
  aims: readonly number[],
  norm: Norm,
): { readonly weights: Float32Array; readonly difference: number } {
  let nearest = { weights: gradients[0], difference: logits[aims[0]] - logits[label], distance: Infinity };
  if (aims.length === 1) return nearest;
  for (const [k, weights] of gradients.entries()) {
    const difference = logits[aims[k]] - logits[label];
    const distance =
      Math.abs(difference) / (1e-12 + (norm === "linf" ? sumOfMagnitudes(weights) : euclideanNorm(weights)));
    if (distance < nearest.distance) nearest = { weights, difference, distance };
  }
  return nearest;
}

/** At least 10⁻⁸, as in the authors' code. */
function lengthOf(vector: Float32Array, norm: Norm): number {
  return Math.max(norm === "linf" ? largestMagnitude(vector) : euclideanNorm(vector), 1e-8);
}

function distanceIn(norm: Norm, a: Float32Array, b: Float32Array): number {
  return norm === "linf" ? largestDifference(a, b) : Math.sqrt(squaredDistance(a, b));
}

/** A start at half of the radius of the budget, in a random direction, clipped to [0, 1]. */
export function startHalfway(
  { image, random, mask }: Pick<AttackTask, "image" | "random" | "mask">,
  { norm, epsilon }: Budget<Norm>,
): Float32Array {
  const direction = image.map(norm === "linf" ? () => 2 * random() - 1 : () => normal(random));
  if (mask !== undefined) keepOutside(direction, mask);
  const factor = epsilon / lengthOf(direction, norm) / 2;
  return image.map((x, i) => Math.min(Math.max(x + factor * direction[i], 0), 1));
}
