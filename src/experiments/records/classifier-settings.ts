/** @file What of a classifier decides records besides the hash of its file. */
import type { Classifier } from "../../classifier/classifier.ts";

/** As the settings of an identity, plain JSON; what nobody said is left out, so that folders of before it could be said go on. */
export function classifierSettings({ guess, prepared }: Pick<Classifier, "guess" | "prepared">): object {
  const { decision } = prepared.head;
  const { given } = prepared;
  return {
    preprocessing: guess.preprocessing,
    ...(decision === undefined ? {} : { decision }),
    // Another output of the file, other values of its inputs or another size: another classifier.
    ...(Object.keys(given).length === 0 ? {} : { given }),
  };
}
