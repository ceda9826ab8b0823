/** @file What the robustness experiment keeps of one picture under one attack. */
import { type AttackEnding, attackOutcomes } from "../../attacks/attack.ts";
import type { ModelWarning } from "../../classifier/network/prepare-model.ts";
import type { Cost } from "../../options/cost.ts";
import {
  type Form,
  isCost,
  isCount,
  isNumber,
  isShare,
  isText,
  isTruth,
  listOf,
  objectOf,
  orNull,
  wordOf,
} from "../records/record-form.ts";

/** What became of the picture within one radius. */
export interface RadiusRecord {
  readonly epsilon: number;
  readonly outcome: AttackEnding;
  /** Of the class attacked, for the image within the budget. */
  readonly margin: number;
  /** Whether eight bits per channel keep a success. */
  readonly isKeptInBytes: boolean;
  /** Of an attack made of several: the part that succeeded. */
  readonly by: string | null;
  /** From the clean picture, in pixels of [0, 1]. */
  readonly l2: number;
  readonly linf: number;
  readonly evaluations: Cost;
}

export interface RobustnessRecord {
  /** The class that is right: the data set's, or the predicted one where that is wanted. */
  readonly truth: number;
  /** The class predicted for the clean picture, with its softmax. */
  readonly label: number;
  readonly confidence: number;
  /** The radii at which it was attacked, ascending: none if the prediction is wrong, and none beyond the one where it falls in bytes as well. */
  readonly radii: readonly RadiusRecord[];
  /** The smallest radius within which it was flipped, and the smallest within which eight bits keep that; null if there is none. */
  readonly fallsAt: number | null;
  readonly fallsInBytesAt: number | null;
  /** What the attack said of whether it is to be believed. */
  readonly warnings: readonly ModelWarning[];
}

/** Whether a value that was read is a {@link RobustnessRecord}. */
export const isRobustnessRecord: Form<RobustnessRecord> = objectOf<RobustnessRecord>({
  truth: isCount,
  label: isCount,
  confidence: isShare,
  radii: listOf(
    objectOf<RadiusRecord>({
      epsilon: isNumber,
      outcome: wordOf(attackOutcomes),
      margin: isNumber,
      isKeptInBytes: isTruth,
      by: orNull(isText),
      l2: isNumber,
      linf: isNumber,
      evaluations: isCost,
    }),
  ),
  fallsAt: orNull(isNumber),
  fallsInBytesAt: orNull(isNumber),
  warnings: listOf(objectOf<ModelWarning>({ code: isText, message: isText })),
});
