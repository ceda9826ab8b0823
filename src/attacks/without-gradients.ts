/** @file What is said where no gradient leads a search. */
import { BadInputError } from "../errors.ts";
import { type FloatArray, firstNotFinite } from "../tensor/vector.ts";

/** Where the gradient has numbers that are none, a clause. */
export const noFiniteGradient =
  "the network's gradient at the picture is not a number, as that of a root, a quotient or a logarithm where it has none";

/** What can be done without gradients, a sentence. */
export const attacksWithoutGradients =
  "Attacks that look at scores or labels alone need no gradient: square and hopskipjump.";

/** What shows what a network looks at without its gradient, a sentence. */
export const methodsWithoutGradients =
  "Methods that hide parts of the picture need no gradient, such as rise and occlusion.";

/** Throws a BadInputError for a gradient with numbers that are none: every point behind it would be so, and the network's answers to them. */
export function checkGradient(gradient: FloatArray): void {
  if (firstNotFinite(gradient) < 0) return;
  throw new BadInputError({ where: "gradient", what: noFiniteGradient, advice: attacksWithoutGradients });
}
