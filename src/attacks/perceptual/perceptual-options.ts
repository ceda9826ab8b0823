/** @file The options of the perceptual attack. */
import { countOption, derived, layersOption, numberOption, wordOption } from "../../options/option.ts";
import type { OptionsOf, ValuesOf } from "../../options/schema.ts";
import { linfEpsilonOption } from "../budget.ts";

export const perceptualPresets = ["auto", "paper", "released", "detection"] as const;
export type PerceptualPreset = (typeof perceptualPresets)[number];

export const constraints = ["none", "range", "ball"] as const;
/**
 * Where the perturbed image may go (section 3): anywhere; within the range of values of the clean image; or within an ℓ∞ ball of
 * radius epsilon around it. The last two stay within [0, 1] as well.
 */
export type Constraint = (typeof constraints)[number];

const presetMeanings = {
  auto: "`auto`: scale-free weights, and the largest strength of the perceptual term that still flips the label.",
  paper: "`paper`: sums of squares, the paper's layers, constraint `range`.",
  released:
    "`released`: the published code: means of squares in the network's normalized space, γ = 10⁴, λ = 1, T = −2, 100 iterations of L-BFGS without line search, history 100, no constraint.",
  // The paper gives neither T nor the weights of section 5: T = −2, a hundredth of the λ' of `paper`, with which labels flip in 20
  // evaluations, and its λ.
  detection:
    "`detection`: section 5 of the paper: sums of squares in an ℓ∞ ball of 8/255, 20 evaluations by L-BFGS without line search, the best of which counts, and the layers {5, 10, 15}.",
} as const satisfies Readonly<Record<PerceptualPreset, string>>;

/** The option `preset` with some of the presets. */
export function perceptualPresetOption<const P extends PerceptualPreset>(presets: readonly P[], fallback: NoInfer<P>) {
  const meanings = presets.map((preset) => presetMeanings[preset]).join(" ");
  return wordOption(`Whose numbers. ${meanings}`, presets, { fallback });
}

/** The options of the ablation without perceptual term. */
const sharedOptions = {
  margin: numberOption("T, negative: how far behind the decision boundary to aim, in logits.", {
    below: 0,
    fallback: derived("−2; of `auto`, a tenth of the logits' spread"),
    advice: () => 'The paper\'s "T > 0" is a slip of sign: a flipped label has a margin below 0.',
  }),
  distanceWeight: numberOption("λ, the weight of the squared distance.", { min: 0, fallback: derived("the preset's") }),
  reduction: wordOption(
    "Whether squared differences are summed, as in the paper, or averaged over the elements, as in the released code. Given with `auto`, there is no search.",
    ["sum", "mean"],
    { fallback: derived("the preset's; `auto` divides by the clean values' squares") },
  ),
  iterations: countOption("L-BFGS iterations. Not used by the search of `auto`.", {
    fallback: derived("100; of `detection`, 20"),
  }),
  evaluations: countOption("Evaluations of the objective and its gradient in all.", {
    min: 5,
    fallback: derived("52 for `auto`, and 150 with the rounding `none`; else what the iterations need"),
  }),
  history: countOption("Curvature pairs that L-BFGS keeps.", { fallback: derived("10; of `released`, 100") }),
  constraint: wordOption(
    "Where the perturbed image may go: anywhere; within the range of values of the clean image; within an ℓ∞ ball around it. The last two stay within [0, 1] as well.",
    constraints,
    { fallback: derived("the preset's: range, of `released` none, of `detection` ball") },
  ),
  epsilon: linfEpsilonOption,
};

/** The options of the perceptual attack; explanations have another default preset. */
export const perceptualOptions = {
  preset: perceptualPresetOption(perceptualPresets, "detection"),
  layers: layersOption("The layers to compare: numbers, names or patterns such as Relu[4:10].", {
    fallback: derived("the preset's; of `auto`, the end of each stage of the network"),
  }),
  perceptualWeight: numberOption("λ' (γ in the released code). Given with `auto`, there is no search.", {
    min: 0,
    fallback: derived("the preset's; `auto` searches"),
  }),
  ...sharedOptions,
};

/** The options of the attack without its perceptual term. */
export const l2Options = {
  preset: perceptualPresetOption(["detection", "paper", "released"], "detection"),
  ...sharedOptions,
};

export type PerceptualOptions = OptionsOf<typeof perceptualOptions>;
export type PerceptualValues = ValuesOf<typeof perceptualOptions>;
