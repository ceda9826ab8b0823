import { expect, test } from "vitest";
import { thresholdRule } from "../cli/flags/parse-values.ts";
import { saliencyMethods } from "../saliency/methods.ts";
import { ruleText, shareOf, sliderRule, withShare } from "./slider-rule.ts";

test("until the slider is moved the rule is that of `explain`; then it is of the same kind", () => {
  for (const { box } of saliencyMethods) {
    expect(sliderRule({ sigma: 2 }, box)).toEqual({ sigmaPixels: 2, threshold: box, connectivity: 8 });
    const { threshold } = sliderRule({ sigma: 0, alpha: 0.4 }, box);
    expect(threshold.kind).toBe(box.kind);
    expect(shareOf(threshold)).toBeCloseTo(0.4, 12);
    expect(withShare(box, shareOf(box))).toEqual(box);
  }
});

test("the command line reads the rule back", () => {
  for (const { box } of saliencyMethods) {
    const rule = withShare(box, 0.35);
    expect(thresholdRule("--threshold")(ruleText(rule))).toEqual(rule);
  }
});
