/** @file The list beside class folders that says in which order a model has the classes: a name per line, perhaps with its number. */
import type { DatasetSource, FileEntry } from "../dataset-source.ts";
import { byCodeUnits, joinPath } from "../paths.ts";
import { foldedName } from "./match-names.ts";

const listName = /^((labels?|classes|class)([_-]?(list|names?))?\.txt|(names|class[_-]?names)\.(csv|txt))$/i;

/** Whether a file called so may be a list of the names of classes. */
export function isListName(name: string): boolean {
  return listName.test(name);
}

/**
 * The names in the order of the list that is among the entries of the folder at `path` and holds exactly these, and the list's name; undefined where
 * there is none, or two lists disagree.
 */
export async function orderByList(
  path: string,
  entries: readonly FileEntry[],
  names: readonly string[],
  source: DatasetSource,
): Promise<{ readonly names: readonly string[]; readonly list: string } | undefined> {
  const found: { readonly names: readonly string[]; readonly list: string }[] = [];
  for (const { name, kind } of [...entries].sort((a, b) => byCodeUnits(a.name, b.name))) {
    if (kind !== "file" || !isListName(name)) continue;
    const ordered = namesInOrder(await source.readText(joinPath(path, name)), names);
    if (ordered !== undefined) found.push({ names: ordered, list: name });
  }
  const [first, ...others] = found;
  return others.every((one) => one.names.every((name, index) => name === first.names[index])) ? first : undefined;
}

/** The names in the order in which `text` has them, if its lines are exactly these, perhaps each with a number that then says the order. */
export function namesInOrder(text: string, names: readonly string[]): readonly string[] | undefined {
  const lines = text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
  if (lines.length !== names.length) return undefined;
  const own = new Map(names.map((name) => [foldedName(name), name]));
  const inOrder = (texts: readonly (string | undefined)[]): readonly string[] | undefined => {
    const found = texts.flatMap((one) => (one === undefined ? [] : (own.get(foldedName(one)) ?? [])));
    return new Set(found).size === names.length ? found : undefined;
  };
  const byNumber = (numbered: readonly (readonly [string | undefined, string | undefined])[]) => {
    const sorted = numbered.toSorted(([a], [b]) => Number(a) - Number(b));
    const [first] = sorted;
    // Each number once, from 0 or 1.
    const isCount = sorted.every(([number], index) => Number(number) === Number(first[0]) + index);
    return isCount && Number(first[0]) <= 1 ? inOrder(sorted.map(([, name]) => name)) : undefined;
  };
  const parts = (pattern: RegExp) => lines.map((line) => pattern.exec(line)?.groups ?? {});
  return (
    inOrder(lines) ??
    byNumber(parts(/^(?<number>\d+)[\s:.,;=]+(?<name>.+)$/).map(({ number, name }) => [number, name])) ??
    byNumber(parts(/^(?<name>.+?)[\s:,;=]+(?<number>\d+)$/).map(({ number, name }) => [number, name]))
  );
}
