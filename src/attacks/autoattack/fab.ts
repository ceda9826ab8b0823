/** @file FAB as an attack: the least change, towards one class after the other or towards the nearest. */
import { countOption, derived, numberOption, wordOption } from "../../options/option.ts";
import type { AttackTask } from "../attack.ts";
import { type Budget, ballOf, ballOptions, type Norm } from "../budget.ts";
import { defineAttack } from "../define-attack.ts";
import { alone, type PartFound, type Search, searchTogether } from "./ask.ts";
import { targetsOf } from "./attack-loss.ts";
import { type FabFound, type FabPlan, fabSearch, startHalfway } from "./fab-search.ts";

/** FAB with everything that it needs to run. */
export interface FabSettings extends FabPlan {
  /** A success counts within it, and random starts lie at half of its radius. */
  readonly budget: Budget<Norm>;
  readonly aim: "each" | "nearest";
  readonly restarts: number;
  readonly targetClasses: number;
}

/**
 * FAB from the image itself and, with restarts, from random points. With `each`, the targeted form that AutoAttack runs, one class after the other
 * is aimed at, a gradient a step each; with `nearest` every step compares all classes, a gradient each. The first run whose nearest image
 * lies within the budget ends the search; where none does, the nearest of all is the answer, and clipping to the budget decides.
 */
export const fab = defineAttack({
  name: "fab",
  title: "FAB",
  source: "Croce and Hein, Minimally distorted adversarial examples with a fast adaptive boundary attack (ICML 2020)",
  summary:
    "Steps to the nearest linearized boundary that are drawn towards the image, for the least change in ℓ∞ or ℓ2.",
  version: 1,
  options: {
    aim: wordOption(
      "Which boundaries: those to the most probable classes, one run after the other (`each`, as AutoAttack's FAB-T), or in each step the nearest of all (`nearest`, a gradient for each class).",
      ["each", "nearest"],
      { fallback: "each" },
    ),
    ...ballOptions,
    steps: countOption("Steps of a run.", { fallback: 100 }),
    restarts: countOption("Runs at most for each aim: the first from the image, others from random points.", {
      fallback: 1,
    }),
    targetClasses: countOption("With `each`, classes that are aimed at: the most probable ones besides the label.", {
      fallback: derived("9, or all there are"),
    }),
    mostBias: numberOption("α_max: at most so much of a step leads to the boundary's point nearest to the image.", {
      min: 0,
      max: 1,
      fallback: 0.1,
    }),
    overshoot: numberOption("η: the length of steps, in terms of the way to the boundary.", { min: 1, fallback: 1.05 }),
    backward: numberOption("β: what is left of the change after a success.", { above: 0, below: 1, fallback: 0.9 }),
  },
  search({ aim, steps, restarts, targetClasses, mostBias, overshoot, backward, ...ball }, classifier, common) {
    const budget = ballOf("fab", ball, classifier);
    const { classCount } = classifier;
    const isTargeted = common.target !== undefined || common.targets !== undefined;
    const aims = isTargeted ? 1 : Math.min(targetClasses ?? 9, classCount - 1);
    const settings: FabSettings = {
      ...{ budget, norm: budget.norm, aim, steps, restarts, mostBias, overshoot, backward },
      targetClasses: aims,
    };
    return {
      budget,
      settings: {
        ...{ aim, steps, restarts, mostBias, overshoot, backward, ...budget },
        ...(aim === "each" ? { targetClasses: aims } : {}),
      },
      gradients: fabGradients(settings, classCount),
      run: (tasks, context) =>
        searchTogether(
          tasks.map((task) => alone(fabRuns(task, settings, classCount))),
          context,
        ),
    };
  },
});

/** The most gradients that one image takes. */
export function fabGradients({ aim, steps, restarts, targetClasses }: FabSettings, classCount: number): number {
  return (aim === "each" ? targetClasses : classCount - 1) * restarts * steps;
}

/** The search for one image. Details: the `distance` of the nearest image found, null without one, and the class aimed at. */
export function* fabRuns(task: AttackTask, settings: FabSettings, classCount: number): Search<PartFound> {
  const { image, goal, label } = task;
  const { aim, budget, restarts, targetClasses } = settings;
  const all = Array.from({ length: classCount }, (_, index) => index).filter((index) => index !== label);
  const runs = aim === "nearest" && !goal.targeted ? [all] : targetsOf(task, targetClasses).map((index) => [index]);
  let nearest: (FabFound & { readonly aims: readonly number[] }) | undefined;
  for (const aims of runs) {
    for (let restart = 1; restart <= restarts; restart++) {
      const start = restart === 1 ? image : startHalfway(task, budget);
      const found = yield* fabSearch(task, start, aims, classCount, settings);
      if (found === undefined || (nearest !== undefined && found.distance >= nearest.distance)) continue;
      nearest = { ...found, aims };
      if (isWithin(found, budget)) return foundOf(task, budget, nearest);
    }
  }
  return foundOf(task, budget, nearest);
}

/** Up to the rounding of float32. */
function isWithin({ distance }: FabFound, { epsilon }: Budget): boolean {
  return distance <= epsilon * (1 + 1e-6);
}

function foundOf(
  { image }: AttackTask,
  budget: Budget<Norm>,
  nearest: (FabFound & { readonly aims: readonly number[] }) | undefined,
): PartFound {
  if (nearest === undefined) return { point: image, isReached: false, details: { distance: null } };
  const { point, distance, aims } = nearest;
  const details = { distance, ...(aims.length === 1 ? { targetClass: aims[0] } : {}) };
  return { point, isReached: isWithin(nearest, budget), details };
}
