/** @file Fools a classifier and a detector at once: Orthogonal PGD, Bryniarski, Hingun, Pachuca, Wang and Carlini (ICLR 2022). */
import type { Extension } from "../../classifier/passes/extension.ts";
import { throwIfAborted } from "../../errors.ts";
import { signStep, unitStep } from "../../optimize/update-rules.ts";
import { countOption, derived, numberOption, valueOption, wordOption } from "../../options/option.ts";
import { dot, indexOfLargest, squaredNorm } from "../../tensor/vector.ts";
import type { AttackTask, SearchContext, SearchResult } from "../attack.ts";
import { type Budget, ballOf, ballOptions, projectOnBudget } from "../budget.ts";
import { defineAttack } from "../define-attack.ts";
import { likelihoodOf } from "../likelihood.ts";

/** A detector as the attack sees it: a score behind the network, and what it must not exceed. */
export interface TargetedDetector {
  readonly name: string;
  /** Has the result `score`, [N]. */
  readonly extension: Extension;
  /** A picture is flagged above it. */
  readonly cutoff: number;
}

function isTargeted(value: unknown): value is TargetedDetector {
  const { name, extension, cutoff } = (value ?? {}) as Partial<TargetedDetector>;
  return typeof name === "string" && Number.isFinite(cutoff) && typeof extension?.append === "function";
}

/** −(the largest logit less the next one): what the attack fools where no detector is given. */
function marginScore(): Extension {
  return {
    append(g, { logits }) {
      const [values] = g.ops("TopK", [logits, g.ints([2])], { axis: 1 }, 2);
      const [first, second] = g.ops("Split", [values, g.ints([1, 1])], { axis: 1 }, 2);
      return { score: g.op("Reshape", [g.op("Sub", [second, first]), g.ints([logits.shape[0]])]) };
    },
  };
}

interface Settings {
  readonly budget: Budget;
  readonly steps: number;
  readonly stepSize: number;
  readonly isOrthogonal: boolean;
}

/**
 * Steps in a ball, each against one of two gradients without what it has of the other: against the classifier's cross-entropy, orthogonally to the detector's
 * score, while the label stands; then against the detector's score, orthogonally to the cross-entropy, while the image is flagged; against either, by turns, where
 * both are fooled already, so that they are fooled by more. The answer is the point that is least suspicious among those that change the label; if none does, the last.
 *
 * With g_c and g_d the two gradients, the classifier's step is g_c − (g_c·g_d / ‖g_d‖²) g_d, the detector's the same with the letters exchanged; signs of it in
 * ℓ∞, the unit vector along it in ℓ2.
 *
 * Deviation: the source stops moving what is fooled; here such images move on by turns. Without a detector the margin's score is fooled, which must not rise above that of
 * the clean image.
 */
export const orthogonalPgd = defineAttack({
  name: "orthogonal-pgd",
  title: "Orthogonal PGD",
  source:
    "Bryniarski et al., Evading adversarial example detection defenses with orthogonal projected gradient descent (ICLR 2022)",
  summary: "Changes the label and lowers a detector's score, each by steps that leave the other alone.",
  version: 1,
  options: {
    ...ballOptions,
    steps: countOption("Steps.", { fallback: 100 }),
    stepSize: numberOption("The length of a step, in the norm of the ball.", {
      above: 0,
      fallback: derived("a tenth of epsilon"),
    }),
    gradients: wordOption(
      "Whether each step leaves out what it has of the other gradient, or is the whole gradient of what it is against (the source's Selective PGD).",
      ["orthogonal", "selective"],
      { fallback: derived("orthogonal; without a detector selective, since the margin is what both are about") },
    ),
    detector: valueOption("The detector to fool: its score as nodes behind the network, and its cutoff.", {
      is: isTargeted,
      expected: "{ name, extension, cutoff }",
      fallbackText: "the margin, which must not become less than the clean image's",
    }),
  },
  search({ steps, stepSize, detector, gradients, ...ball }, classifier) {
    const budget = ballOf("orthogonal-pgd", ball, classifier);
    const kind = gradients ?? (detector === undefined ? "selective" : "orthogonal");
    const isOrthogonal = kind === "orthogonal";
    const settings: Settings = { budget, steps, stepSize: stepSize ?? budget.epsilon / 10, isOrthogonal };
    const extension = detector?.extension ?? marginScore();
    return {
      budget,
      settings: {
        ...{ steps, stepSize: settings.stepSize, gradients: kind, ...budget },
        ...{ detector: detector?.name ?? "margin", cutoff: detector?.cutoff ?? "the clean image's" },
      },
      gradients: 2 * steps + 2,
      run: (tasks, context) => search(tasks, settings, extension, detector?.cutoff, context),
    };
  },
});

async function search(
  tasks: readonly AttackTask[],
  { budget, steps, stepSize, isOrthogonal }: Settings,
  extension: Extension,
  cutoff: number | undefined,
  context: SearchContext,
): Promise<SearchResult<undefined>[]> {
  const { classifier, batch, signal, onGradients } = context;
  const likelihoods = await likelihoodOf(tasks, context);
  const scores = await classifier.extended({ extension, batch, gradientOf: "score" });
  const rule = budget.norm === "linf" ? signStep(stepSize) : unitStep(stepSize);
  const all = tasks.map(() => true);
  const states = tasks.map(({ image }) => {
    const point = image.slice();
    const project = projectOnBudget(image, budget);
    project(point);
    return {
      point,
      update: rule<Float32Array>(point, project),
      direction: new Float32Array(point.length),
      best: { point: image, score: Number.POSITIVE_INFINITY },
      limit: cutoff ?? Number.NaN,
    };
  });
  for (let step = 0; step <= steps; step++) {
    throwIfAborted(signal, "attack");
    const points = states.map(({ point }) => point);
    const losses = await likelihoods(points, all);
    const seen = await scores.run(
      points.map((image) => ({ image })),
      { signal },
    );
    throwIfAborted(signal, "attack");
    onGradients(2 * tasks.length);
    for (const [n, state] of states.entries()) {
      const { logits, gradient: ofLoss } = losses[n];
      const { results, gradient: ofScore } = seen[n];
      const [score] = results.score;
      if (Number.isNaN(state.limit)) state.limit = score;
      const isFooled = tasks[n].goal.isReached(indexOfLargest(logits));
      if (isFooled && score < state.best.score) state.best = { point: state.point.slice(), score };
      if (step === steps) continue;
      const isFlagged = score > state.limit;
      const isForDetector = isFooled && (isFlagged || step % 2 === 1);
      const [along, without] = isForDetector ? [ofScore, ofLoss] : [ofLoss, ofScore];
      if (isOrthogonal) orthogonal(along, without, state.direction);
      else state.direction.set(along);
      state.update(state.direction, state.point, state.point);
    }
  }
  return states.map(({ point, best }, n) => ({
    point: best.score === Number.POSITIVE_INFINITY ? point : best.point,
    cost: { forward: 0, gradient: 2 * (steps + 1) },
    details: {
      score: Number.isFinite(best.score) ? best.score : null,
      isFlagged: Number.isFinite(best.score) ? best.score > states[n].limit : null,
    },
  }));
}

/** `along` without its part along `without`, into `out`. */
function orthogonal(along: Float32Array, without: Float32Array, out: Float32Array): void {
  const length = squaredNorm(without);
  const share = length > 0 ? dot(along, without) / length : 0;
  for (let i = 0; i < out.length; i++) out[i] = along[i] - share * without[i];
}
