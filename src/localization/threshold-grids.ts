/** @file The thresholds that a localization benchmark tries, by kind. */

import { checkForm } from "../errors.ts";
import type { ThresholdRule } from "./threshold.ts";

export type ThresholdKind = ThresholdRule["kind"];

/** The kinds in the order in which tables list them: the three of the paper's Table 1, then Fong and Vedaldi's third. */
export const gridKinds = ["value", "percent", "mean", "energy"] as const satisfies readonly ThresholdKind[];

function steps(from: number, to: number, count: number): number[] {
  return Array.from({ length: count + 1 }, (_, i) => Number((from + ((to - from) * i) / count).toPrecision(12)));
}

/**
 * The grids. `value`: α = (k/20)² for k from 0 to 20, which is from 0 to 1 by 0.05 on the square root of the map (section 4 of the paper). `mean`: α
 * from 0 to 10 by 0.5, and `energy`: α from 0 to 0.95 by 0.05 (Fong and Vedaldi 2017, whose grids the paper follows). `percent`:
 * the 1, 2, 3 and 4 % of pixels with the greatest values, then 5 to 95 % by 5; the paper states no grid for it.
 */
export const thresholdGrids: Readonly<Record<ThresholdKind, readonly ThresholdRule[]>> = {
  value: steps(0, 1, 20).map((alpha) => ({ kind: "value", alpha, squareRoot: true })),
  percent: [1, 2, 3, 4, ...steps(5, 95, 18)].map((k) => ({ kind: "percent", k })),
  mean: steps(0, 10, 20).map((alpha) => ({ kind: "mean", alpha })),
  energy: steps(0, 0.95, 19).map((alpha) => ({ kind: "energy", alpha })),
};

/**
 * The number that a rule is known by: α, or k of `percent`. Of `value` it is the share of the map's range, whether the rule takes the square
 * root or not: what a table says can be given to `--threshold`.
 */
export function thresholdParameter(rule: ThresholdRule): number {
  checkForm("thresholdParameter: rule", rule, ["kind"]);
  if (rule.kind === "percent") return rule.k;
  return rule.kind === "value" && rule.squareRoot ? Number((rule.alpha ** 2).toPrecision(12)) : rule.alpha;
}
