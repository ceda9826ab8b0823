/** @file From the classes of a data set to those of a classifier. */

import { imagenetLabels } from "../classifier/labels/imagenet.ts";
import { builtInLabelsFor } from "../classifier/labels/labels.ts";
import { imagenetSynsets } from "./formats/imagenet-synsets.ts";

/** The classes that labels are to be indices of. */
export interface ClassifierClasses {
  /** Their names in order; synonyms are separated by commas. */
  readonly names?: readonly string[];
  readonly count: number;
}

/** What a class of a data set is among the classifier's: its index, or why there is none, a phrase. */
export type LabelLookup = { readonly label: number } | { readonly reason: string };

/** Finds labels for the classes of one data set. */
export interface ClassLabels {
  /** By WordNet number, such as "n01440764". */
  readonly ofSynset: (synset: string) => LabelLookup;
  /** By name; letter case, spaces, underscores and hyphens do not matter. */
  readonly ofName: (name: string) => LabelLookup;
  /** By the data set's own index. */
  readonly ofIndex: (index: number) => LabelLookup;
  /** By whichever of these the text is: a name, else a WordNet number, else an index. */
  readonly ofText: (text: string) => LabelLookup;
}

function folded(name: string): string {
  return name.toLowerCase().replace(/[\s_-]+/g, "");
}

const synsetIndex = new Map(imagenetSynsets.map((synset, index) => [synset, index]));

/**
 * The labels that `classes` gives to a data set's classes. A name means the class that is called exactly so, else the only one with
 * such a synonym ("tabby" for "tabby, tabby cat"); two classes that fit equally well (ImageNet has two cranes) are no answer.
 * WordNet numbers are ImageNet's indices where the classifier has its thousand classes (and one more for "background" in
 * front, where there are 1001), otherwise their names are looked up.
 */
export function classLabels({ names, count }: ClassifierClasses): ClassLabels {
  const exact = new Map<string, number[]>();
  const synonyms = new Map<string, number[]>();
  const add = (to: Map<string, number[]>, key: string, index: number): void => {
    const known = to.get(key);
    if (known === undefined) to.set(key, [index]);
    else if (!known.includes(index)) known.push(index);
  };
  for (const [index, name] of (names ?? []).entries()) {
    add(exact, folded(name), index);
    for (const synonym of name.split(",")) add(synonyms, folded(synonym), index);
  }
  const ofName = (name: string): LabelLookup => {
    const found = exact.get(folded(name)) ?? synonyms.get(folded(name)) ?? [];
    if (found.length === 1) return { label: found[0] };
    if (names === undefined)
      return { reason: `the classifier's classes have no names to find ${JSON.stringify(name)} among` };
    if (found.length === 0) return { reason: `the classifier has no class ${JSON.stringify(name)}` };
    return { reason: `${JSON.stringify(name)} may be class ${found.join(" or ")}` };
  };
  const imagenetOffset = offsetOfImagenet(names, count);
  const ofSynset = (synset: string): LabelLookup => {
    const index = synsetIndex.get(synset);
    if (index === undefined) return ofName(synset);
    if (imagenetOffset !== undefined) return { label: index + imagenetOffset };
    const candidates = [imagenetLabels[index], ...imagenetLabels[index].split(",")].map(ofName);
    return (
      candidates.find((candidate) => "label" in candidate) ?? {
        reason: `the classifier has no class ${synset} (${imagenetLabels[index]})`,
      }
    );
  };
  const ofIndex = (index: number): LabelLookup =>
    Number.isInteger(index) && index >= 0 && index < count
      ? { label: index }
      : { reason: `class ${index} is not one of the classifier's ${count}` };
  const ofText = (text: string): LabelLookup => {
    const named = ofName(text);
    if ("label" in named) return named;
    if (/^n\d{8}$/.test(text)) return ofSynset(text);
    return /^\d+$/.test(text) ? ofIndex(Number(text)) : named;
  };
  return { ofSynset, ofName, ofIndex, ofText };
}

/** Where ImageNet's classes begin among the classifier's, if those are ImageNet's. */
function offsetOfImagenet(names: readonly string[] | undefined, count: number): number | undefined {
  const standard = builtInLabelsFor(count);
  if (standard === undefined || count < 1000) return undefined;
  const offset = count - 1000;
  if (names === undefined) return offset;
  // Lists differ in a few spellings and in how many synonyms they give.
  const agreeing = imagenetLabels.filter((label, index) => {
    const mine = new Set(label.split(",").map(folded));
    return names[index + offset]?.split(",").some((name) => mine.has(folded(name)));
  });
  return agreeing.length > 500 ? offset : undefined;
}

/**
 * Why the data set's numbers are no indices, a phrase, where they are 1, … , n of n classes: as indices all but the last would be those of the
 * next class. Whether 1 is the first, or they stand in the order of their text (1, 10, 2), as folders do for who trained with them, is not known.
 */
export function numbersFromOne(classNames: readonly string[], classes: ClassifierClasses): string | undefined {
  if (classes.count < 2 || classNames.length < 2) return undefined;
  let most = 0;
  for (const name of classNames) {
    const number = /^\d+$/.test(name) ? Number(name) : 0;
    if (number === 0) return undefined;
    most = Math.max(most, number);
  }
  if (most !== classes.count) return undefined;
  const { ofName } = classLabels(classes);
  if (classNames.some((name) => "label" in ofName(name))) return undefined;
  return `the data's classes are numbers up to ${most}, without 0, and the model's are counted from 0 to ${classes.count - 1}: give their names (such as 1, 2, …) in the model's order with --labels`;
}

/**
 * The labels of classes that the data set numbers and names, in its order: found by name or WordNet number; where none of them is,
 * and the classifier has as many classes, or at least as many and no names for them, the index is the label.
 */
export function labelsOfClassList(classNames: readonly string[], classes: ClassifierClasses): LabelLookup[] {
  const labels = classLabels(classes);
  const found = classNames.map((name) => labels.ofText(name));
  const fits = classes.names === undefined ? classNames.length <= classes.count : classNames.length === classes.count;
  const noneFound = found.every((lookup) => !("label" in lookup));
  const shifted = numbersFromOne(classNames, classes);
  if (shifted !== undefined) return classNames.map(() => ({ reason: shifted }));
  return noneFound && fits ? classNames.map((_, index) => labels.ofIndex(index)) : found;
}
