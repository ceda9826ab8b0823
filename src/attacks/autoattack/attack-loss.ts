/** @file The losses that APGD climbs: cross-entropy, and the difference of logits ratio of Croce and Hein 2020 (equations 6 and 7). */
import { logSoftmaxAt, marginRatioAt, mostProbable, scaledLogitAt } from "../../classifier/logits.ts";
import { leastClasses, type PassOutput } from "../../classifier/passes/network-graphs.ts";
import { MisuseError } from "../../errors.ts";
import type { Goal } from "../goal.ts";

/** A loss to be raised. */
export interface AttackLoss {
  /** What its gradient starts from, */
  readonly of: PassOutput;
  /** and the cotangent [K] of that. */
  readonly seed: Float32Array;
  value(logits: ArrayLike<number>): number;
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
    value: (logits) => sign * logSoftmaxAt(logits, classIndex),
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
