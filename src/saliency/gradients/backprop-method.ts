/** @file The methods that are one backward pass: a seed at the classes, a rule table, and a readout at the image. */
import type { RuleTable } from "../../autodiff/rules/index.ts";
import { outputs } from "../../classifier/passes/network-graphs.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { attributionSpaces, gradientIn, imageIn } from "../attribution-space.ts";
import { questionOf } from "../logit-seed.ts";
import type { SaliencyMethod } from "../method.ts";
import { completeSettings, wordSetting } from "../method-settings.ts";
import { type Readout, readOut, readouts } from "../readout.ts";

export interface BackpropRecipe extends Omit<SaliencyMethod, "check" | "explain"> {
  /** The backward rules; gradients by default. */
  readonly rules?: RuleTable;
  readonly readout: Readout;
  /** Whether the result is multiplied by the image, element by element. Default false. */
  readonly timesInput?: boolean;
}

/**
 * A method of one pass. Its settings: `readout` (see {@link Readout}), `of` ("logits", "probabilities" or "log-probabilities": what
 * is differentiated; default "logits") and `space` (see {@link AttributionSpace}; default "network"). With a target the
 * difference of the two scores is explained.
 */
export function backpropMethod({ rules, readout, timesInput = false, ...description }: BackpropRecipe): SaliencyMethod {
  const known = {
    readout: wordSetting(readouts, readout),
    of: wordSetting(outputs, "logits"),
    space: wordSetting(attributionSpaces, "network"),
  };
  return {
    ...description,
    check: (_, { settings }) => void completeSettings(description.name, known, settings),
    async explain(classifier, image, options = {}) {
      const { signal } = options;
      const settings = completeSettings(description.name, known, options.settings);
      const { label, seed, forward } = await questionOf(description.name, classifier, image, options);
      const pass = await classifier.backward({ of: settings.of, rules });
      const [{ gradient }] = await pass.run([{ image: image.data, seed }], { signal });
      const own = gradientIn(settings.space, gradient, classifier);
      const attribution = timesInput ? product(own, imageIn(settings.space, image.data, classifier)) : own;
      return {
        map: readOut(floatTensor(attribution, image.shape), settings.readout),
        label,
        evaluations: { forward, gradient: 1 },
        settings,
      };
    },
  };
}

/** a ∘ b */
function product(a: Float32Array, b: Float32Array): Float32Array {
  const result = new Float32Array(a.length);
  for (let i = 0; i < a.length; i++) result[i] = a[i] * b[i];
  return result;
}
