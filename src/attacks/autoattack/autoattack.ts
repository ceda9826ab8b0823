/** @file AutoAttack: its parts in a row, each for the images that the ones before it could not flip. */
import { countOption, derived, flagOption, wordOption } from "../../options/option.ts";
import type { AttackTask } from "../attack.ts";
import { type Budget, ballOf, ballOptions, type Norm } from "../budget.ts";
import { defineAttack } from "../define-attack.ts";
import type { Found } from "../lockstep.ts";
import { type ApgdSettings, apgdGradients, apgdSearch } from "./apgd.ts";
import { type PartFound, type Search, searchTogether } from "./ask.ts";
import type { LossName } from "./attack-loss.ts";
import { areRandomized, describeWarnings, type EvaluationWarning, seemProbabilities } from "./evaluation-warnings.ts";
import { type FabSettings, fabGradients, fabRuns } from "./fab.ts";
import { type SquareSettings, squareRuns } from "./square.ts";

/** The parts of each version, in order, by the authors' names. */
const partsOfVersion = {
  standard: ["apgd-ce", "apgd-t", "fab-t", "square"],
  plus: ["apgd-ce", "apgd-dlr", "fab", "square", "apgd-t", "fab-t"],
  rand: ["apgd-ce", "apgd-dlr"],
} as const;

type PartName = (typeof partsOfVersion)[keyof typeof partsOfVersion][number];

interface Part {
  readonly name: PartName;
  readonly gradients: number;
  search(task: AttackTask): Search<PartFound>;
}

/**
 * AutoAttack. An image that a part flips within the budget meets no further ones, so that what is left at the end has survived each of them.
 *
 * Deviation: runs of APGD end at the first success, as nothing later changes the verdict; `stopAtSuccess: false` goes on to the end of the run, as
 * the authors' code does. Deviation: with three classes the untargeted ratio takes the place of the targeted one, with two there is none.
 * Deviation: random numbers are each image's own.
 */
export const autoattack = defineAttack({
  name: "autoattack",
  title: "AutoAttack",
  source:
    "Croce and Hein, Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free attacks (ICML 2020)",
  summary:
    "APGD on cross-entropy and on the targeted ratio of logits, FAB and Square, each on what the ones before it left standing.",
  version: 1,
  options: {
    preset: wordOption(
      "`standard`: APGD on cross-entropy, APGD on the targeted ratio and FAB for nine classes each, and Square. `plus`: five restarts, and the untargeted ratio and FAB as well. `rand`: for models that are random, APGD on cross-entropy and on the ratio, with gradients averaged over 20 draws.",
      ["standard", "plus", "rand"],
      { fallback: "standard" },
    ),
    ...ballOptions,
    steps: countOption("Steps of each run of APGD and of FAB.", { fallback: 100 }),
    queries: countOption("Proposals of Square.", { fallback: 5000 }),
    targetClasses: countOption("Classes that targeted parts aim at: the most probable ones besides the label.", {
      fallback: derived("9, or all there are"),
    }),
    stopAtSuccess: flagOption(
      "Whether a run of APGD ends at its first success rather than after all of its steps. The verdict is the same; the image lies nearer to the boundary.",
      { fallback: true },
    ),
  },
  search({ preset: version, steps, queries, targetClasses, stopAtSuccess, ...ball }, classifier, common) {
    const budget = ballOf("autoattack", ball, classifier);
    const { classCount } = classifier;
    const isTargeted = common.target !== undefined || common.targets !== undefined;
    const aims = isTargeted ? 1 : Math.min(targetClasses ?? 9, classCount - 1);
    const { names, warnings } = possibleParts(version, classCount, isTargeted);
    const settings = { version, budget, steps, queries, targetClasses: aims, stopsAtSuccess: stopAtSuccess };
    const parts = names.map((name) => partOf(name, settings, classCount));
    return {
      budget,
      settings: { preset: version, parts: names, steps, queries, targetClasses: aims, stopAtSuccess, ...budget },
      gradients: parts.reduce((sum, { gradients }) => sum + gradients, 0),
      async run(tasks, context) {
        // A model that is known to be random is not asked whether it is.
        const random =
          version === "rand"
            ? tasks.map(() => false)
            : await areRandomized(
                tasks.map(({ image }) => image),
                context,
              );
        const results = await searchTogether(
          tasks.map((task, n) => search(task, parts, [...warnings, ...(random[n] ? (["randomized"] as const) : [])])),
          context,
        );
        if (version === "rand") return results;
        return results.map((result) => ({ ...result, cost: { ...result.cost, forward: result.cost.forward + 2 } }));
      },
    };
  },
});

