/** @file The short forms of classes' names, as sentences, tables and pages show them: "tabby" of ImageNet's "tabby, tabby cat". */

/** Of so many names of classes one may be like another, or have its short form: ImageNet has two cranes and two maillots. */
export const namesPerRepetition = 100;

/**
 * The names that are shown whole. Which these are follows from all names of a network together, and records, which are put into words later on and
 * elsewhere, have only those of the classes that they are about: so it is kept here, for as long as the process runs. A whole name is never wrong.
 */
const whole = new Set<string>();

/**
 * Makes `shortNameOf` leave the `names` of a network's classes as they are where their short forms would not tell them apart: "apple, red" and
 * "apple, green".
 */
export function keepNamesApart(names: readonly string[]): void {
  const listed = names.filter((name) => firstOf(name) !== name);
  if (listed.length === 0) return;
  const shared = new Set(names).size - new Set(names.map(firstOf)).size;
  if (shared <= names.length / namesPerRepetition) return;
  for (const name of listed) whole.add(name);
}

/**
 * The first synonym of a name that lists several, which is enough to recognize it, unless it would be that of other classes as well. Between synonyms
 * stand a comma and a space: "Pepper,_bell___healthy" is one name.
 */
export function shortNameOf(name: string): string {
  return whole.has(name) ? name.trim() : firstOf(name);
}

function firstOf(name: string): string {
  const [first] = name.split(/,\s/, 1);
  return first.trim() === "" ? name.trim() : first.trim();
}
