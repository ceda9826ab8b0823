/** @file What attacks did to many pictures, as a table: how often they succeed, what PNGs keep, and how far they go. */
import type { AttackRecord } from "./attack-record.ts";

/** One attack over all pictures; means are over the successes within budget, null where there are none. */
export interface AttackSummary {
  readonly attack: string;
  readonly pictures: number;
  /** Pictures whose label the attack was to change: those that had it. */
  readonly attacked: number;
  /** Shares of `attacked`. */
  readonly success: number;
  readonly roundedSuccess: number;
  /** The share of successes that 8 bits keep. */
  readonly survival: number | null;
  readonly l0: number | null;
  readonly l1: number | null;
  readonly l2: number | null;
  readonly linf: number | null;
  readonly perceptual: number | null;
  /** Gradients per picture attacked. */
  readonly gradients: number;
}

/** One summary per attack, in the order in which the records name them. */
export function attackSummaries(records: readonly AttackRecord[]): AttackSummary[] {
  const names = [...new Set(records.map(({ attack }) => attack))];
  return names.map((attack) => {
    const own = records.filter((record) => record.attack === attack);
    const attacked = own.filter(({ outcome }) => outcome !== "already-flipped");
    const won = attacked.filter(({ withinBudget }) => withinBudget.success);
    const count = Math.max(1, attacked.length);
    const mean = (value: (record: AttackRecord) => number): number | null =>
      won.length === 0 ? null : won.reduce((sum, record) => sum + value(record), 0) / won.length;
    return {
      attack,
      pictures: own.length,
      attacked: attacked.length,
      success: won.length / count,
      roundedSuccess: attacked.filter(({ rounded }) => rounded.success).length / count,
      survival: mean(({ rounded }) => Number(rounded.success)),
      l0: mean(({ withinBudget }) => withinBudget.distances.l0),
      l1: mean(({ withinBudget }) => withinBudget.distances.l1),
      l2: mean(({ withinBudget }) => withinBudget.distances.l2),
      linf: mean(({ withinBudget }) => withinBudget.distances.linf),
      perceptual: mean(({ withinBudget }) => withinBudget.distances.perceptual),
      gradients: attacked.reduce((sum, { evaluations }) => sum + evaluations.gradient, 0) / count,
    };
  });
}

/** The columns of the table. */
export const attackColumns = [
  "attack",
  "attacked",
  "success",
  "kept in 8 bits",
  "ℓ0",
  "ℓ1",
  "ℓ2",
  "ℓ∞ · 255",
  "perceptual",
  "gradients",
] as const;

/** The rows of the table as text, cells in the order of {@link attackColumns}. */
export function attackRows(summaries: readonly AttackSummary[]): string[][] {
  const text = (value: number | null, digits: number): string => (value === null ? "–" : value.toFixed(digits));
  const percent = (value: number | null): string => (value === null ? "–" : `${(100 * value).toFixed(1)} %`);
  return summaries.map((one) => [
    one.attack,
    String(one.attacked),
    percent(one.success),
    percent(one.survival),
    text(one.l0, 0),
    text(one.l1, 2),
    text(one.l2, 3),
    text(one.linf === null ? null : 255 * one.linf, 2),
    text(one.perceptual, 4),
    text(one.gradients, 1),
  ]);
}

/** The table in Markdown, columns padded so that it reads well as it stands. */
export function attackTable(summaries: readonly AttackSummary[]): string {
  const rows = [[...attackColumns], ...attackRows(summaries)];
  const widths = attackColumns.map((_, column) => Math.max(3, ...rows.map((row) => row[column].length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]))).join(" | ")} |`;
  const rule = `| ${widths.map((width, column) => (column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`;
  return [line(rows[0]), rule, ...rows.slice(1).map(line)].join("\n");
}
