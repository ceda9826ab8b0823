/** @file Imitates the logits of a clean image: the attack of Tramèr, Carlini, Brendel and Madry on "The Odds are Odd" (NeurIPS 2020). */
import type { Extension } from "../../classifier/passes/extension.ts";
import { countOption, derived, numberOption } from "../../options/option.ts";
import { ballOf, ballOptions } from "../budget.ts";
import { defineAttack } from "../define-attack.ts";
import { descendScore } from "./descend-score.ts";
import { exchangedLogits, guideFor, guidesOption, openGuides } from "./guides.ts";

/** ‖z(x) − t‖² of the logits z and the input t. */
export function logitDistance(classCount: number): Extension {
  return {
    inputs: { target: classCount },
    append(g, { logits, inputs }) {
      const target = inputs.get("target") ?? logits;
      const difference = g.op("Sub", [logits, target]);
      return { score: g.op("ReduceSumSquare", [difference, g.ints([1])], { keepdims: 0 }) };
    },
  };
}

/** What logit-match and feature-match have in common besides the ball. */
export const matchOptions = {
  steps: countOption("Steps.", { fallback: 100 }),
  stepSize: numberOption("The length of a step, in the norm of the ball.", {
    above: 0,
    fallback: derived("2.5 epsilon over the number of steps"),
  }),
  copies: countOption("Noisy copies that gradients are averaged over (EOT); 0: none.", {
    fallback: 0,
    min: 0,
    max: 1000,
  }),
  noise: numberOption("Standard deviation of the copies' noise, in pixels of [0, 1].", {
    min: 0,
    max: 1,
    fallback: 30 / 255,
  }),
};

/**
 * Lowers ‖z(x′) − t‖² by signed gradients from the clean image: t are the logits of a clean image of another class, so that nothing that looks at logits, or at
 * what noise does to them, sees anything unusual. With `copies`, gradients are averaged over noisy copies, as the source does with 40 of σ = 30/255.
 *
 * Deviation: the source takes the logits of a fixed image of the data set. Without `guides`, t are the image's own clean logits with the largest and the next one
 * (or that of the target) exchanged.
 */
export const logitMatch = defineAttack({
  name: "logit-match",
  title: "Logit matching",
  source: "Tramèr, Carlini, Brendel and Madry, On adaptive attacks to adversarial example defenses (NeurIPS 2020)",
  summary: "Imitates the logits of a clean image of another class, so that detectors that look at logits see nothing.",
  version: 1,
  options: {
    ...ballOptions,
    ...matchOptions,
    guides: guidesOption("the image's own logits, with the largest and the next one exchanged"),
  },
  search({ steps, stepSize, copies, noise, guides, ...ball }, classifier) {
    const budget = ballOf("logit-match", ball, classifier);
    const length = stepSize ?? (2.5 * budget.epsilon) / steps;
    const extension = logitDistance(classifier.classCount);
    return {
      budget,
      settings: {
        ...{ steps, stepSize: length, copies, ...budget },
        ...(copies > 0 ? { noise } : {}),
        guides: guides === undefined ? "exchanged logits" : guides.length,
      },
      gradients: steps * (1 + copies),
      async run(tasks, context) {
        const known = guides === undefined ? undefined : await openGuides("logit-match", guides, context);
        const beside = tasks.map((task) => ({
          target: known === undefined ? exchangedLogits(task) : guideFor("logit-match", known, task).logits,
        }));
        return descendScore(tasks, { extension, beside, budget, steps, stepSize: length, copies, noise }, context);
      },
    };
  },
});
