/** @file A class as records name it. */

/** A class with the softmax of its logit, in [0, 1]. */
export interface LabelRecord {
  readonly index: number;
  readonly name: string;
  readonly confidence: number;
}
