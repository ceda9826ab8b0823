/** @file The choices under which the localization benchmark's tables are made of its records. */
import { checkKeys, numberIn, oneOf } from "../../errors.ts";
import type { ConnectivityKey } from "./record.ts";

/** The choices under which tables are made. */
export interface SummaryOptions {
  readonly connectivity: ConnectivityKey;
  /** IoU of at least ½ (Fong and Vedaldi), or above ½ (the paper). */
  readonly match: "at-least" | "above";
  /** Whether the best of a picture's boxes counts, or the largest ("most dominant object"). */
  readonly object: "any" | "dominant";
  /** Of the pointing game, in pixels, and whether these are the stored picture's or the network's input's. */
  readonly tolerance: number;
  readonly toleranceOf: "picture" | "input";
}

/** Fong and Vedaldi's criterion (IoU ≥ ½ with the best of the boxes), 8 neighbors, TorchRay's tolerance. */
export const defaultSummaryOptions: SummaryOptions = {
  connectivity: "8",
  match: "at-least",
  object: "any",
  tolerance: 15,
  toleranceOf: "picture",
};

/** The names of {@link SummaryOptions}. */
export const summaryOptionKeys = [
  "connectivity",
  "match",
  "object",
  "tolerance",
  "toleranceOf",
] as const satisfies readonly (keyof SummaryOptions)[];

/** How components can be formed, in the order of tables. */
export const connectivityKeys = ["8", "4", "none"] as const satisfies readonly ConnectivityKey[];

/** `options` if they can be meant; otherwise throws a MisuseError in the name of `where` that says which cannot. */
export function checkSummaryOptions(where: string, options: SummaryOptions): SummaryOptions {
  checkKeys(where, options, summaryOptionKeys);
  oneOf(`${where}: connectivity`, options.connectivity, connectivityKeys);
  oneOf(`${where}: match`, options.match, ["at-least", "above"]);
  oneOf(`${where}: object`, options.object, ["any", "dominant"]);
  oneOf(`${where}: toleranceOf`, options.toleranceOf, ["picture", "input"]);
  numberIn(`${where}: tolerance`, options.tolerance, { min: 0 });
  return options;
}
