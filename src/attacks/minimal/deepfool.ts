/** @file DeepFool as an attack; how it searches is in `deepfool-search.ts`. */
import type { SearchResult } from "../attack.ts";
import { defineAttack } from "../define-attack.ts";
import { deepFoolOptions, deepFoolSettings, searchDeepFool } from "./deepfool-search.ts";

export const deepfool = defineAttack({
  name: "deepfool",
  title: "DeepFool",
  source: "Moosavi-Dezfooli, Fawzi and Frossard, DeepFool (CVPR 2016)",
  summary: "Steps to the nearest decision boundary of the linearized network until the label changes.",
  version: 1,
  options: deepFoolOptions,
  search(options) {
    const settings = deepFoolSettings(options);
    return {
      settings: { ...settings },
      gradients: settings.steps * (settings.candidates - 1),
      async run(tasks, { classifier, batch, signal, onGradients }) {
        const results: SearchResult<undefined>[] = [];
        // One image at a time: the gradients of its candidates fill the batch.
        for (const { image, label, target, clean } of tasks) {
          const { point, steps, cost } = await searchDeepFool(
            classifier,
            { image, logits: clean.logits, label, target },
            settings,
            { batch, signal, onStep: onGradients },
          );
          results.push({ point, cost, details: { steps } });
        }
        return results;
      },
    };
  },
});
