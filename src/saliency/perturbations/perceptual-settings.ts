/** @file The settings of the perceptual methods: those of the perceptual attack. */
import { constraints, perceptualPresets } from "../../attacks/perceptual/perceptual.ts";
import { countOption, derived, layersOption, numberOption, wordOption } from "../../options/option.ts";

const byPreset = derived("the preset's");

export const perceptualSettings = {
  preset: wordOption(
    "A search for the largest strength that flips the label; the paper's numbers; those of its released code; those of its detector.",
    perceptualPresets,
    { fallback: "auto" },
  ),
  layers: layersOption("The layers whose features are compared.", { fallback: byPreset }),
  margin: numberOption("T, negative: how far behind the decision boundary to aim, in logits.", {
    fallback: derived("−2; of `auto` a tenth of the logits' spread"),
  }),
  perceptualWeight: numberOption("λ', the weight of the perceptual term. Given with `auto`, there is no search.", {
    min: 0,
    fallback: derived("searched by `auto`, else the preset's"),
  }),
  distanceWeight: numberOption("λ, the weight of the squared distance.", { min: 0, fallback: byPreset }),
  reduction: wordOption(
    "Whether squared differences are summed, as in the paper, or averaged, as in its code.",
    ["mean", "sum"],
    {
      fallback: byPreset,
    },
  ),
  iterations: countOption("Iterations of L-BFGS. Not used by the search of `auto`.", {
    fallback: derived("100; of `detection` 20"),
  }),
  evaluations: countOption("Evaluations of the objective with its gradient, in all.", {
    min: 5,
    fallback: derived("150 for `auto`, else what the iterations need"),
  }),
  history: countOption("Curvature pairs that L-BFGS keeps.", { fallback: derived("10; of `released` 100") }),
  constraint: wordOption(
    "Where the image may go: anywhere, within the range of its own values, or within a ball around it.",
    constraints,
    { fallback: byPreset },
  ),
  epsilon: numberOption("Radius of the ball, in pixels from 0 to 1.", { fallback: derived("8/255") }),
};
