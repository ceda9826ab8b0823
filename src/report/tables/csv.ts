/** @file Comma-separated values. */
import { printable } from "../../escape-text.ts";

export type CsvCell = string | number | boolean | null;

/**
 * The rows as CSV (RFC 4180). null is an empty cell; numbers have at most `digits` significant digits, or all that they have by default;
 * what cannot be seen in texts is written out.
 */
export function csvOf(rows: readonly (readonly CsvCell[])[], { digits }: { readonly digits?: number } = {}): string {
  const textOf = (value: CsvCell): string => {
    if (value === null) return "";
    if (typeof value !== "number") return printable(String(value));
    return String(digits === undefined ? value : Number(value.toPrecision(digits)));
  };
  const cell = (value: CsvCell): string => {
    const text = textOf(value);
    return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}
