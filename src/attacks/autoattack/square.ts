/** @file The Square attack, which needs no gradients. */
import { countOption, flagOption, numberOption } from "../../options/option.ts";
import type { AttackTask } from "../attack.ts";
import { ballOf, ballOptions } from "../budget.ts";
import { defineAttack } from "../define-attack.ts";
import { alone, type PartFound, type Search, searchTogether } from "./ask.ts";
import { type SquareFound, type SquarePlan, squareSearch } from "./square-search.ts";

/** Square with everything that it needs to run. */
export interface SquareSettings extends SquarePlan {
  readonly restarts: number;
}

/**
 * Square by AutoAttack's numbers. Deviation: there, all images of a batch share the windows and signs; here each image draws its own, so that its
 * result does not depend on the others.
 */
export const square = defineAttack({
  name: "square",
  title: "Square",
  source:
    "Andriushchenko et al., Square attack: a query-efficient black-box adversarial attack via random search (ECCV 2020)",
  summary:
    "Random squares of the image are changed, and what lowers the margin stays; it sees logits and no gradients.",
  version: 1,
  sees: "scores",
  options: {
    ...ballOptions,
    queries: countOption("Proposals of a run.", { fallback: 5000 }),
    restarts: countOption("Runs at most; the first that succeeds ends the search.", { fallback: 1 }),
    firstShare: numberOption("p: the share of the image that the first squares cover; it is halved nine times.", {
      above: 0,
      max: 1,
      fallback: 0.8,
    }),
    rescale: flagOption(
      "Whether the halvings, at 10 to 8000 proposals, are moved in proportion to the queries, as if those were 10 000.",
      { fallback: false },
    ),
  },
  search({ queries, restarts, firstShare, rescale, ...ball }, classifier) {
    const budget = ballOf("square", ball, classifier);
    const settings: SquareSettings = { budget, queries, restarts, firstShare, isRescaled: rescale };
    return {
      budget,
      settings: { queries, restarts, firstShare, rescale, ...budget },
      gradients: 0,
      run: (tasks, context) =>
        searchTogether(
          tasks.map((task) => alone(squareRuns(task, settings))),
          context,
        ),
    };
  },
});

/** The search for one image. Details: the `queries` of all runs, and the least margin found. */
export function* squareRuns(task: AttackTask, settings: SquareSettings): Search<PartFound> {
  let best: SquareFound | undefined;
  let queries = 0;
  for (let restart = 1; restart <= settings.restarts; restart++) {
    const found = yield* squareSearch(task, settings);
    queries += found.queries;
    if (best === undefined || found.margin < best.margin) best = found;
    if (found.isReached) break;
  }
  const { point, isReached, margin } = best ?? { point: task.image, isReached: false, margin: Infinity };
  return { point, isReached, details: { queries, margin } };
}
