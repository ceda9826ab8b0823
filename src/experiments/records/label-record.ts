/** @file A class as records name it. */
import type { Classifier } from "../../classifier/classifier.ts";
import { mostProbable, softmaxAt } from "../../classifier/logits.ts";

/** So many of the most probable classes are named before and after a change. */
export const topCount = 5;

/** A class with the softmax of its logit, in [0, 1]. */
export interface LabelRecord {
  readonly index: number;
  readonly name: string;
  readonly confidence: number;
}

/** The {@link topCount} most probable classes by their logits, the first first. */
export function topLabels(logits: Float32Array, classifier: Pick<Classifier, "labelName">): LabelRecord[] {
  return mostProbable(logits, topCount).map((index) => ({
    ...{ index, name: classifier.labelName(index) },
    confidence: softmaxAt(logits, index),
  }));
}
