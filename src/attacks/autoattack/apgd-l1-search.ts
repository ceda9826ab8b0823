/**
 * @file Auto-PGD in ℓ1: steps along the signs of the largest elements of the gradient, projected on what the ball has in common with [0, 1]ⁿ; how many elements follows how many the best point has
 * changed.
 *
 * Source: Croce and Hein, "Mind the box: ℓ1-APGD for sparse adversarial attacks on image classifiers", ICML 2021, algorithm 1, by the numbers and the order of events of the authors' code.
 */
import { projectL1Ball } from "../../optimize/project-l1-ball.ts";
import { normal } from "../../random/distributions.ts";
import { indexOfLargest, largestMagnitude } from "../../tensor/vector.ts";
import type { AttackTask } from "../attack.ts";
import type { Budget } from "../budget.ts";
import { keepOutside } from "../hold-to-mask.ts";
import { type ApgdFound, type ApgdPlan, meanInto } from "./apgd-search.ts";
import type { Search } from "./ask.ts";
import { type AttackLoss, askLoss } from "./attack-loss.ts";

/** The share of the elements that the first steps change. */
const firstShare = 0.2;
/** By what a step is divided where the best point is no sparser than at the last check, and the least share of the radius that it falls to. */
const [shrinkage, leastShare] = [1.5, 0.1];
/** Below this share of the elements that it had changed at the last check, the best point counts as sparser. */
const sparser = 0.95;

/**
 * One run from `start`: `steps` + 1 gradients. Deviation: elements that are not to change equal the clean ones exactly and are not counted as changed; in the authors' code some keep a rounding error, which counts.
 */
export function* autoPgdL1(
  { image: center, goal }: Pick<AttackTask, "image" | "goal">,
  start: Float32Array,
  loss: AttackLoss,
  { budget: { epsilon }, steps, draws, stopsAtSuccess }: Omit<ApgdPlan, "rho">,
): Search<ApgdFound> {
  const point = start.slice();
  const best = start.slice();
  const reached = start.slice();
  const gradient = new Float32Array(point.length);
  const magnitudes = new Float32Array(point.length);
  const project = projectL1Ball(center, epsilon, 0, 1);

  let { logits, gradients } = yield* askLoss(point, loss, draws);
  meanInto(gradient, gradients);
  const bestGradient = gradient.slice();
  const isFlat = largestMagnitude(gradient) === 0;
  let bestValue = loss.value(logits);
  let isReached = goal.isReached(indexOfLargest(logits));

  const checkEvery = Math.max(Math.floor(0.04 * steps), 1);
  let [share, changed, stepSize] = [firstShare, point.length, epsilon];
  for (let step = 0; step < steps && !(stopsAtSuccess && isReached); step++) {
    for (let i = 0; i < magnitudes.length; i++) magnitudes[i] = Math.abs(gradient[i]);
    magnitudes.sort();
    const skipped = Math.trunc(Math.fround(Math.fround(1 - share) * point.length));
    const least = magnitudes[Math.min(Math.max(skipped, 0), point.length - 1)];
    let count = 0;
    for (let i = 0; i < point.length; i++) if (gradient[i] !== 0 && Math.abs(gradient[i]) >= least) count++;
    const length = stepSize / (count + 1e-10);
    for (let i = 0; i < point.length; i++) {
      if (Math.abs(gradient[i]) >= least) point[i] += length * Math.sign(gradient[i]);
    }
    project(point);
    ({ logits, gradients } = yield* askLoss(point, loss, draws));
    meanInto(gradient, gradients);
    if (goal.isReached(indexOfLargest(logits))) {
      isReached = true;
      reached.set(point);
    }
    const value = loss.value(logits);
    if (value > bestValue) {
      bestValue = value;
      best.set(point);
      bestGradient.set(gradient);
    }
    if ((step + 1) % checkEvery !== 0) continue;
    let now = 0;
    for (let i = 0; i < best.length; i++) if (best[i] !== center[i]) now++;
    const isSparser = now / changed < sparser;
    share = now / best.length / 1.5;
    stepSize = isSparser ? epsilon : Math.max(stepSize / shrinkage, leastShare * epsilon);
    changed = now;
    if (!isSparser) continue;
    point.set(best);
    gradient.set(bestGradient);
  }
  return { point: isReached ? reached : best, isReached, value: bestValue, isFlat };
}

/** A start in the ball: normal noise, projected. */
export function startInL1Ball(
  { image, random, mask }: Pick<AttackTask, "image" | "random" | "mask">,
  { epsilon }: Pick<Budget, "epsilon">,
): Float32Array {
  const noise = image.map(() => normal(random));
  if (mask !== undefined) keepOutside(noise, mask);
  const start = image.map((x, i) => x + noise[i]);
  projectL1Ball(image, epsilon, 0, 1)(start);
  return start;
}
