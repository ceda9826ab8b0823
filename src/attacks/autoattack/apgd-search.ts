/**
 * @file Auto-PGD: projected gradient ascent with momentum whose step is halved, and which goes back to its best point, where it stalls.
 *
 * Source: Croce and Hein, "Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free attacks", ICML 2020,
 * algorithm 1, by the numbers and the order of events of the authors' code.
 */
import { projectLinfBall } from "../../optimize/projections.ts";
import { normal } from "../../random/distributions.ts";
import { kernelsFor } from "../../simd/kernels.ts";
import { type Arrays, openArrays, ordinaryArrays } from "../../simd/workspace.ts";
import { euclideanNorm, indexOfLargest, largestMagnitude } from "../../tensor/vector.ts";
import type { AttackTask } from "../attack.ts";
import type { Budget } from "../budget.ts";
import { keepOutside } from "../hold-to-mask.ts";
import type { Search } from "./ask.ts";
import { type AttackLoss, askLoss } from "./attack-loss.ts";

export interface ApgdPlan {
  readonly budget: Budget;
  readonly steps: number;
  /** The step is halved unless more than this share of the steps since the last check raised the loss. */
  readonly rho: number;
  /** Gradients of the same point that are averaged. */
  readonly draws: number;
  /** Whether the search ends at the first point that reaches the goal. */
  readonly stopsAtSuccess: boolean;
}

export interface ApgdFound {
  /** The last point that reached the goal; where none did, that of the largest loss. */
  readonly point: Float32Array;
  readonly isReached: boolean;
  /** The largest loss seen. */
  readonly value: number;
  /** Whether the gradient at the start was 0 throughout. */
  readonly isFlat: boolean;
}

/** Of each step, the share of the last move that goes on. */
const momentumShare = 0.25;

/**
 * One run from `start`: `steps` + 1 gradients. Momentum takes up a quarter of the last move, but for the first step; the step begins at 2ε.
 *
 * The points checked for progress are those of the authors' code, with what comes of its indices: the loss of the start is not among those
 * that are compared, and the first step counts as a rise if its loss is above 0.
 */
export function* autoPgd(
  task: Pick<AttackTask, "image" | "goal">,
  start: Float32Array,
  loss: AttackLoss,
  plan: ApgdPlan,
): Search<ApgdFound> {
  // The point, the one before, the gradient and two bounds.
  const arrays = openArrays({ singles: 5 * start.length, doubles: 0, integers: 0 }) ?? ordinaryArrays;
  try {
    return yield* climb(task, start, loss, plan, arrays);
  } finally {
    arrays.close();
  }
}

/** {@link autoPgd} with arrays that the caller gives back. */
function* climb(
  { image: center, goal }: Pick<AttackTask, "image" | "goal">,
  start: Float32Array,
  loss: AttackLoss,
  { budget, steps, rho, draws, stopsAtSuccess }: ApgdPlan,
  arrays: Arrays,
): Search<ApgdFound> {
  const [point, previous, gradient] = [start, start, start].map((from) => copiedTo(arrays, from));
  const best = start.slice();
  const reached = start.slice();
  const move = moveIn(budget, center, arrays);

  let { logits, gradients } = yield* askLoss(point, loss, draws);
  meanInto(gradient, gradients);
  const bestGradient = gradient.slice();
  const isFlat = largestMagnitude(gradient) === 0;
  let bestValue = loss.value(logits);
  let isReached = goal.isReached(indexOfLargest(logits));

  const values = new Float64Array(steps);
  let stepSize = 2 * budget.epsilon;
  const checks = checkpoints(steps);
  let [checkAfter, sinceCheck] = [checks.next().value, 0];
  let [valueAtCheck, wasHalved] = [bestValue, true];
  for (let step = 0; step < steps && !(stopsAtSuccess && isReached); step++) {
    move(point, previous, gradient, stepSize, step === 0 ? 0 : momentumShare);
    ({ logits, gradients } = yield* askLoss(point, loss, draws));
    meanInto(gradient, gradients);
    if (goal.isReached(indexOfLargest(logits))) {
      isReached = true;
      reached.set(point);
    }
    const value = loss.value(logits);
    values[step] = value;
    if (value > bestValue) {
      bestValue = value;
      best.set(point);
      bestGradient.set(gradient);
    }
    sinceCheck++;
    if (sinceCheck < checkAfter) continue;
    let rises = 0;
    for (let back = 0; back < checkAfter; back++) {
      const at = step - back;
      // One before the first is the end of the list, which is still 0.
      if (values[at] > values[at === 0 ? steps - 1 : at - 1]) rises++;
    }
    const isHalved = rises <= rho * checkAfter || (!wasHalved && valueAtCheck >= bestValue);
    if (isHalved) {
      stepSize /= 2;
      point.set(best);
      gradient.set(bestGradient);
    }
    [wasHalved, valueAtCheck] = [isHalved, bestValue];
    [checkAfter, sinceCheck] = [checks.next().value, 0];
  }
  return { point: isReached ? reached : best, isReached, value: bestValue, isFlat };
}

