/** @file A class as records name it. */

/** So many of the most probable classes are named before and after a change. */
export const topCount = 5;

/** A class with the softmax of its logit, in [0, 1]. */
export interface LabelRecord {
  readonly index: number;
  readonly name: string;
  readonly confidence: number;
}
