/** @file The methods that are one backward pass: a seed at the classes, a rule table, and a readout at the image. */
import type { RuleTable } from "../../autodiff/rules/index.ts";
import type { ThresholdRule } from "../../localization/threshold.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { gradientIn, imageIn, spaceOption } from "../attribution-space.ts";
import { imageGradients, outputOption } from "../backward-run.ts";
import { defineMethod } from "../define-method.ts";
import type { MethodDescription } from "../method.ts";
import { type Readout, readOut, readoutOption } from "../readout.ts";

export interface BackpropRecipe<N extends string> extends MethodDescription<N> {
  /** How its map becomes a box. */
  readonly box: ThresholdRule;
  /** The backward rules; gradients by default. */
  readonly rules?: RuleTable;
  readonly readout: Readout;
  /** Whether the result is multiplied by the image, element by element. Default false. */
  readonly timesInput?: boolean;
}

/** A method of one pass. With a target the difference of the two scores is explained. */
export function backpropMethod<const N extends string>(recipe: BackpropRecipe<N>) {
  const { rules, readout: usual, timesInput = false, ...description } = recipe;
  return defineMethod({
    ...description,
    settings: { readout: readoutOption(usual), of: outputOption, space: spaceOption },
    cost: () => ({ forward: 0, gradient: 1 }),
    async explainTogether(tasks) {
      const [{ classifier, settings }] = tasks;
      const { readout, of, space } = settings;
      const gradients = await imageGradients(tasks, { of, rules });
      return gradients.map((gradient, n) => {
        const { image } = tasks[n];
        const own = gradientIn(space, gradient, classifier);
        const attribution = timesInput ? product(own, imageIn(space, image.data, classifier)) : own;
        return {
          map: readOut(floatTensor(attribution, image.shape), readout),
          evaluations: { forward: 0, gradient: 1 },
        };
      });
    },
  });
}

/** a ∘ b */
function product(a: Float32Array, b: Float32Array): Float32Array {
  const result = new Float32Array(a.length);
  for (let i = 0; i < a.length; i++) result[i] = a[i] * b[i];
  return result;
}
