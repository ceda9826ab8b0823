/** @file The names of a model's classes: fitted to it, looked up, or built in. */
import { BadInputError, checkForm, kindOf, MisuseError, nearest } from "../../errors.ts";
import { cifar10Labels } from "./cifar10.ts";
import { imagenetLabels } from "./imagenet.ts";
import { nameColumns, readLabels, withoutSynset } from "./read-labels.ts";

/** The names that come with this package, by the name of their data set. */
export const builtInLabels: Readonly<Record<string, readonly string[]>> = {
  imagenet: imagenetLabels,
  cifar10: cifar10Labels,
};

/** The class names in `text`, in any form that `readLabels` knows. Throws a BadInputError if their number is not `classCount`. */
export function parseLabels(text: string, classCount: number, where: string): readonly string[] {
  checkForm("parseLabels: text", text, "string");
  checkForm("parseLabels: classCount", classCount, "number");
  checkForm("parseLabels: where", where, "string");
  return fitLabels(readLabels(text, where), classCount, where);
}

export interface FitLabelsOptions {
  /** Whether the classes are the no and the yes of one number, so that one name is that of the yes. Default: where there are two. */
  readonly isOneNumber?: boolean;
}

/** `names` as those of `classCount` classes; throws a BadInputError, which starts with `where`, if their number is another. */
export function fitLabels(
  names: readonly string[],
  classCount: number,
  where: string,
  options: FitLabelsOptions = {},
): readonly string[] {
  const list = fittedLabels(names, classCount, options);
  if (list !== undefined) return list;
  const parts = partsOf(names, marks);
  throw new BadInputError({
    where,
    what: "the labels do not fit the model",
    expected: `${classCount} lines, one per class`,
    got: parts === undefined ? String(names.length) : `1 line of ${parts.length} names`,
  });
}

/** What stands between the names of one line. */
const marks = /[,;|\t]/;

/** What stands in the only one of `names` between separators; undefined where there are more, or nothing to part. */
function partsOf(names: readonly string[], separator: RegExp): readonly string[] | undefined {
  const [only, ...others] = names;
  if (only === undefined || others.length > 0 || !separator.test(only.trim())) return undefined;
  return only
    .split(separator)
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

/** How many classes `names` are for, before anything is known of the model: a single line may hold them all. */
export function countOfNames(names: readonly string[]): number {
  return partsOf(names, marks)?.length ?? names.length;
}

/**
 * `names` as those of `classCount` classes, without WordNet numbers; undefined if their number is another. A single line is parted, at commas and the
 * like or at spaces, where it then holds as many.
 */
export function fittedLabels(
  names: readonly string[],
  classCount: number,
  { isOneNumber = classCount === 2 }: FitLabelsOptions = {},
): readonly string[] | undefined {
  // "hot dog" is one name of what one number says yes to.
  for (const separator of isOneNumber ? [marks] : [marks, /\s+/]) {
    const parts = classCount > 1 ? partsOf(names, separator) : undefined;
    if (parts?.length === classCount) return parts;
  }
  const plain = names.map(withoutSynset);
  const [first] = plain;
  // TensorFlow's ImageNet lists begin with a class for "background" that most networks do not have.
  if (plain.length === classCount + 1 && /^(background|dummy)$/i.test(first)) return plain.slice(1);
  if (classCount === 1001 && plain.length === 1000) return ["background", ...plain];
  // One name for the head of one number: what it says yes to.
  if (isOneNumber && classCount === 2 && plain.length === 1) return [`not ${first}`, first];
  if (plain.length === classCount) return plain;
  // A heading, remarks and empty lines are no names where without them the number is right.
  const without: readonly ((name: string, index: number) => boolean)[] = [
    (name, index) => index === 0 && name.split(marks).some((cell) => nameColumns.test(cell.trim())),
    (name) => name.startsWith("#"),
    (name) => name === "",
    (name) => name === "" || name.startsWith("#"),
  ];
  return without
    .map((isNone) => plain.filter((name, index) => !isNone(name, index)))
    .find((left) => left.length === classCount);
}

/** The names of ImageNet's or CIFAR-10's classes if a model has as many; that they are those is another question. */
export function builtInLabelsFor(
  classCount: number,
): { readonly name: string; readonly labels: readonly string[] } | undefined {
  if (classCount === 1000) return { name: "imagenet", labels: imagenetLabels };
  if (classCount === 1001) return { name: "imagenet", labels: ["background", ...imagenetLabels] };
  if (classCount === 10) return { name: "cifar10", labels: cifar10Labels };
  return undefined;
}

function folded(name: string): string {
  return name
    .trim()
    .toLowerCase()
    .replace(/[\s_-]+/g, " ");
}

/** The names that a label lists, "tabby, tabby cat", but for letter case, spaces, underscores and hyphens. */
export function synonymsOf(label: string): readonly string[] {
  return folded(label).split(/\s*,\s*/);
}

/**
 * The index of the class that `wanted` means: its number, its name, or one of the synonyms in its name ("tabby" for "tabby,
 * tabby cat"); letter case, spaces, underscores and hyphens do not matter. A text of digits that is a class's name, as of handwritten digits, means that
 * class, whatever its number. Throws a MisuseError with the nearest name, or with all numbers where several classes have the name.
 */
export function findLabel(wanted: string | number, labels: readonly string[] | undefined, classCount: number): number {
  if (typeof wanted !== "string" && typeof wanted !== "number") {
    throw new MisuseError({ where: "label", what: "not a class", expected: "its number or name", got: kindOf(wanted) });
  }
  const number = typeof wanted === "number" ? wanted : /^\d+$/.test(wanted.trim()) ? Number(wanted) : undefined;
  const isName = typeof wanted === "string" && labels?.some((label) => label.trim() === wanted.trim()) === true;
  if (number !== undefined && !isName) {
    if (Number.isInteger(number) && number >= 0 && number < classCount) return number;
    throw new MisuseError({
      where: "label",
      what: "no such class",
      expected: `0 to ${classCount - 1}`,
      got: String(number),
    });
  }
  const text = folded(String(wanted));
  const names = labels?.map(folded) ?? [];
  const synonyms = labels?.map(synonymsOf) ?? [];
  const bearers = names.flatMap((label, index) => (label === text || synonyms[index].includes(text) ? [index] : []));
  const [only, ...more] = bearers;
  if (only !== undefined && more.length === 0) return only;
  if (only !== undefined) {
    // A whole list of synonyms means its class, though another class may share one of them.
    const whole = names.flatMap((label, index) => (label === text ? [index] : []));
    if (whole.length === 1 && text.includes(",")) return whole[0];
    throw new MisuseError({
      where: "label",
      what: `${bearers.length} classes have the name ${JSON.stringify(wanted)}`,
      expected: `the number of one: ${bearers.map((index) => `${index} (${labels?.[index]})`).join(", ")}`,
      got: JSON.stringify(wanted),
    });
  }
  const hint = nearest(
    text,
    names.flatMap((label, index) => [label, ...synonyms[index]]),
  );
  throw new MisuseError({
    where: "label",
    what: labels === undefined ? "the model's classes have no names" : "no such class",
    expected: labels === undefined ? `a number from 0 to ${classCount - 1}` : "a class name or number",
    got: JSON.stringify(wanted),
    advice:
      labels === undefined
        ? "Give the names with --labels (the option labels)."
        : hint === undefined
          ? undefined
          : `Did you mean ${JSON.stringify(hint)}?`,
  });
}
