/** @file The score of a class that methods without gradients follow as they change the image. */
import { softmaxAt } from "../classifier/logits.ts";
import { wordOption } from "../options/option.ts";

/**
 * `probability`: the softmax; `logit`: the logit itself; `sigmoid`: the logistic function of the logit, as for networks with
 * one yes-or-no output per class.
 */
const classScores = ["probability", "logit", "sigmoid"] as const;
export type ClassScore = (typeof classScores)[number];

/** The setting `score` of methods that follow a score. */
export function scoreOptionOf<const F extends ClassScore>(fallback: F) {
  return wordOption(
    "The score of the class: its softmax, its logit, or the logistic function of its logit.",
    classScores,
    { fallback },
  );
}

/** The same with the softmax by default. */
export const scoreOption = scoreOptionOf("probability");

/** The score of class `label`; with a `target`, that less the target's. In float64. */
export function scoreOf(score: ClassScore, logits: Float32Array, label: number, target?: number): number {
  const own = scoreAt(score, logits, label);
  return target === undefined ? own : own - scoreAt(score, logits, target);
}

function scoreAt(score: ClassScore, logits: Float32Array, index: number): number {
  const logit = logits[index];
  switch (score) {
    case "logit":
      return logit;
    case "sigmoid":
      return 1 / (1 + Math.exp(-logit));
    case "probability":
      return softmaxAt(logits, index);
  }
}
