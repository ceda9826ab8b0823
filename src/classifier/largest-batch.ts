/** @file How many images of those at hand a model takes in one run. */
import { UnsupportedError } from "../errors.ts";
import type { Classifier } from "./classifier.ts";

/** `wanted`, if the model runs that many images at once; otherwise the batch that is written into its graph. */
export function largestBatch({ prepared }: Pick<Classifier, "prepared">, wanted: number): number {
  try {
    prepared.typed(wanted);
    return wanted;
  } catch (error) {
    if (error instanceof UnsupportedError) return prepared.fixedBatch ?? 1;
    throw error;
  }
}
