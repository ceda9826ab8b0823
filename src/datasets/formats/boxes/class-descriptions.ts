/**
 * @file Names for classes that a CSV of boxes gives by number, as OpenImages does ("/m/0k4j"): its `class-descriptions-boxable.csv`, or that of another version,
 * whose rows are a number and a name, with a first line of names or without.
 */
import type { DatasetSource, FileEntry } from "../../dataset-source.ts";
import { joinPath } from "../../paths.ts";
import { parseCsv, separatorOf } from "../../syntax/parse-csv.ts";
import type { BoxTable } from "./box-table.ts";

const fileName = /class-descriptions[^/]*\.csv$/i;
const classNumber = /^\/[mgt]\//;

/** Whether the name is that of a file of such names. */
export function isDescriptionsName(name: string): boolean {
  return fileName.test(name);
}

/** The names in the files of the folder, by number; of two the first in order holds. */
export async function classDescriptions(
  source: DatasetSource,
  folder: string,
  entries: readonly FileEntry[],
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const { name, kind } of entries) {
    if (kind !== "file" || !isDescriptionsName(name)) continue;
    const path = joinPath(folder, name);
    const text = await source.readText(path);
    for (const { fields } of parseCsv(text, path, separatorOf(text))) {
      const [number = "", own = ""] = fields.map((field) => field.trim());
      if (classNumber.test(number) && own !== "" && !found.has(number)) found.set(number, own);
    }
  }
  return found;
}

/** The table with names for the numbers that have one. */
export function withDescriptions(table: BoxTable, descriptions: ReadonlyMap<string, string>): BoxTable {
  if (descriptions.size === 0 || !table.rows.some(({ label }) => descriptions.has(label))) return table;
  const rows = table.rows.map((row) => ({ ...row, label: descriptions.get(row.label) ?? row.label }));
  return { ...table, rows };
}