function copiedTo(arrays: Arrays, vector: Float32Array): Float32Array {
  const copy = arrays.singles(vector.length);
  copy.set(vector);
  return copy;
}

/** After how many steps the next check comes: 22 % of all at first, each time 3 % less, at least 6 %. */
function* checkpoints(steps: number): Generator<number, never> {
  const share = (part: number): number => Math.max(Math.floor(part * steps), 1);
  for (let length = share(0.22); ; length = Math.max(length - share(0.03), share(0.06))) yield length;
}

/** The mean of the gradients, in float64. */
export function meanInto(mean: Float32Array, gradients: readonly Float32Array[]): void {
  if (gradients.length === 1) mean.set(gradients[0]);
  else
    for (let i = 0; i < mean.length; i++)
      mean[i] = gradients.reduce((sum, { [i]: g }) => sum + g, 0) / gradients.length;
}

/** Moves a point, in place, along its gradient, with the share `kept` of the move that led there from `previous`, which becomes the point before. */
type Move = (
  point: Float32Array,
  previous: Float32Array,
  gradient: Float32Array,
  stepSize: number,
  kept: number,
) => void;

function moveIn({ norm, epsilon }: Budget, center: Float32Array, arrays: Arrays): Move {
  if (norm !== "linf") return moveInBall(center, epsilon);
  const { low, high } = projectLinfBall(center, epsilon, 0, 1).box;
  const [lows, highs] = [low as Float32Array, high as Float32Array].map((bound) => copiedTo(arrays, bound));
  return (point, previous, gradient, stepSize, kept) =>
    climbInBox(point, previous, gradient, stepSize, kept, lows, highs);
}

/**
 * A step of Auto-PGD, in place: along the signs of the gradient, between [lows, highs], with the share `kept` of the move from `previous`, and between
 * them again; `previous` becomes the point before. Where the gradient is 0 or NaN nothing is stepped.
 */
export function climbInBox(
  point: Float32Array,
  previous: Float32Array,
  gradient: Float32Array,
  stepSize: number,
  kept: number,
  lows: Float32Array,
  highs: Float32Array,
): void {
  const kernels = kernelsFor(point, previous, gradient, lows, highs);
  if (kernels !== undefined) {
    const [to, before, slopes, low, high] = [point, previous, gradient, lows, highs].map(
      ({ byteOffset }) => byteOffset,
    );
    kernels.climbInBox(to, before, slopes, stepSize, kept, low, high, point.length);
    return;
  }
  const gain = 1 - kept;
  // Comparisons: half the time that Math.min and Math.max take.
  for (let i = 0; i < point.length; i++) {
    const at = point[i];
    const slope = gradient[i];
    const least = lows[i];
    const most = highs[i];
    let to = slope > 0 ? at + stepSize : slope < 0 ? at - stepSize : at;
    if (to < least) to = least;
    else if (to > most) to = most;
    to = at + (to - at) * gain + (at - previous[i]) * kept;
    previous[i] = at;
    point[i] = to < least ? least : to > most ? most : to;
  }
}

/** In ℓ2 a point is scaled back into the ball and then clipped to [0, 1], as in the authors' code. */
function moveInBall(center: Float32Array, epsilon: number): Move {
  const stepped = new Float32Array(center.length);
  const project = (point: Float32Array): void => {
    let squares = 0;
    for (let i = 0; i < point.length; i++) squares += (point[i] - center[i]) ** 2;
    const length = Math.sqrt(squares);
    const factor = Math.min(epsilon, length) / (length + 1e-12);
    for (let i = 0; i < point.length; i++) {
      point[i] = Math.min(Math.max(center[i] + factor * (point[i] - center[i]), 0), 1);
    }
  };
  return (point, previous, gradient, stepSize, kept) => {
    const factor = stepSize / (euclideanNorm(gradient) + 1e-12);
    for (let i = 0; i < point.length; i++) stepped[i] = point[i] + factor * gradient[i];
    project(stepped);
    for (let i = 0; i < point.length; i++) {
      const at = point[i];
      point[i] = at + (stepped[i] - at) * (1 - kept) + (at - previous[i]) * kept;
      previous[i] = at;
    }
    project(point);
  };
}

/** A start on the surface of the ball (in ℓ∞ with one element at ε at least), clipped to [0, 1]. */
export function startOnSurface(
  { image, random, mask }: Pick<AttackTask, "image" | "random" | "mask">,
  { norm, epsilon }: Budget,
): Float32Array {
  const direction = image.map(norm === "linf" ? () => 2 * random() - 1 : () => normal(random));
  if (mask !== undefined) keepOutside(direction, mask);
  const length = norm === "linf" ? largestMagnitude(direction) : euclideanNorm(direction);
  const factor = epsilon / (length + 1e-12);
  return image.map((x, i) => Math.min(Math.max(x + factor * direction[i], 0), 1));
}
