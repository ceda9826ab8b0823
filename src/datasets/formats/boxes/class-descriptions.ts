/**
 * @file Names for classes that a CSV of boxes gives by number: as OpenImages does ("/m/0k4j"), by its `class-descriptions-boxable.csv`, or that of another version,
 * whose rows are a number and a name, with a first line of names or without; or counted from 0 or 1, by a list of names, as Stanford's Cars
 * have in `names.csv`, or by the folders that their pictures are in.
 */

import { isListName } from "../../class-names/list-of-names.ts";
import type { DatasetSource, FileEntry } from "../../dataset-source.ts";
import { baseName, folderName, joinPath } from "../../paths.ts";
import type { Findings } from "../../reader.ts";
import { parseCsv, rowsIfCsv, separatorOf } from "../../syntax/parse-csv.ts";
import type { PictureRows } from "./box-entries.ts";

const fileName = /class-descriptions[^/]*\.csv$/i;
const classNumber = /^\/[mgt]\//;

/** Whether the name is that of OpenImages' file of such names. */
export function isDescriptionsName(name: string): boolean {
  return fileName.test(name);
}

/** The names in OpenImages' files of the folder, by number; of two the first in order holds. */
async function classDescriptions(
  source: DatasetSource,
  folder: string,
  entries: readonly FileEntry[],
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const { name, kind } of entries) {
    if (kind !== "file" || !fileName.test(name)) continue;
    const path = joinPath(folder, name);
    const text = await source.readText(path);
    for (const { fields } of parseCsv(text, path, separatorOf(text))) {
      const [number = "", own = ""] = fields.map((field) => field.trim());
      if (classNumber.test(number) && own !== "" && !found.has(number)) found.set(number, own);
    }
  }
  return found;
}

/** Names for classes that are given by number, and what was concluded: sentences. */
export interface NamedNumbers {
  readonly names: ReadonlyMap<string, string>;
  /** The name of the list that has them, if one has. */
  readonly list?: string;
  readonly notes: readonly string[];
}

/** Whether all classes are whole numbers. */
export function areNumbers(labels: ReadonlySet<string>): boolean {
  return labels.size > 0 && [...labels].every((label) => /^\d+$/.test(label));
}

/** The names that files in the folder have for the classes; undefined if they have none. */
export async function namesInFiles(
  labels: ReadonlySet<string>,
  source: DatasetSource,
  folder: string,
): Promise<NamedNumbers | undefined> {
  const entries = await source.list(folder);
  const names = await classDescriptions(source, folder, entries);
  if ([...labels].some((label) => names.has(label))) return { names, notes: [] };
  return areNumbers(labels) ? listedNames(labels, source, folder, entries) : undefined;
}

/** The names in the only list in the folder, if the numbers are 0, … , n − 1 or 1, … , n for its n lines, as far as the first and the last of them say. */
async function listedNames(
  numbers: ReadonlySet<string>,
  source: DatasetSource,
  folder: string,
  entries: readonly FileEntry[],
): Promise<NamedNumbers | undefined> {
  const [list, ...others] = entries.filter(({ name, kind }) => kind === "file" && isListName(name));
  if (list === undefined || others.length > 0) return undefined;
  const path = joinPath(folder, list.name);
  // It lies beside what is read, and may be something else.
  const lines = rowsIfCsv(await source.readText(path), path);
  const first = numbers.has("0") ? 0 : 1;
  const last = [...numbers].reduce((most, number) => Math.max(most, Number(number)), 0);
  if (lines.some(({ fields }) => fields.length !== 1) || lines.length < 2 || last !== lines.length - 1 + first) {
    return undefined;
  }
  const names = new Map(lines.map(({ fields }, index) => [String(index + first), fields[0].trim()]));
  const [from, to] = [first, last].map((number) => `${number} is ${names.get(String(number))}`);
  return { names, list: list.name, notes: [`The classes are called by the lines of ${list.name}: ${from}, ${to}.`] };
}

/** The names of the folders that the pictures of each class are in, if each class has one of its own. */
export async function namesOfFolders(
  pictures: readonly PictureRows[],
  pathOf: (picture: PictureRows) => Promise<{ readonly path: string } | Findings>,
): Promise<NamedNumbers | undefined> {
  const names = new Map<string, string>();
  const labels = new Map<string, string>();
  for (const picture of pictures) {
    const found = await pathOf(picture);
    if (!("path" in found)) continue;
    const folder = baseName(folderName(found.path));
    for (const { label } of picture.own) {
      // Mostly all pictures are in one folder, which two of them tell.
      if ((names.get(label) ?? folder) !== folder || (labels.get(folder) ?? label) !== label) return undefined;
      names.set(label, folder);
      labels.set(folder, label);
    }
  }
  if (names.size < 2) return undefined;
  const [[number, name]] = names;
  return { names, notes: [`The classes are called by the folders of their pictures: ${number} is ${name}.`] };
}
