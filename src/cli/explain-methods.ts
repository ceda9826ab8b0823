/** @file Which methods `explain` runs, and what can be told of them before any picture is at hand. */
import type { Classifier } from "../classifier/classifier.ts";
import { decidesEachLabel } from "../classifier/network/find-head.ts";
import { MisuseError } from "../errors.ts";
import { completeOptions } from "../options/schema.ts";
import type { ExplanationRun } from "../report/explanation/explain-picture.ts";
import { usualMethods } from "../report/explanation/usual-methods.ts";
import { saliencyMethods } from "../saliency/methods.ts";
import type { ExplainFlags } from "./flags/explain-flags.ts";
import { methodKind, runsOf } from "./flags/runnables.ts";

/** The methods that the flags name, each once, with their settings. Throws as {@link runsOf} does. */
export function methodRunsOf(flags: ExplainFlags): ExplanationRun[] {
  const runs = runsOf(methodKind, flags, { fallback: usualMethods });
  return runs.map(({ of, settings }) => ({ method: of, settings }));
}

/** Throws a MisuseError where a region is given that may change, and a method runs that changes nothing. */
export function checkMaskedMethods(runs: readonly ExplanationRun[], { mask }: Pick<ExplainFlags, "mask">): void {
  const still = runs.find(({ method }) => method.perturbing === undefined);
  if (mask === undefined || still === undefined) return;
  const changing = saliencyMethods.filter(({ perturbing }) => perturbing !== undefined).map(({ name }) => name);
  throw new MisuseError({
    where: "--mask",
    what: `${still.method.name} does not change the picture`,
    expected: `--method with some of ${changing.join(", ")}`,
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
  if (target !== undefined && decidesEachLabel(classifier.prepared.head)) {
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
