/** @file The names of a model's classes: from a text, from the model itself, or built in. */
import { BadInputError, MisuseError, nearest } from "../../errors.ts";
import { cifar10Labels } from "./cifar10.ts";
import { imagenetLabels } from "./imagenet.ts";

/** The names that come with this package, by the name of their data set. */
export const builtInLabels: Readonly<Record<string, readonly string[]>> = {
  imagenet: imagenetLabels,
  cifar10: cifar10Labels,
};

/**
 * The class names in `text`: one per line, in class order; a WordNet number at the start of each line ("n01440764 tench, Tinca
 * tinca") is left out. Throws a BadInputError if their number is not `classCount`.
 */
export function parseLabels(text: string, classCount: number, where: string): readonly string[] {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  while (lines.length > 0 && lines[lines.length - 1].trim() === "") lines.pop();
  const names = lines.map((line) => line.trim().replace(/^n\d{8}[\s,]+(?=\S)/, ""));
  // TensorFlow's ImageNet lists begin with a class for "background" that most networks do not have.
  const list = names.length === classCount + 1 && /^(background|dummy)$/i.test(names[0]) ? names.slice(1) : names;
  if (list.length === classCount) return list;
  throw new BadInputError({
    where,
    what: "the labels do not fit the model",
    expected: `${classCount} lines, one per class`,
    got: String(names.length),
  });
}

/** The names of the classes of a model with `classCount` classes that says nothing about them, or undefined. */
export function guessLabels(classCount: number, inputSize: number): readonly string[] | undefined {
  if (classCount === 1000) return imagenetLabels;
  if (classCount === 1001) return ["background", ...imagenetLabels];
  if (classCount === 10 && inputSize === 32) return cifar10Labels;
  return undefined;
}

/**
 * The index of the class that `wanted` means: its number, its name, or one of the synonyms in its name ("tabby" for "tabby,
 * tabby cat"); letter case does not matter. Throws a MisuseError with the nearest name.
 */
export function findLabel(wanted: string | number, labels: readonly string[] | undefined, classCount: number): number {
  const number = typeof wanted === "number" ? wanted : /^\d+$/.test(wanted) ? Number(wanted) : undefined;
  if (number !== undefined) {
    if (Number.isInteger(number) && number >= 0 && number < classCount) return number;
    throw new MisuseError({
      where: "label",
      what: "no such class",
      expected: `0 to ${classCount - 1}`,
      got: String(number),
    });
  }
  const text = String(wanted).trim().toLowerCase();
  const lowered = labels?.map((label) => label.toLowerCase()) ?? [];
  const exact = lowered.indexOf(text);
  if (exact >= 0) return exact;
  const synonym = lowered.findIndex((label) => label.split(/\s*,\s*/).includes(text));
  if (synonym >= 0) return synonym;
  const hint = nearest(
    text,
    lowered.flatMap((label) => label.split(/\s*,\s*/)),
  );
  throw new MisuseError({
    where: "label",
    what: labels === undefined ? "the model's classes have no names" : "no such class",
    expected: labels === undefined ? `a number from 0 to ${classCount - 1}` : "a class name or number",
    got: JSON.stringify(wanted),
    advice: hint === undefined ? undefined : `Did you mean ${JSON.stringify(hint)}?`,
  });
}
