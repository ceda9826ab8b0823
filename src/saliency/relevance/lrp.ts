/**
 * @file Layer-wise relevance propagation: the score of the class, divided among the pixels layer by layer.
 *
 * Source: Bach et al., "On Pixel-Wise Explanations for Non-Linear Classifier Decisions by Layer-Wise Relevance Propagation", 2015,
 * equations (1) and (2) for what is handed down. The rules are those of {@link lrpRules}; presets are the composites of zennit
 * (Anders et al., "Software for Dataset-wide XAI", 2021), under its names.
 */
import { firstLayerRules, type LrpOptions, lrpLayerRules, lrpRules } from "../../autodiff/relevance/lrp-rules.ts";
import type { RuleTable } from "../../autodiff/rules/index.ts";
import { objectiveInputs } from "../../classifier/passes/objective-graph.ts";
import { UnsupportedError } from "../../errors.ts";
import { flagOption, numberOption, wordOption } from "../../options/option.ts";
import { type ValuesOf, withPresets } from "../../options/schema.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { batchOf, inputsOf } from "../backward-run.ts";
import { defineMethod } from "../define-method.ts";
import { readOut, readoutOption } from "../readout.ts";

const settings = withPresets(
  {
    doc: "A composite of zennit, by its name, or LRP-ε in all layers.",
    fallback: "epsilon-plus",
    presets: {
      "epsilon-plus": {},
      "epsilon-plus-flat": { first: "flat" },
      "epsilon-alpha2-beta1": { convolutions: "alpha-beta" },
      "epsilon-alpha2-beta1-flat": { first: "flat", convolutions: "alpha-beta" },
      "epsilon-gamma-box": { first: "box", convolutions: "gamma" },
      "excitation-backprop": { dense: "z-plus" },
      epsilon: { convolutions: "epsilon" },
    },
  },
  {
    first: wordOption(
      "The rule of the first layer with weights, of each that no other comes before: one of its own, or that of its kind.",
      firstLayerRules,
      { fallback: "as others" },
    ),
    convolutions: wordOption("The rule of the other convolutions.", lrpLayerRules, { fallback: "z-plus" }),
    dense: wordOption("The rule of the other layers with weights.", lrpLayerRules, { fallback: "epsilon" }),
    epsilon: numberOption("ε of the rule `epsilon`; 0 makes LRP-0 of it.", { min: 0, fallback: 1e-6 }),
    gamma: numberOption("γ of the rule `gamma`.", { min: 0, fallback: 0.25 }),
    alpha: numberOption("α of the rule `alpha-beta`; β is α − 1.", { min: 1, fallback: 2 }),
    stabilizer: numberOption("ε of the other rules, which only keeps them finite.", { min: 0, fallback: 1e-6 }),
    bias: flagOption("Whether biases take their share of the relevance, which is then lost.", { fallback: true }),
    start: wordOption(
      "What is handed down: the score of the class, as in the paper, or 1, as in zennit's examples.",
      ["score", "one"],
      { fallback: "score" },
    ),
    readout: readoutOption("positive"),
  },
);

type Settings = ValuesOf<typeof settings>;

/** One table for each choice of rules, so that what asks for the same shares a session. */
const tables = new Map<string, RuleTable>();

function tableOf({ first, convolutions, dense, epsilon, stabilizer, gamma, alpha, bias }: Settings): RuleTable {
  const image = objectiveInputs.image;
  const options: LrpOptions = { image, first, convolutions, dense, epsilon, stabilizer, gamma, alpha, bias };
  const key = JSON.stringify(options);
  const table = tables.get(key) ?? lrpRules(options);
  tables.set(key, table);
  return table;
}

function overflow(): UnsupportedError {
  return new UnsupportedError({
    where: "lrp",
    what: "relevance grew beyond the numbers of the network on the way to the image, by quotients with next to nothing",
    expected: "shares that are finite",
    advice: "Raise epsilon or stabilizer, let biases take their share, or take the preset epsilon-plus.",
  });
}

/**
 * What of the relevance arrives at each pixel: by default the positive part of the sum over its channels, [H, W]. With a target, the relevance
 * of the label's score less that of the target's. `details`: `score`, what was handed in, and `relevance`, the sum of what arrived; they differ by
 * what biases took, and by what was lost at outputs that nothing contributes to. Throws an UnsupportedError where relevance grows beyond all numbers.
 */
export const lrp = defineMethod({
  name: "lrp",
  title: "LRP",
  source:
    "Bach et al., On Pixel-Wise Explanations for Non-Linear Classifier Decisions by Layer-Wise Relevance Propagation, 2015",
  summary: "How much of the class score each pixel accounts for, if every neuron's share is divided among its inputs.",
  version: 1,
  box: { kind: "energy", alpha: 0.75 },
  settings,
  cost: () => ({ forward: 0, gradient: 1 }),
  async explainTogether(tasks) {
    const [{ classifier, settings, signal }] = tasks;
    const scaled = settings.start === "score";
    const pass = await classifier.backward({ of: "logits", rules: tableOf(settings), scaled, batch: batchOf(tasks) });
    const evaluations = await pass.run(inputsOf(tasks), { signal });
    return evaluations.map(({ gradient: relevance, logits }, n) => {
      const { image, seed } = tasks[n];
      if (!relevance.every(Number.isFinite)) throw overflow();
      return {
        map: readOut(floatTensor(relevance, image.shape), settings.readout),
        evaluations: { forward: 0, gradient: 1 },
        details: {
          score: seed.reduce((sum, weight, j) => sum + weight * (scaled ? logits[j] : 1), 0),
          relevance: relevance.reduce((sum, one) => sum + one, 0),
        },
      };
    });
  },
});
