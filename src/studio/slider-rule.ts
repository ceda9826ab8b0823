/** @file How the page's sliders make a box of a map. */
import type { LocalizationRule } from "../localization/localize-map.ts";
import type { ThresholdRule } from "../localization/threshold.ts";

/** What the sliders say: blur `sigma` in pixels of the network's input, and the threshold, where it was moved. */
export interface Sliders {
  readonly sigma: number;
  /** In [0, 1]; what it is a share of is said by the rule. */
  readonly alpha?: number;
}

/** The rule of `explain`, which takes each method's own threshold `box`, as far as no slider was moved. */
export function sliderRule({ sigma, alpha }: Sliders, box: ThresholdRule): LocalizationRule {
  return { sigmaPixels: sigma, threshold: alpha === undefined ? box : withShare(box, alpha), connectivity: 8 };
}

/** Where the slider of `rule` stands, in [0, 1]. */
export function shareOf(rule: ThresholdRule): number {
  return rule.kind === "percent" ? rule.k / 100 : rule.alpha;
}

/** A rule of the same kind with another share. */
export function withShare(rule: ThresholdRule, share: number): ThresholdRule {
  return rule.kind === "percent" ? { ...rule, k: 100 * share } : { ...rule, alpha: share };
}

/** As the command line writes it: energy:0.45. */
export function ruleText(rule: ThresholdRule): string {
  const share = Number((rule.kind === "percent" ? rule.k : rule.alpha).toPrecision(6));
  return `${rule.kind}:${share}`;
}
