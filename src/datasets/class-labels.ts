/** @file From the classes of a data set to those of a classifier. */

import { imagenetLabels } from "../classifier/labels/imagenet.ts";
import { builtInLabelsFor } from "../classifier/labels/labels.ts";
import { foldedName as folded, matchByWords, matchWithoutFront, synsetInFront } from "./class-names/match-names.ts";
import { isOrderOpen, openOrderNote } from "./class-names/order-of-names.ts";
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

/** The labels of a data set's classes, and how they were found. */
export interface ClassMatch {
  readonly lookups: readonly LabelLookup[];
  /** Whether no name says which class is which, so that their order does. */
  readonly isByOrder: boolean;
  /** Whether that order may be another one, so that labels are right only by chance. */
  readonly isOpen: boolean;
  /** What was concluded: sentences. */
  readonly notes: readonly string[];
}

function match(lookups: readonly LabelLookup[], more: Partial<ClassMatch> = {}): ClassMatch {
  return { lookups, isByOrder: false, isOpen: false, notes: [], ...more };
}

/**
 * The labels of classes that the data set numbers and names, in its order: found by name or WordNet number, also without what stands in front of a
 * name, or, one-to-one for all, by the words in them. Where none of them is, and the classifier has as many classes, or at least as many and
 * no names for them, the index is the label, unless a word says otherwise. Without a classifier it always is.
 */
export function matchClassList(classNames: readonly string[], classes: ClassifierClasses | undefined): ClassMatch {
  if (classes === undefined) return match(classNames.map((_, label) => ({ label })));
  const labels = classLabels(classes);
  const { names } = classes;
  const shifted = numbersFromOne(classNames, classes);
  if (shifted !== undefined) return match(classNames.map(() => ({ reason: shifted })));
  const found = classNames.map((name) => labels.ofText(name));
  const behind = withoutFronts(classNames, found, names, labels);
  if (behind.notes.length > 0) return behind;
  if (found.some((lookup) => "label" in lookup)) return match(found);
  const fits = names === undefined ? classNames.length <= classes.count : classNames.length === classes.count;
  if (!fits) return match(found);
  const words = names === undefined ? new Map<number, number>() : matchByWords(classNames, names);
  if (words.size === classNames.length && names !== undefined) {
    const note = matchNote("by the words in their names", words, classNames, names);
    return match(
      classNames.map((_, index) => ({ label: words.get(index) ?? index })),
      { notes: [note] },
    );
  }
  // What a word says of one class speaks against an order in which it is another.
  if ([...words].some(([index, place]) => index !== place)) return match(found);
  const isOpen = isOrderOpen(classNames);
  return match(
    classNames.map((_, index) => labels.ofIndex(index)),
    { isByOrder: true, isOpen, notes: isOpen ? [openOrderNote(classNames)] : [] },
  );
}

/** The same for names in an order that a list states: that it could be another one is no question. */
export function matchStatedList(
  classNames: readonly string[],
  classes: ClassifierClasses | undefined,
): Pick<ClassMatch, "lookups" | "notes"> {
  const { lookups, isByOrder, notes } = matchClassList(classNames, classes);
  return { lookups, notes: isByOrder ? [] : notes };
}

/** `found` with the classes that are the classifier's without what stands in front of their names, with a note if there are any. */
function withoutFronts(
  classNames: readonly string[],
  found: readonly LabelLookup[],
  names: readonly string[] | undefined,
  { ofSynset }: ClassLabels,
): ClassMatch {
  const synsets = classNames.map((name) => {
    const synset = synsetInFront(name)?.synset;
    return synset === undefined ? undefined : ofSynset(synset);
  });
  const known = found.map((lookup, index) => ("label" in lookup ? lookup : (synsets[index] ?? lookup)));
  const taken = new Set(known.flatMap((lookup) => ("label" in lookup ? [lookup.label] : [])));
  const open = new Map(
    [...classNames.entries()].filter(([index, name]) => !("label" in known[index]) && !/^\d+$/.test(name)),
  );
  const places = names === undefined ? new Map<number, number>() : matchWithoutFront(open, names, taken);
  const lookups = known.map((lookup, index) => {
    const label = places.get(index);
    return label === undefined ? lookup : { label };
  });
  const matched = new Map(
    lookups.flatMap((lookup, index) =>
      "label" in lookup && !("label" in found[index]) ? [[index, lookup.label]] : [],
    ),
  );
  const how = "without the number or word in front of their names";
  const notes = matched.size === 0 ? [] : [matchNote(how, matched, classNames, names ?? [])];
  return match(lookups, { notes });
}

function matchNote(
  how: string,
  places: ReadonlyMap<number, number>,
  classNames: readonly string[],
  names: readonly string[],
): string {
  const some = [...places]
    .slice(0, 3)
    .map(([index, place]) => `${classNames[index]} is ${names[place] ?? `class ${place}`}`);
  return `The classes are found among the model's ${how}: ${some.join("; ")}${places.size > 3 ? "; …" : ""}.`;
}
