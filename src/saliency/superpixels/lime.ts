/**
 * @file LIME: a linear model of what the network says of an image of which some superpixels are hidden.
 *
 * Source: Ribeiro, Singh and Guestrin, ""Why Should I Trust You?" Explaining the Predictions of Any Classifier", 2016, equation (2) and algorithm 1;
 * numbers and distance of the authors' package.
 */
import { countOption, numberOption } from "../../options/option.ts";
import { defineMethod } from "../define-method.ts";
import { hideSuperpixels, superpixelSettings } from "./hidden-superpixels.ts";
import { type Equation, leastSquares } from "./least-squares.ts";

const settings = {
  samples: countOption("How many images with hidden superpixels, the whole one included.", { min: 2, fallback: 1000 }),
  kernelWidth: numberOption("The width of the kernel that weighs the samples, in cosine distance.", {
    above: 0,
    fallback: 0.25,
  }),
  ridge: numberOption("The penalty on the squares of the model's weights.", { min: 0, fallback: 1 }),
  ...superpixelSettings("superpixel"),
};

/** The weight of a sample that shows `shown` of `count` superpixels: √exp(−d² / width²), d being its cosine distance to the whole. */
export function limeWeight(shown: number, count: number, width: number): number {
  const distance = 1 - Math.sqrt(shown / count);
  return Math.sqrt(Math.exp(-(distance ** 2) / width ** 2));
}

/**
 * The weight of its superpixel in the linear model at each pixel, and 0 where that is negative: [H, W]. Samples show each superpixel with probability
 * ½, drawn in order; the first is the whole image. `details`: `attributions` (all weights, signed), the model's `intercept`, and `fit`, the share of the
 * scores' weighted variance that it accounts for.
 *
 * Deviation: the package cuts by quickshift, here it is SLIC; its choice of the strongest features is left out, as all are kept there too.
 */
export const lime = defineMethod({
  name: "lime",
  title: "LIME",
  source: "Ribeiro, Singh and Guestrin, “Why Should I Trust You?” Explaining the Predictions of Any Classifier, 2016",
  summary: "What each superpixel adds to the score of the class in a linear model of images with hidden superpixels.",
  version: 1,
  sees: "scores",
  box: { kind: "energy", alpha: 0.85 },
  settings,
  cost: ({ samples }) => ({ forward: samples, gradient: 0 }),
  async explain(task) {
    const { samples, kernelWidth, ridge } = task.settings;
    const { superpixels, scores, paint } = hideSuperpixels(task);
    const { count } = superpixels;
    const equations: Equation[] = [];
    await scores(
      samples,
      (index, shown) => {
        for (let k = 0; k < count; k++) shown[k] = index === 0 || task.random() >= 0.5 ? 1 : 0;
      },
      (_, y, shown) => {
        const weight = limeWeight(
          shown.reduce((sum, bit) => sum + bit, 0),
          count,
          kernelWidth,
        );
        equations.push({ x: shown.slice(), y, weight });
      },
    );
    const { weights, intercept, fit } = linearModel(equations, count, ridge);
    return {
      map: paint(weights),
      evaluations: { forward: samples, gradient: 0 },
      details: { segments: count, intercept, fit, attributions: [...weights] },
    };
  },
});

/** Weights with a penalty on their squares, and an intercept without. */
function linearModel(equations: readonly Equation[], count: number, ridge: number) {
  const total = equations.reduce((sum, { weight }) => sum + weight, 0);
  const mean = equations.reduce((sum, { y, weight }) => sum + weight * y, 0) / total;
  const means = new Float64Array(count);
  for (const { x, weight } of equations) for (let k = 0; k < count; k++) means[k] += (weight * x[k]) / total;
  const centered = equations.map(({ x, y, weight }) => ({ x: means.map((m, k) => x[k] - m), y: y - mean, weight }));
  const weights = leastSquares(centered, count, ridge);
  const predicted = (x: ArrayLike<number>): number => weights.reduce((sum, weight, k) => sum + weight * x[k], 0);
  const variance = centered.reduce((sum, { y, weight }) => sum + weight * y * y, 0);
  const left = centered.reduce((sum, { x, y, weight }) => sum + weight * (y - predicted(x)) ** 2, 0);
  return { weights, intercept: mean - predicted(means), fit: variance > 0 ? 1 - left / variance : 1 };
}
