/** @file Classes that the names of pictures begin with: "cat.0.jpg", "dog_12.jpg". */
import { type ClassifierClasses, classLabels } from "../../class-labels.ts";
import { baseName, withoutExtension } from "../../paths.ts";

/** The class that the name of a file begins with, and a number behind it. */
function wordInName(name: string): string | undefined {
  return /^(.*\p{L}.*?)(?:[._-]|[._ -]?\()\d+\)?$/u.exec(withoutExtension(baseName(name)))?.[1];
}

/**
 * The classes with which all names begin, one for each; undefined unless each name's is one of the classifier's by name, and two at least occur.
 */
export function classesInNames(
  names: readonly string[],
  classes: ClassifierClasses | undefined,
): { readonly classNames: readonly string[]; readonly labels: readonly number[]; readonly note: string } | undefined {
  if (classes?.names === undefined || names.length < 2) return undefined;
  const { ofName } = classLabels(classes);
  const classNames: string[] = [];
  const labels: number[] = [];
  for (const name of names) {
    const word = wordInName(name);
    const lookup = word === undefined ? undefined : ofName(word);
    if (word === undefined || lookup === undefined || !("label" in lookup)) return undefined;
    classNames.push(word);
    labels.push(lookup.label);
  }
  if (new Set(labels).size < 2) return undefined;
  return {
    ...{ classNames, labels },
    note: `The classes are those that the names of the pictures begin with, as ${baseName(names[0])} with ${classNames[0]}.`,
  };
}

/** What is to be known of pictures whose names seem to begin with classes that are not read; nothing where they do not. */
export function unreadNamesNote(names: readonly string[]): readonly string[] {
  const words = names.map(wordInName);
  const kinds = new Set(words);
  const isTelling = names.length >= 4 && !kinds.has(undefined) && kinds.size >= 2 && kinds.size <= names.length / 2;
  if (!isTelling) return [];
  const some = [...kinds].slice(0, 3).join(", ");
  return [
    `The names of the pictures begin with ${some}${kinds.size > 3 ? ", …" : ""}. Classes in file names are read where all are names of the model's classes (--labels gives it names); otherwise put the pictures into folders of these names.`,
  ];
}
