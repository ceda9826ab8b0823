/** @file Auto-PGD as an attack, on cross-entropy, on the difference of logits ratio, and on its targeted form. */
import { countOption, derived, flagOption, numberOption, wordOption } from "../../options/option.ts";
import type { AttackTask } from "../attack.ts";
import { ballOf, ballOptionsWithL1 } from "../budget.ts";
import { defineAttack } from "../define-attack.ts";
import { autoPgdL1, startInL1Ball } from "./apgd-l1-search.ts";
import { type ApgdFound, type ApgdPlan, autoPgd, startOnSurface } from "./apgd-search.ts";
import { alone, type PartFound, type Search, searchTogether } from "./ask.ts";
import {
  type AttackLoss,
  checkLossClasses,
  crossEntropy,
  type LossName,
  logitsRatio,
  lossNames,
  targetedLogitsRatio,
  targetsOf,
} from "./attack-loss.ts";

/** APGD with everything that it needs to run. */
export interface ApgdSettings extends ApgdPlan {
  readonly loss: LossName;
  readonly restarts: number;
  /** Of the targeted ratio: so many classes are aimed at, one after the other. */
  readonly targetClasses: number;
}

/**
 * APGD from `restarts` starts for each loss: the first that succeeds ends the search, as in the authors' code; inside a run nothing ends it unless
 * `stopAtSuccess` is set. What is found is the last point of the run that reached the goal.
 */
export const apgd = defineAttack({
  name: "apgd",
  title: "APGD",
  source:
    "Croce and Hein, Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free attacks (ICML 2020)",
  summary:
    "PGD with momentum that halves its step and goes back to its best point where it stalls, on one of three losses.",
  version: 1,
  options: {
    loss: wordOption(
      "What is raised: cross-entropy (`ce`), the difference of logits ratio (`dlr`), or, for one class after the other, the targeted ratio (`targeted-dlr`). With a target, `dlr` is the targeted ratio as well.",
      lossNames,
      { fallback: "ce" },
    ),
    ...ballOptionsWithL1,
    steps: countOption("Steps of a run.", { fallback: 100 }),
    restarts: countOption(
      "Starts at most, of the targeted ratio for each class; the first that succeeds ends the search.",
      {
        fallback: 1,
      },
    ),
    rho: numberOption(
      "ρ: the step is halved where at most this share of the steps since the last check raised the loss.",
      { min: 0, max: 1, fallback: 0.75 },
    ),
    targetClasses: countOption("Classes that the targeted ratio aims at: the most probable ones besides the label.", {
      fallback: derived("9, or all there are"),
    }),
    draws: countOption("Gradients of each point that are averaged: more than one for models that are random.", {
      fallback: 1,
    }),
    stopAtSuccess: flagOption(
      "Whether a run ends at its first success, rather than after all of its steps: faster, and nearer to the boundary.",
      { fallback: false },
    ),
  },
  search({ loss, steps, restarts, rho, targetClasses, draws, stopAtSuccess, ...ball }, classifier, common) {
    const budget = ballOf("apgd", ball, classifier);
    const { classCount } = classifier;
    const isTargeted = common.target !== undefined || common.targets !== undefined;
    checkLossClasses("apgd", loss, classCount, isTargeted);
    const aims = isTargeted ? 1 : Math.min(targetClasses ?? 9, classCount - 1);
    const settings: ApgdSettings = {
      ...{ budget, loss, steps, restarts, rho, targetClasses: aims, draws },
      stopsAtSuccess: stopAtSuccess,
    };
    return {
      budget,
      settings: {
        ...{ loss, steps, restarts, rho, draws, stopAtSuccess, ...budget },
        ...(loss === "targeted-dlr" ? { targetClasses: aims } : {}),
      },
      gradients: apgdGradients(settings),
      run: (tasks, context) =>
        searchTogether(
          tasks.map((task) => alone(apgdSearch(task, settings, classCount))),
          context,
        ),
    };
  },
});

/** The most gradients that one image takes. */
export function apgdGradients({ loss, restarts, steps, draws, targetClasses }: ApgdSettings): number {
  return (loss === "targeted-dlr" ? targetClasses : 1) * restarts * (steps + 1) * draws;
}

/** The search for one image: losses and restarts until one succeeds. Details: `value`, the largest loss, and whether a gradient was 0. */
export function* apgdSearch(task: AttackTask, settings: ApgdSettings, classCount: number): Search<PartFound> {
  const losses = lossesOf(task, settings, classCount);
  let best: { readonly point: Float32Array; readonly value: number; readonly aim?: number } | undefined;
  let flatStarts = 0;
  for (const { loss, aim } of losses) {
    for (let restart = 1; restart <= settings.restarts; restart++) {
      const found = yield* runOnce(task, loss, settings);
      if (found.isFlat) flatStarts++;
      const { point, value } = found;
      if (best === undefined || found.isReached || value > best.value) best = { point, value, aim };
      if (!found.isReached) continue;
      return { point, isReached: true, details: detailsOf({ value, aim, restart, flatStarts }) };
    }
  }
  const { point, value, aim } = best ?? { point: task.image, value: 0 };
  return { point, isReached: false, details: detailsOf({ value, aim, restart: settings.restarts, flatStarts }) };
}

/** A run from a start of its own. */
function runOnce(task: AttackTask, loss: AttackLoss, settings: ApgdSettings): Search<ApgdFound> {
  const { budget } = settings;
  return budget.norm === "l1"
    ? autoPgdL1(task, startInL1Ball(task, budget), loss, settings)
    : autoPgd(task, startOnSurface(task, budget), loss, settings);
}

interface AimedLoss {
  readonly loss: AttackLoss;
  /** The class aimed at, if it was chosen here. */
  readonly aim?: number;
}

/** The losses to be raised, one after the other. */
function lossesOf(
  task: AttackTask,
  { loss, targetClasses }: Pick<ApgdSettings, "loss" | "targetClasses">,
  classCount: number,
): AimedLoss[] {
  const { goal, label } = task;
  if (loss === "ce") return [{ loss: crossEntropy(goal, classCount) }];
  if (loss === "dlr" && !goal.targeted) return [{ loss: logitsRatio(label, classCount) }];
  return targetsOf(task, targetClasses).map((aim) => ({
    loss: targetedLogitsRatio(label, aim, classCount),
    ...(goal.targeted ? {} : { aim }),
  }));
}

/** What records keep of a search, as JSON: the entries that there are. */
function detailsOf({
  aim,
  flatStarts,
  ...details
}: {
  readonly value: number;
  readonly aim: number | undefined;
  readonly restart: number;
  readonly flatStarts: number;
}): Readonly<Record<string, number>> {
  return {
    ...details,
    ...(aim === undefined ? {} : { targetClass: aim }),
    ...(flatStarts === 0 ? {} : { flatStarts }),
  };
}
