/** @file What an attack wants: to leave a class, or to reach one. */
import { marginOf } from "../classifier/logits.ts";
import { checkForm } from "../errors.ts";

export interface Goal {
  /** The class whose margin counts: the one to reach where there is one, else the one to leave. */
  readonly classIndex: number;
  /** Whether the class is to be reached rather than left. */
  readonly targeted: boolean;
  /** Whether an image that the classifier calls `label` is what was wanted. */
  isReached(label: number): boolean;
  /**
   * The margin (equation 1) as the attack sees it: C_i − max_{j≠i} C_j of the class to leave, max_{j≠t} C_j − C_t of the class to reach.
   * Negative where the goal is reached; 0 on a tie.
   */
  margin(logits: ArrayLike<number>): number;
}

/** The goal of an attack on an image of class `label`, with the class to reach, if any. */
export function goalOf(given: { readonly label: number; readonly target?: number | undefined }): Goal {
  checkForm("goalOf: given", given, ["label"]);
  const { label, target } = given;
  const targeted = target !== undefined;
  const classIndex = target ?? label;
  return {
    classIndex,
    targeted,
    isReached: (found) => (found === classIndex) === targeted,
    margin: (logits) => marginOf(logits, classIndex, targeted),
  };
}
