/** @file Choosing a setting on one half of the images and judging it on the other. */
import { checkForm, MisuseError } from "../../errors.ts";
import { hash64 } from "../records/canonical-json.ts";

/**
 * The identifiers in two halves, equal in number up to one: those whose hashes are smaller, and the others. The same whatever
 * the order of `ids`; each half is in order of the hashes. Repeated identifiers count once.
 */
export function splitHalves(ids: readonly string[]): readonly [first: string[], second: string[]] {
  checkForm("splitHalves: ids", ids, "list");
  const hashed = [...new Set(ids)].map((id) => ({ id, hash: hash64(id) }));
  hashed.sort((a, b) => (a.hash === b.hash ? (a.id < b.id ? -1 : 1) : a.hash < b.hash ? -1 : 1));
  const sorted = hashed.map(({ id }) => id);
  const middle = Math.ceil(sorted.length / 2);
  return [sorted.slice(0, middle), sorted.slice(middle)];
}

/** What settings chosen on one half achieve on the other. */
export interface SplitHalfTuning<C> {
  /** Mean loss over all identifiers, each under the setting that was chosen without it. */
  readonly loss: number;
  /** That loss of each identifier, in the order of `ids`. */
  readonly losses: readonly number[];
  /** The setting chosen on the first half (and judged on the second), and the one chosen on the second. */
  readonly chosen: readonly [onFirst: C, onSecond: C];
}

/**
 * Twofold cross-validation of a choice: on each half of `ids` the choice with the smallest mean loss (the first of equals) is
 * taken and judged on the other half, and the two are pooled. Unlike the best choice on all images, its loss is not flattered by
 * having been chosen on the images that judge it. Throws a {@link MisuseError} for no choice or fewer than two identifiers.
 */
export function tuneOnHalves<C>(
  ids: readonly string[],
  choices: readonly C[],
  lossOf: (choice: C, id: string) => number,
): SplitHalfTuning<C> {
  checkForm("tuneOnHalves: ids", ids, "list");
  checkForm("tuneOnHalves: choices", choices, "list");
  checkForm("tuneOnHalves: lossOf", lossOf, "function");
  const [first, second] = splitHalves(ids);
  if (choices.length === 0 || second.length === 0) {
    throw new MisuseError({
      where: "tuneOnHalves",
      what: "nothing to choose from",
      expected: "at least one choice and two images",
      got: `${choices.length} and ${first.length + second.length}`,
    });
  }
  const bestOn = (half: readonly string[]): C => {
    const sums = choices.map((choice) => half.reduce((sum, id) => sum + lossOf(choice, id), 0));
    return choices[sums.indexOf(Math.min(...sums))];
  };
  const chosen = [bestOn(first), bestOn(second)] as const;
  const isInFirst = new Set(first);
  const losses = ids.map((id) => lossOf(isInFirst.has(id) ? chosen[1] : chosen[0], id));
  return { loss: losses.reduce((sum, loss) => sum + loss, 0) / losses.length, losses, chosen };
}
