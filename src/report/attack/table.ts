/** @file The table of attacks: as cells, and as Markdown. */

import { checkForm } from "../../errors.ts";
import type { AttackSummary } from "../../experiments/attack/summary.ts";
import { markdownText } from "../tables/markdown.ts";

const columns = [
  "attack",
  "attacked",
  "success",
  "kept in 8 bits",
  "ℓ0",
  "ℓ1",
  "ℓ2",
  "ℓ∞ · 255",
  "perceptual",
  "LPIPS",
  "fresh draws",
  "gradients",
] as const;

/** Whether a column is shown: that of the LPIPS distance where something was measured by it, and that of fresh draws where there were any. */
function isShown(column: (typeof columns)[number], summaries: readonly AttackSummary[]): boolean {
  if (column === "LPIPS") return summaries.some(({ lpips }) => lpips !== null);
  return column !== "fresh draws" || summaries.some(({ freshDraws }) => freshDraws !== null);
}

/** The columns of the table of these summaries. */
export function attackColumns(summaries: readonly AttackSummary[]): string[] {
  return columns.filter((column) => isShown(column, summaries));
}

/** The rows of the table as text, cells in the order of {@link attackColumns}. */
export function attackRows(summaries: readonly AttackSummary[]): string[][] {
  const text = (value: number | null, digits: number): string => (value === null ? "–" : value.toFixed(digits));
  const percent = (value: number | null): string => (value === null ? "–" : `${(100 * value).toFixed(1)} %`);
  const shown = columns.flatMap((column, n) => (isShown(column, summaries) ? [n] : []));
  return summaries.map((one) => {
    const cells = [
      one.attack,
      String(one.attacked),
      // A share of none is no failure.
      percent(one.attacked === 0 ? null : one.success),
      percent(one.survival),
      text(one.l0, 0),
      text(one.l1, 2),
      text(one.l2, 3),
      text(one.linf === null ? null : 255 * one.linf, 2),
      text(one.perceptual, 4),
      text(one.lpips, 3),
      percent(one.freshDraws),
      text(one.attacked === 0 ? null : one.gradients, 1),
    ];
    return shown.map((n) => cells[n]);
  });
}

/** The table in Markdown, columns padded so that it reads well as it stands. */
export function attackTable(summaries: readonly AttackSummary[]): string {
  checkForm("attackTable: summaries", summaries, "list");
  const names = attackColumns(summaries);
  const rows = [names, ...attackRows(summaries)].map((row) => row.map(markdownText));
  const widths = names.map((_, column) => Math.max(3, ...rows.map((row) => row[column].length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]))).join(" | ")} |`;
  const rule = `| ${widths.map((width, column) => (column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`;
  return [line(rows[0]), rule, ...rows.slice(1).map(line)].join("\n");
}
