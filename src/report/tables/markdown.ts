/** @file Pieces of Markdown: tables, text inside of a line, code. */
import { printable, printableJson } from "../../escape-text.ts";

/** A table; the first column is set to the left, the others to the right. Cells are Markdown. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), `|${head.map((_, i) => (i === 0 ? "---" : "---:")).join("|")}|`, ...rows.map(line)].join("\n");
}

/** Text from outside, fit to stand inside of a line or a table's cell. */
export function markdownText(text: string): string {
  return printable(text).replace(/[\\|*_`<>[\]]/g, (character) => `\\${character}`);
}

/** A value as JSON in the type of code. */
export function markdownCode(value: unknown): string {
  return `\`${printableJson(value).replaceAll("`", "\\u0060").replaceAll("|", "\\u007c")}\``;
}
