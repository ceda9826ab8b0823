/**
 * @file DeepLIFT: what each pixel adds to the class score, compared with a baseline, by multipliers that are handed back in one pass.
 *
 * Source: Shrikumar, Greenside and Kundaje, "Learning Important Features Through Propagating Activation Differences", 2017, with the
 * rescale rule; the rules are those of {@link deepLiftRules}.
 */
import { deepLiftRules } from "../../autodiff/relevance/deep-lift-rules.ts";
import { backwardNames } from "../../classifier/passes/network-graphs.ts";
import { objectiveInputs } from "../../classifier/passes/objective-graph.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { batchOf, inputsOf, outputOption } from "../backward-run.ts";
import { baselineOption, completenessOf, plainImage, seededScore } from "../baseline.ts";
import { defineMethod } from "../define-method.ts";
import { readOut, readoutOption } from "../readout.ts";

const rules = deepLiftRules({ image: objectiveInputs.image, baseline: backwardNames.baseline });

/**
 * Σ over channels of |m ∘ (x − x₀)|, [H, W], for the multipliers m that DeepLIFT's rescale rule gives for the image x and the baseline x₀. The
 * attributions add up to s(x) − s(x₀); `details` says how nearly: `attributed`, `difference` and their distance, `completenessError`.
 */
export const deepLift = defineMethod({
  name: "deep-lift",
  title: "DeepLIFT",
  source:
    "Shrikumar, Greenside and Kundaje, Learning Important Features Through Propagating Activation Differences, 2017",
  summary:
    "What each pixel adds to the class score, if every neuron's difference to a uniform picture is divided among its inputs.",
  version: 1,
  box: { kind: "energy", alpha: 0.6 },
  settings: { baseline: baselineOption, readout: readoutOption("sum"), of: outputOption },
  cost: () => ({ forward: 2, gradient: 1 }),
  async explainTogether(tasks) {
    const [{ classifier, settings, signal }] = tasks;
    const { of, readout } = settings;
    const batch = batchOf(tasks);
    const baselines = tasks.map(({ image }) => plainImage(settings.baseline, classifier, image));
    const pass = await classifier.backward({ of, rules, baseline: true, batch });
    const inputs = inputsOf(tasks).map((input, n) => ({ ...input, baseline: baselines[n] }));
    const evaluations = await pass.run(inputs, { signal });
    const below = await (await classifier.forward({ batch })).run(baselines, { signal });
    return evaluations.map(({ gradient: multipliers, logits }, n) => {
      const { image, seed } = tasks[n];
      const attribution = multipliers.map((multiplier, i) => multiplier * (image.data[i] - baselines[n][i]));
      const difference = seededScore(of, logits, seed) - seededScore(of, below[n], seed);
      return {
        map: readOut(floatTensor(attribution, image.shape), readout),
        // The baseline goes through the network in the run back, and once more for its score.
        evaluations: { forward: 2, gradient: 1 },
        details: { ...completenessOf(attribution, difference) },
      };
    });
  },
});
