/** @file The score of a class that methods without gradients follow as they change the image. */
import type { Classifier } from "../classifier/classifier.ts";
import { softmaxAt } from "../classifier/logits.ts";
import { MisuseError, numberIn } from "../errors.ts";

/**
 * `probability`: the softmax; `logit`: the logit itself; `sigmoid`: the logistic function of the logit, as for networks with
 * one yes-or-no output per class.
 */
export const classScores = ["probability", "logit", "sigmoid"] as const;
export type ClassScore = (typeof classScores)[number];

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

/** Throws a MisuseError if `label` or `target` is not a class, or both are the same one. */
export function checkContrast(
  where: string,
  classifier: Pick<Classifier, "classCount" | "labelName">,
  label: number | undefined,
  target: number | undefined,
): void {
  for (const [name, index] of Object.entries({ label, target })) {
    if (index !== undefined)
      numberIn(`${where}: ${name}`, index, { min: 0, max: classifier.classCount - 1, integer: true });
  }
  if (label === undefined || label !== target) return;
  throw new MisuseError({
    where: `${where}: target`,
    what: "the target is the label",
    expected: "another class",
    got: classifier.labelName(label),
  });
}
