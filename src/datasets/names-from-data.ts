/** @file Names of a classifier's classes from a data set that lists its own, and what to know where the two disagree. */
import type { Labels } from "../classifier/labels/resolve-labels.ts";
import type { ModelWarning } from "../classifier/network/prepare-model.ts";
import { type ClassifierClasses, matchClassList } from "./class-labels.ts";
import { openOrder } from "./class-names/order-of-names.ts";
import type { Dataset } from "./dataset.ts";

/** Names that are only numbers, or WordNet's, name nothing. */
const numbered = /^(n\d{8}|\d+)$/;

/** At most so many names are listed in a message. */
const mostListed = 4;

function listed(names: readonly string[]): string {
  return `${names.slice(0, mostListed).join(", ")}${names.length > mostListed ? ", …" : ""}`;
}

/**
 * The names that `dataset` gives to the classes of a classifier that has none and as many, in the order in which its labels count them;
 * undefined where it gives none. A warning where the classifier's own names have nothing in common with the data's, so that only their
 * order says which is which, where fewer classes without names are counted from the first, or where that order may be another one.
 */
export function namesFromData(
  { names, count }: ClassifierClasses,
  { name, listedClasses = [], isOrderOpen = false }: Pick<Dataset, "name" | "listedClasses" | "isOrderOpen">,
): { readonly labels: Labels | undefined; readonly warnings: readonly ModelWarning[] } {
  const nothing = { labels: undefined, warnings: [] };
  if (listedClasses.length === 0 || listedClasses.every((one) => numbered.test(one))) return nothing;
  if (names === undefined) {
    if (listedClasses.length === count) {
      const reason = `the classes of the data set ${name}, in its order`;
      const warnings = isOrderOpen ? [{ code: "classes-by-order", message: openOrder(listedClasses) }] : [];
      return { labels: { labels: listedClasses, reason, warnings: [] }, warnings };
    }
    if (listedClasses.length > count) return nothing;
    const message = `the data set ${name} has ${listedClasses.length} classes (${listed(listedClasses)}) and the model ${count} without names: they are taken as its first ones, which is right only by chance. Give the names with --labels`;
    return { labels: undefined, warnings: [{ code: "classes-by-order", message }] };
  }
  if (!matchClassList(listedClasses, { names, count }).isByOrder || listedClasses.length !== count) return nothing;
  const message = `the model's classes (${listed(names)}) and those of the data set ${name} (${listed(listedClasses)}) have no name in common: they are taken to be the same in this order. If they are not, give the names with --labels`;
  return { labels: undefined, warnings: [{ code: "names-disagree", message }] };
}
