/** @file What is asked of a network: why this class, or why this class and not that one. */
import type { Classifier } from "../classifier/classifier.ts";
import type { ImageTensor } from "../image/picture.ts";
import { checkContrast } from "./class-score.ts";
import type { MethodOptions } from "./method.ts";

export interface Question {
  /** The class that is explained. */
  readonly label: number;
  /** The cotangent [K] of the class scores: 1 at the label, and −1 at the target if there is one. */
  readonly seed: Float32Array;
  /** Runs of the network that the question took: one forward if the label was to be found. */
  readonly forward: number;
}

/** The label, by default the predicted one, and the seed. Throws a MisuseError for a class that the network does not have. */
export async function questionOf(
  where: string,
  classifier: Classifier,
  image: ImageTensor,
  { label: given, target, signal }: Pick<MethodOptions, "label" | "target" | "signal">,
): Promise<Question> {
  checkContrast(where, classifier, given, target);
  const label = given ?? (await classifier.classify(image, { signal })).label;
  checkContrast(where, classifier, label, target);
  const seed = new Float32Array(classifier.classCount);
  seed[label] = 1;
  if (target !== undefined) seed[target] = -1;
  return { label, seed, forward: given === undefined ? 1 : 0 };
}
