/** @file The losses that APGD climbs: cross-entropy, and the difference of logits ratio of Croce and Hein 2020 (equations 6 and 7). */
import { crossEntropyAt, marginRatioAt, mostProbable, scaledLogitAt } from "../../classifier/logits.ts";
import { leastClasses, type PassOutput } from "../../classifier/passes/network-graphs.ts";
import { MisuseError } from "../../errors.ts";
import { largestMagnitude } from "../../tensor/vector.ts";
import type { Goal } from "../goal.ts";
import { logOddsSeed } from "../likelihood.ts";
import type { Answer, Search } from "./ask.ts";

/** A loss to be raised. */
export interface AttackLoss {
  /** What its gradient starts from, */
  readonly of: PassOutput;
  /** and the cotangent [K] of that. */
  readonly seed: Float32Array;
  value(logits: ArrayLike<number>): number;
  /** Where float32 may round the gradient to 0: a cotangent [K] of the logits whose gradient points the same way; undefined where it does not. */
  readonly whereVanished?: (logits: Float32Array) => Float32Array | undefined;
}

/**
 * The logits at `point` and `draws` gradients of the loss; where all of these are 0 for want of digits, those that point the same way, from as many
 * runs again.
 */
export function* askLoss(point: Float32Array, loss: AttackLoss, draws = 1): Search<Answer> {
  const repeated = (seed: Float32Array): Float32Array[] => Array.from({ length: draws }, () => seed);
  const answer = yield { point, of: loss.of, seeds: repeated(loss.seed) };
  if (loss.whereVanished === undefined || answer.gradients.some((gradient) => largestMagnitude(gradient) > 0)) {
    return answer;
  }
  const seed = loss.whereVanished(answer.logits);
  return seed === undefined ? answer : yield { point, of: "logits", seeds: repeated(seed) };
}

export const lossNames = ["ce", "dlr", "targeted-dlr"] as const;
export type LossName = (typeof lossNames)[number];

const outputOf: Readonly<Record<LossName, PassOutput>> = {
  ce: "log-probabilities",
  dlr: "margin-ratios",
  "targeted-dlr": "scaled-logits",
};

/** Throws a MisuseError if the model has fewer classes than the loss needs; with a target, the ratio is the targeted one. */
export function checkLossClasses(where: string, loss: LossName, classCount: number, isTargeted: boolean): void {
  const name = loss === "dlr" && isTargeted ? "targeted-dlr" : loss;
  const least = leastClasses[outputOf[name]];
  if (classCount >= least && classCount >= 2) return;
  throw new MisuseError({
    where: `${where}: loss`,
    what: `the ${name === "targeted-dlr" ? "targeted " : ""}difference of logits ratio needs more classes`,
    expected: `a model of at least ${least} classes`,
    got: `one of ${classCount}`,
    advice: 'Take the loss "ce".',
  });
}

/** Cross-entropy of the class to leave, or, to be raised as well, minus that of the class to reach. */
export function crossEntropy({ classIndex, targeted }: Goal, classCount: number): AttackLoss {
  const sign = targeted ? 1 : -1;
  return {
    of: "log-probabilities",
    seed: oneAt(classCount, [classIndex, sign]),
    value: (logits) => -sign * crossEntropyAt(logits, classIndex),
    // The loss rises as the log odds fall.
    ...(targeted ? {} : { whereVanished: (logits) => logOddsSeed(logits, classIndex)?.map((value) => -value) }),
  };
}

/** −(z_y − max_{j≠y} z_j) / (z_π1 − z_π3 + 10⁻¹²), π being the order of the logits, the largest first. */
export function logitsRatio(label: number, classCount: number): AttackLoss {
  return {
    of: "margin-ratios",
    seed: oneAt(classCount, [label, -1]),
    value: (logits) => -marginRatioAt(logits, label),
  };
}

/** −(z_y − z_t) / (z_π1 − ½(z_π3 + z_π4) + 10⁻¹²). */
export function targetedLogitsRatio(label: number, target: number, classCount: number): AttackLoss {
  return {
    of: "scaled-logits",
    seed: oneAt(classCount, [label, -1], [target, 1]),
    value: (logits) => scaledLogitAt(logits, target) - scaledLogitAt(logits, label),
  };
}

/** The classes that targeted parts of AutoAttack aim at: the most probable `count` besides the label, or the goal's own. */
export function targetsOf(
  { goal: { classIndex, targeted }, label, clean: { logits } }: TargetedTask,
  count: number,
): readonly number[] {
  if (targeted) return [classIndex];
  return mostProbable(logits, count + 1)
    .filter((index) => index !== label)
    .slice(0, count);
}

interface TargetedTask {
  readonly goal: Goal;
  readonly label: number;
  readonly clean: { readonly logits: Float32Array };
}

/** [K], 0 but for the given entries. */
export function oneAt(
  classCount: number,
  ...entries: readonly (readonly [index: number, value: number])[]
): Float32Array {
  const vector = new Float32Array(classCount);
  for (const [index, value] of entries) vector[index] = value;
  return vector;
}
