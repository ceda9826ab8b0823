/** @file Tables and lists that lie beside pictures and are not read. */
import type { FileEntry } from "../../dataset-source.ts";
import { byCodeUnits } from "../../paths.ts";

/** What is to be known of tables, lists and the like beside pictures that are taken without them; what people write about a data set is none. */
export function unreadTables(entries: readonly FileEntry[], why: (name: string) => string): string[] {
  const names = entries
    .filter(({ name, kind }) => kind === "file" && isTelling(name))
    .map(({ name }) => name)
    .sort((a, b) => Number(isTable(b)) - Number(isTable(a)) || byCodeUnits(a, b));
  const [name, ...others] = names;
  if (name === undefined) return [];
  const all = others.length === 0 ? `${name} is` : `${name} and ${others.length} more such files are`;
  return [`${all} not read: ${why(name)}.`];
}

/** Whether the name is that of a table. */
export function isTable(name: string): boolean {
  return /\.(csv|jsonl?)$/i.test(name);
}

function isTelling(name: string): boolean {
  if (
    name.startsWith(".") ||
    /^(readme|licen[cs]e|copying|notice|authors|changelog|changes|requirements)(?![a-z])/i.test(name)
  )
    return false;
  return /\.(csv|tsv|jsonl?|txt|xml|ya?ml|mat|xlsx?|ods|parquet|pkl|npz|manifest)$/i.test(name);
}
