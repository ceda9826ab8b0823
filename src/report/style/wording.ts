/** @file Numbers and names as all reports write them. */
import { shortNameOf } from "../../classifier/labels/short-names.ts";

/** Below this chance, corrected for how many were compared, a difference is called one. */
export const significance = 0.05;

/** A share in [0, 1] as "87 %"; shares below one percent and above 99 keep what tells them from none and all. */
export function percent(share: number): string {
  const value = 100 * share;
  if (value > 0 && value < 0.1) return "<0.1 %";
  if ((value > 0 && value < 1) || (value > 99 && value < 99.95)) return `${value.toFixed(1)} %`;
  return `${Math.round(value)} %`;
}

/** A distance between pixels in [0, 1] as "7.2/255". */
export function inLevels(distance: number): string {
  const levels = 255 * distance;
  return `${levels >= 100 ? levels.toFixed(0) : levels.toPrecision(2)}/255`;
}

/** So many characters of a name are shown in sentences and tables; the whole name is in the record. */
export const longestName = 48;

/**
 * The short form of a class's name, as `shortNameOf` has it ("tabby" of "tabby, tabby cat"); cut where it has more than `longest` characters.
 */
export function shortName(name: string, longest: number = longestName): string {
  const first = Array.from(shortNameOf(name));
  return first.length <= longest
    ? first.join("")
    : `${first
        .slice(0, longest - 1)
        .join("")
        .trimEnd()}…`;
}
