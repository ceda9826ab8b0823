/** @file The methods that go without saying. */
import type { Classifier } from "../../classifier/classifier.ts";
import { isWithoutGradient } from "../../classifier/network/prepare-model.ts";

/**
 * What `explain` and the studio run unless told otherwise on a network that decides between classes and has gradients, both on one perturbation: first the method whose boxes err less
 * (`results/thresholds`), which is the picture's box, then the change itself.
 */
export const usualMethods = ["guided-perceptual", "perceptual"] as const satisfies readonly string[];

/** Instead of these where the output is taken as a number, which has no label to change: what each pixel adds to that number. */
export const usualMethodsOfNumbers = ["integrated-gradients"] as const satisfies readonly string[];

/** Where no gradient arrives at the pixels, as with trees: what hides parts of the picture, and looks at answers alone. */
export const usualMethodsWithoutGradient = ["rise", "occlusion"] as const satisfies readonly string[];

/** The usual methods of a classifier. */
export function usualMethodsOf(classifier: Pick<Classifier, "prepared" | "warnings">): readonly string[] {
  if (classifier.prepared.head.kind === "value") return usualMethodsOfNumbers;
  return isWithoutGradient(classifier) ? usualMethodsWithoutGradient : usualMethods;
}
