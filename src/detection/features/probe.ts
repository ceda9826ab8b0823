/** @file What a detector sees that has learned an attack: a linear probe on features, the small form of Metzen et al. (ICLR 2017). */
import type { Extension } from "../../classifier/passes/extension.ts";
import { BadInputError } from "../../errors.ts";
import { derived, layersOption, numberOption } from "../../options/option.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { defineDetector } from "../define-detector.ts";
import type { MeasuredImage } from "../detector.ts";
import { fitTwoClasses, logOddsOf, regressionArrays, regressionIn } from "../learning/two-class-regression.ts";
import { chosenLayers, meanPart, stageLayers } from "./layer-parts.ts";
import { meansExtension } from "./means-extension.ts";

/**
 * The log-odds of being attacked that a logistic regression gives to the spatial means of all layers, learned from attacked training images against the same
 * clean and with noise of the same ℓ2 norm. How well it finds the attack that it was trained on is a bound on what is in the features; how well it finds others
 * is whether that transfers.
 *
 * Deviation: the published detector is a small convolutional network on one feature map.
 */
export const probe = defineDetector({
  name: "probe",
  title: "Linear probe",
  source:
    "after Metzen, Genewein, Fischer and Bischoff, On detecting adversarial perturbations (ICLR 2017): their network made linear",
  summary: "What a linear classifier trained on an attack's images sees in the layers' mean features.",
  version: 1,
  settings: {
    layers: layersOption("Layers whose spatial means are looked at.", {
      fallback: derived("the first activation, the last layer of each resolution, and the last hidden one"),
    }),
    strength: numberOption("How little weights are held back: C of the regression.", { above: 0, fallback: 1 }),
  },
  plan({ layers, strength }, classifier) {
    const chosen = chosenLayers("probe", classifier, layers, stageLayers);
    const parts = chosen.map((layer) => meanPart(classifier, layer));
    const size = parts.reduce((sum, part) => sum + part.size, 0);
    const row = (measured: MeasuredImage["measured"]): Float64Array => {
      const all = new Float64Array(size);
      let from = 0;
      for (const { key } of parts) {
        all.set(measured[key], from);
        from += measured[key].length;
      }
      return all;
    };
    return {
      parts,
      needsAttacked: true,
      settings: { layers: chosen.map(({ name }) => name) },
      fit({ train, attacked, noisy }) {
        const ids = new Set(attacked.map(({ id }) => id));
        const clean = train.filter(({ id }) => ids.has(id));
        if (attacked.length < 10) {
          throw new BadInputError({
            where: "probe",
            what: "too few training pictures change their label under the attack",
            expected: "at least 10",
            got: String(attacked.length),
            advice: "Give more pictures, or another attack to learn from.",
          });
        }
        const rows = (images: readonly MeasuredImage[]) => images.map(({ measured }) => row(measured));
        return {
          arrays: regressionArrays(fitTwoClasses([...rows(clean), ...rows(noisy)], rows(attacked), strength)),
        };
      },
      scorer(context) {
        const regression = regressionIn(context, size);
        return (measured) => logOddsOf(regression, row(measured));
      },
      graph(context): Extension {
        const { weights, intercept } = regressionIn(context, size);
        return meansExtension(classifier, parts, (g, means) => {
          const all = means.length === 1 ? means[0] : g.op("Concat", [...means], { axis: 1 });
          const w = g.constant(floatTensor(Float32Array.from(weights), [size, 1]));
          const score = g.op("Gemm", [all, w, g.constant(floatTensor([intercept], [1]))]);
          return g.op("Reshape", [score, g.ints([score.shape[0]])]);
        });
      },
    };
  },
});
