/** @file The fast gradient sign method: one step of the whole budget along the gradient of the cross-entropy. */
import { ballOf, ballOptions } from "./budget.ts";
import { defineAttack } from "./define-attack.ts";
import { likelihoodOf } from "./likelihood.ts";
import { inLockstep } from "./lockstep.ts";
import { projectedGradient } from "./projected-gradient.ts";

/** In ℓ∞ the step is ε·sign(∇); in ℓ2 it is ε·∇/‖∇‖₂, the fast gradient method. */
export const fgsm = defineAttack({
  name: "fgsm",
  title: "FGSM",
  source: "Goodfellow, Shlens and Szegedy, Explaining and harnessing adversarial examples (ICLR 2015)",
  summary: "One step of length epsilon along the sign of the gradient of the cross-entropy, clipped to [0, 1].",
  version: 1,
  options: ballOptions,
  search(options, classifier) {
    const budget = ballOf("fgsm", options, classifier);
    const steps = { budget, steps: 1, stepSize: budget.epsilon, onSphere: false };
    return {
      budget,
      settings: { ...budget },
      gradients: 1,
      run: inLockstep(likelihoodOf, function* ({ image }) {
        return { point: yield* projectedGradient(image, image, steps) };
      }),
    };
  },
});
