/** @file DeepFool as one of the registered attacks. */
import type { Classifier } from "../classifier/classifier.ts";
import type { ImageTensor } from "../image/picture.ts";
import type { AttackMethod, AttackOptions, AttackResult, Found } from "./attack.ts";
import {
  type DeepFoolOptions,
  deepFoolOptionKeys,
  deepFoolPresets,
  deepFoolSettings,
  searchDeepFool,
} from "./deepfool.ts";
import { runAttack } from "./run-attack.ts";

export interface DeepFoolAttackOptions extends AttackOptions, DeepFoolOptions {}

export const deepfool: AttackMethod<DeepFoolAttackOptions> = {
  name: "deepfool",
  title: "DeepFool",
  source: "Moosavi-Dezfooli, Fawzi and Frossard, DeepFool (CVPR 2016)",
  summary: "Steps to the nearest decision boundary of the linearized network until the label changes.",
  version: 1,
  presets: Object.keys(deepFoolPresets),
  optionKeys: deepFoolOptionKeys,
  plan(_, options) {
    const given = deepFoolOptionKeys.filter((key) => options[key] !== undefined);
    const settings = deepFoolSettings(Object.fromEntries(given.map((key) => [key, options[key]])));
    return {
      budget: undefined,
      settings: { ...settings },
      async search(tasks, { classifier, batch, signal, onGradients }) {
        const found: Found[] = [];
        // One image at a time: the gradients of its candidates fill the batch.
        for (const { image, label, target, clean } of tasks) {
          const { point, steps, evaluations } = await searchDeepFool(
            classifier,
            { image, logits: clean.logits, label, target },
            settings,
            { batch, signal, onStep: onGradients },
          );
          found.push({ point, evaluations, details: { steps } });
        }
        return found;
      },
    };
  },
};

/** What DeepFool finds for `images` [C, H, W], pixels in [0, 1]; options and errors as {@link DeepFoolAttackOptions} and {@link runAttack} say. */
export function deepFoolAttack(
  classifier: Classifier,
  images: readonly ImageTensor[],
  options: DeepFoolAttackOptions = {},
): Promise<AttackResult[]> {
  return runAttack(deepfool, classifier, images, options);
}