/** The parts of a version that a model with so many classes allows, and what is to be said of the others. */
function possibleParts(
  version: keyof typeof partsOfVersion,
  classCount: number,
  isTargeted: boolean,
): { readonly names: readonly PartName[]; readonly warnings: readonly EvaluationWarning[] } {
  const all: readonly PartName[] = partsOfVersion[version];
  // With a class to reach, every ratio is the targeted one.
  if (classCount >= 4) return { names: all, warnings: [] };
  if (classCount === 3 && !isTargeted) {
    const names = all.map((name) => (name === "apgd-t" ? "apgd-dlr" : name));
    const isReplaced = all.includes("apgd-t");
    return { names: [...new Set(names)], warnings: isReplaced ? ["no-targeted-ratio"] : [] };
  }
  const names = all.filter((name) => name !== "apgd-t" && name !== "apgd-dlr");
  return { names, warnings: [classCount === 3 ? "no-targeted-ratio" : "no-ratio"] };
}

interface VersionSettings {
  readonly version: keyof typeof partsOfVersion;
  readonly budget: Budget<Norm>;
  readonly steps: number;
  readonly queries: number;
  readonly targetClasses: number;
  readonly stopsAtSuccess: boolean;
}

/** A part by the authors' numbers. */
function partOf(name: PartName, settings: VersionSettings, classCount: number): Part {
  const { version, budget, steps, queries, targetClasses, stopsAtSuccess } = settings;
  const several = version === "plus" ? 5 : 1;
  const ofApgd = (loss: LossName, restarts: number): Part => {
    const draws = version === "rand" ? 20 : 1;
    const own: ApgdSettings = { budget, loss, steps, restarts, rho: 0.75, targetClasses, draws, stopsAtSuccess };
    return { name, gradients: apgdGradients(own), search: (task) => apgdSearch(task, own, classCount) };
  };
  const ofFab = (aim: FabSettings["aim"], restarts: number): Part => {
    const numbers = { mostBias: 0.1, overshoot: 1.05, backward: 0.9 };
    const own: FabSettings = { budget, norm: budget.norm, aim, steps, restarts, targetClasses, ...numbers };
    return { name, gradients: fabGradients(own, classCount), search: (task) => fabRuns(task, own, classCount) };
  };
  switch (name) {
    case "apgd-ce":
      return ofApgd("ce", several);
    case "apgd-dlr":
      return ofApgd("dlr", several);
    case "apgd-t":
      return ofApgd("targeted-dlr", 1);
    case "fab":
      return ofFab("nearest", several);
    case "fab-t":
      return ofFab("each", 1);
    case "square": {
      const own: SquareSettings = { budget, queries, restarts: 1, firstShare: 0.8, isRescaled: false };
      return { name, gradients: 0, search: (task) => squareRuns(task, own) };
    }
  }
}

/**
 * One part after the other until one succeeds. Details: `by`, the name of that part, null if none did; `found`, what it says of itself; and the
 * warnings that there are.
 */
function* search(
  task: AttackTask,
  parts: readonly Part[],
  warned: readonly EvaluationWarning[],
): Search<Found<undefined>> {
  const warnings = new Set<EvaluationWarning>(warned);
  if (seemProbabilities(task.clean.logits)) warnings.add("probabilities");
  let first: PartFound | undefined;
  for (const { name, search: run } of parts) {
    const found = yield* run(task);
    const { point, isReached, details } = found;
    if (details.flatStarts !== undefined) warnings.add("zero-gradient");
    first ??= found;
    if (!isReached) continue;
    if (name === "square") warnings.add("masked-gradients");
    return { point, details: { by: name, found: details, ...warningDetails(warnings) } };
  }
  return { point: first?.point ?? task.image, details: { by: null, ...warningDetails(warnings) } };
}

function warningDetails(warnings: ReadonlySet<EvaluationWarning>): Readonly<Record<string, unknown>> {
  return warnings.size === 0 ? {} : { warnings: describeWarnings([...warnings]) };
}
