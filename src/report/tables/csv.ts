/** @file Comma-separated values. */
import { printable } from "../../escape-text.ts";

export type CsvCell = string | number | boolean | null;

/**
 * The rows as CSV (RFC 4180). null is an empty cell; numbers have at most `digits` significant digits, or all that they have by default;
 * what cannot be seen in texts is written out. A text that a spreadsheet would compute, since it begins with =, +, - or @ (names of classes and files may), has an
 * apostrophe before it; numbers never do, nor do texts that are numbers.
 *
 * Source: OWASP, "CSV Injection".
 */
export function csvOf(rows: readonly (readonly CsvCell[])[], { digits }: { readonly digits?: number } = {}): string {
  const textOf = (value: CsvCell): string => {
    if (value === null) return "";
    if (typeof value === "string") return guarded(printable(value));
    if (typeof value === "boolean") return String(value);
    return String(digits === undefined ? value : Number(value.toPrecision(digits)));
  };
  const cell = (value: CsvCell): string => {
    const text = textOf(value);
    return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

/** `text` so that no spreadsheet takes it for a formula. Tabs and line ends, which some skip, are written out before. */
function guarded(text: string): string {
  return /^\s*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
}
