/** @file Words that the tables, plots and the page share. */
import type { ThresholdKind } from "../../localization/threshold-grids.ts";

/** What tables call the kinds of thresholds. */
export const kindTitles: Readonly<Record<ThresholdKind, string>> = {
  value: "Value",
  percent: "Percent",
  mean: "Mean",
  energy: "Energy",
};

/** "1 picture", "2 pictures". */
export function pictureCount(count: number): string {
  return count === 1 ? "1 picture" : `${count} pictures`;
}
