/**
 * @file Kernel SHAP: the Shapley values of superpixels, by a weighted linear regression.
 *
 * Source: Lundberg and Lee, "A Unified Approach to Interpreting Model Predictions", 2017, section 4.1.
 */
import { MisuseError } from "../../errors.ts";
import { countOption, derived } from "../../options/option.ts";
import { defineMethod } from "../define-method.ts";
import { coalitionsOf } from "./coalitions.ts";
import { hideSuperpixels, superpixelSettings } from "./hidden-superpixels.ts";
import { leastSquares } from "./least-squares.ts";

const settings = {
  samples: countOption("At most how many images with hidden superpixels; at least twice as many as superpixels.", {
    min: 4,
    fallback: derived("2 · `segments` + 2048, the number of the authors' package"),
  }),
  ...superpixelSettings("mean"),
};

/**
 * The Shapley value of its superpixel at each pixel, and 0 where that is negative: [H, W]. The values add up to what the whole image scores above one
 * with everything hidden; where all coalitions fit into `samples` (for up to 11 superpixels by default) they are exact. `details`: `attributions` (all values,
 * signed), `score` and `hiddenScore`, the two ends.
 */
export const kernelShap = defineMethod({
  name: "kernel-shap",
  title: "Kernel SHAP",
  source: "Lundberg and Lee, A Unified Approach to Interpreting Model Predictions, 2017",
  summary:
    "What each superpixel adds to the score of the class, on average over the orders in which they can be shown.",
  version: 1,
  sees: "scores",
  box: { kind: "value", alpha: 0.1225 },
  settings,
  complete(given) {
    const { segments, samples = 2 * segments + 2048 } = given;
    if (samples >= 2 * segments) return { ...given, samples };
    throw new MisuseError({
      where: "kernel-shap: samples",
      what: "so few images do not tell the superpixels apart",
      expected: `at least twice as many as segments, ${2 * segments}`,
      got: String(samples),
    });
  },
  cost: ({ samples }) => ({ forward: samples + 2, gradient: 0 }),
  async explain(task) {
    const { superpixels, scores, paint } = hideSuperpixels(task);
    const { count } = superpixels;
    const coalitions = coalitionsOf(count, task.settings.samples, task.random);
    const values = new Float64Array(coalitions.length + 2);
    await scores(
      values.length,
      (index, shown) => {
        if (index < 2) shown.fill(index);
        else shown.set(coalitions[index - 2].members);
      },
      (index, score) => {
        values[index] = score;
      },
    );
    const [none, all] = values;
    const difference = all - none;
    // The last value is what the others leave of the difference; they are fitted.
    const fitted = leastSquares(
      coalitions.map(({ members, weight }, n) => {
        const last = members[count - 1];
        const x = Float64Array.from({ length: count - 1 }, (_, k) => members[k] - last);
        return { x, y: values[n + 2] - none - last * difference, weight };
      }),
      count - 1,
    );
    const attributions = [...fitted, difference - fitted.reduce((sum, value) => sum + value, 0)];
    return {
      map: paint(attributions),
      evaluations: { forward: values.length, gradient: 0 },
      details: { segments: count, score: all, hiddenScore: none, attributions },
    };
  },
});
