/** @file Feature ablation: a superpixel matters as much as the score of the class drops where it alone is hidden. */
import { defineMethod } from "../define-method.ts";
import { hideSuperpixels, superpixelSettings } from "./hidden-superpixels.ts";

/**
 * What the score of the class loses if a superpixel is hidden, at each of its pixels, and 0 where that is negative: [H, W]. `details.attributions` has it
 * for every superpixel, signed, in the order in which they are met row by row. Deterministic.
 *
 * Source: Captum's FeatureAblation, whose features are superpixels here; for a network that is linear in what is shown, these are the terms.
 */
export const featureAblation = defineMethod({
  name: "feature-ablation",
  title: "Feature ablation",
  source:
    "Kokhlikyan et al., Captum: A unified and generic model interpretability library for PyTorch, 2020; superpixels: Achanta et al., SLIC, 2012",
  summary: "How far the score of the class drops if the superpixel that a pixel lies in is hidden.",
  version: 1,
  sees: "scores",
  box: { kind: "energy", alpha: 0.75 },
  settings: superpixelSettings("mean"),
  cost: ({ segments }) => ({ forward: segments + 1, gradient: 0 }),
  async explain(task) {
    const { superpixels, scores, paint } = hideSuperpixels(task);
    const { count } = superpixels;
    let whole = 0;
    const attributions = new Float64Array(count);
    await scores(
      count + 1,
      (index, shown) => {
        shown.fill(1);
        if (index > 0) shown[index - 1] = 0;
      },
      (index, score) => {
        if (index === 0) whole = score;
        else attributions[index - 1] = whole - score;
      },
    );
    return {
      map: paint(attributions),
      evaluations: { forward: count + 1, gradient: 0 },
      details: { segments: count, score: whole, attributions: [...attributions] },
    };
  },
});
