/** @file Which methods a command runs, and what can be told of them before any picture is at hand. */
import type { Classifier } from "../../classifier/classifier.ts";
import { decidesEachLabel } from "../../classifier/network/head/head.ts";
import { MisuseError, UnsupportedError } from "../../errors.ts";
import { isEndpoint } from "../../node/endpoint/open-endpoint.ts";
import { completeOptions } from "../../options/schema.ts";
import type { ExplanationRun } from "../../report/explanation/explain-picture.ts";
import { usualMethods } from "../../report/explanation/usual-methods.ts";
import type { SaliencyMethod } from "../../saliency/method.ts";
import { saliencyMethods } from "../../saliency/methods.ts";
import { checkBlackBoxMethod } from "../flags/endpoint-flags.ts";
import type { ExplainFlags } from "../flags/explain-flags.ts";
import { methodKind, runsOf } from "../flags/runnables.ts";

/** A method that runs, and whether it was asked for by its name. */
export interface AskedRun extends ExplanationRun {
  readonly isNamed: boolean;
}

/** The methods that the flags name (`fallback` if they name none), each once, with their settings. Throws as {@link runsOf} does. */
export function methodRunsOf(flags: ExplainFlags, fallback: readonly string[] = usualMethods): AskedRun[] {
  const runs = runsOf(methodKind, flags, { fallback });
  return runs.map(({ of, settings, isNamed }) => ({
    method: of,
    settings,
    isNamed: isNamed || flags.method === undefined,
  }));
}

/** Those of the runs that can be held to a region, where one is given. Throws a MisuseError where a method is named that changes nothing. */
export function maskedMethods(runs: readonly AskedRun[], { mask }: Pick<ExplainFlags, "mask">): readonly AskedRun[] {
  if (mask === undefined) return runs;
  const still = runs.find(({ method, isNamed }) => isNamed && method.perturbing === undefined);
  const changing = runs.filter(({ method }) => method.perturbing !== undefined);
  if (still === undefined) return changing;
  const all = saliencyMethods.filter(({ perturbing }) => perturbing !== undefined).map(({ name }) => name);
  throw new MisuseError({
    where: "--mask",
    what: `${still.method.name} does not change the picture`,
    expected: `--method with some of ${all.join(", ")}`,
  });
}

/**
 * Those of `runs` that are for this classifier. `check` throws where a method is not: what it throws is thrown of one that was asked for by
 * its name, and said as a note of the others, which are left out, a line for each reason. Throws the first reason if none is left.
 */
export function possibleRuns<R extends { readonly method: SaliencyMethod; readonly isNamed: boolean }>(
  runs: readonly R[],
  check: (run: R) => void,
  note: (text: string) => void,
): R[] {
  let first: Error | undefined;
  const left = new Map<string, string[]>();
  const possible = runs.filter((run) => {
    try {
      check(run);
      return true;
    } catch (error) {
      if (run.isNamed || !(error instanceof UnsupportedError)) throw error;
      first ??= error;
      const { what } = error.complaint;
      left.set(what, [...(left.get(what) ?? []), run.method.name]);
      return false;
    }
  });
  for (const [what, names] of left) note(`${names.join(", ")} ${names.length === 1 ? "is" : "are"} left out: ${what}.`);
  if (possible.length === 0 && first !== undefined) throw first;
  return possible;
}

/** The runs that are for this classifier, as {@link possibleRuns} has them. Throws the MisuseErrors that can be told before any picture is at hand. */
export function checkedMethodRuns(
  classifier: Classifier,
  runs: readonly AskedRun[],
  { label, target }: Pick<ExplainFlags, "label" | "target">,
  note: (text: string) => void,
): AskedRun[] {
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
  const check = ({ method, settings = {}, isNamed }: AskedRun): void => {
    if (isEndpoint(classifier)) checkBlackBoxMethod(method, classifier, { isNamed });
    if (head.kind === "value" && method.perturbing !== undefined) {
      const still = saliencyMethods.filter(({ perturbing }) => perturbing === undefined).map(({ name }) => name);
      const what = `output ${JSON.stringify(head.value)} is taken as a number, which has no label to change`;
      if (!isNamed) throw new UnsupportedError({ where: method.name, what });
      throw new MisuseError({
        where: `--method ${method.name}`,
        what,
        expected: "a method that changes nothing",
        advice: `Choose with --method: ${still.join(", ")}.`,
      });
    }
    // Only the method's own: --set label=3 is no setting.
    completeOptions(method.name, method.settings, settings);
    method.check(classifier, { ...settings, target: wanted });
  };
  return possibleRuns(runs, check, note);
}
