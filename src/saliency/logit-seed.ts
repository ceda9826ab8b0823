/** @file What is asked of a network: why this class, or why this class and not that one. */
import type { Classifier } from "../classifier/classifier.ts";
import type { Head } from "../classifier/network/head/head.ts";
import { MisuseError, numberIn } from "../errors.ts";

/** What of a classifier decides a seed. */
type SeededClassifier = Pick<Classifier, "classCount"> & {
  readonly prepared?: { readonly head: Pick<Head, "kind" | "decision"> };
};

/**
 * The cotangent [K] of the class scores: 1 at the label, and −1 at the target if there is one. Of two classes that are made of one number
 * the first has the score 0 whatever is on the image: what speaks for it is what speaks against the second.
 */
export function logitSeed({ classCount, prepared }: SeededClassifier, label: number, target?: number): Float32Array {
  const seed = new Float32Array(classCount);
  seed[label] = 1;
  if (target !== undefined) seed[target] = -1;
  const { kind, decision } = prepared?.head ?? {};
  const isOneNumber = kind === "sigmoid" || kind === "value" || decision !== undefined;
  if (isOneNumber && classCount === 2 && label === 0) seed[1] = -1;
  return seed;
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
