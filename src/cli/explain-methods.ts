/** @file Which methods `explain` runs, each with its settings. */
import type { Classifier } from "../classifier/classifier.ts";
import { MisuseError, nearest } from "../errors.ts";
import { readTexts } from "../options/parse.ts";
import { completeOptions } from "../options/schema.ts";
import type { ExplanationRun } from "../report/explanation/explain-picture.ts";
import type { SaliencyMethod } from "../saliency/method.ts";
import { methodNamed, saliencyMethods } from "../saliency/methods.ts";
import { perceptual } from "../saliency/perturbations/perceptual.ts";
import { type ExplainFlags, perceptualSettingsOf } from "./flags/explain-flags.ts";
import { isSeparate } from "./open-classifier.ts";

/** Whether a method's map is made of the perceptual perturbation, whose search some flags are of. */
function isPerceptual({ perturbing }: SaliencyMethod): boolean {
  return perturbing?.search === perceptual.perturbing.search;
}

/**
 * The methods that the flags name, each once, with their settings. Throws a MisuseError for methods that do not exist, for settings whose
 * method does not run or is not named where several run, and for flags of the perceptual methods where neither of them runs.
 */
export function methodRunsOf(flags: ExplainFlags): ExplanationRun[] {
  const named = flags.method.flatMap((name) => (name === "all" ? saliencyMethods : [methodNamed(name)]));
  const methods = [...new Set(named)];
  const names = methods.map(({ name }) => name);
  const { set = [] } = flags;
  for (const { method, name } of set) {
    if (method === undefined && methods.length > 1) {
      throw new MisuseError({
        where: "--set",
        what: `whose setting ${JSON.stringify(name)} is meant is open`,
        expected: `one of ${names.map((one) => `${one}.${name}`).join(", ")}`,
      });
    }
    if (method === undefined || names.includes(method)) continue;
    const hint = nearest(method, names);
    throw new MisuseError({
      where: "--set",
      what: "no such method runs",
      expected: `one of ${names.join(", ")}`,
      got: JSON.stringify(method),
      advice: hint === undefined ? undefined : `Did you mean ${hint}?`,
    });
  }
  const perceptualSettings = perceptualSettingsOf(flags);
  const [flag] = Object.keys(perceptualSettings);
  if (flag !== undefined && !methods.some(isPerceptual)) {
    const ofPerceptual = saliencyMethods.filter(isPerceptual).map(({ name }) => name);
    throw new MisuseError({
      where: `--${flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
      what: `the flag is of the methods ${ofPerceptual.join(" and ")}, and neither runs`,
      got: `--method ${names.join(",")}`,
      advice: "Settings of other methods are given with --set name=value.",
    });
  }
  return methods.map((method) => {
    const own = set.filter((setting) => setting.method === undefined || setting.method === method.name);
    const values = Object.fromEntries(own.map(({ name, value }) => [name, value]));
    const given = readTexts(method.name, method.settings, values);
    return { method, settings: isPerceptual(method) ? { ...perceptualSettings, ...given } : given };
  });
}

/** Throws the MisuseErrors that can be told before any picture is at hand. */
export function checkMethodRuns(
  classifier: Classifier,
  runs: readonly ExplanationRun[],
  { label, target }: Pick<ExplainFlags, "label" | "target">,
): void {
  if (label !== undefined) classifier.findLabel(label);
  const wanted = target === undefined ? undefined : classifier.findLabel(target);
  const { head } = classifier.prepared;
  if (target !== undefined && isSeparate(classifier)) {
    throw new MisuseError({
      where: "--target",
      what: "each label is present or absent by itself, so that none can be asked for instead of another",
      expected: "--label alone",
    });
  }
  for (const { method, settings = {} } of runs) {
    if (head.kind === "value" && method.perturbing !== undefined) {
      const still = saliencyMethods.filter(({ perturbing }) => perturbing === undefined).map(({ name }) => name);
      throw new MisuseError({
        where: `--method ${method.name}`,
        what: `output ${JSON.stringify(head.value)} is taken as a number, which has no label to change`,
        expected: "a method that changes nothing",
        advice: `Choose with --method: ${still.join(", ")}.`,
      });
    }
    // Only the method's own: --set label=3 is no setting.
    completeOptions(method.name, method.settings, settings);
    method.check(classifier, { ...settings, target: wanted });
  }
}
