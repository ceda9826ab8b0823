/** @file Detectors of no cost, to compare others with: an attack that stops just beyond a boundary is known by its small margin alone. */
import { logOddsAt } from "../../classifier/logits.ts";
import type { Extension } from "../../classifier/passes/extension.ts";
import type { GraphBuilder, Value } from "../../onnx/builder.ts";
import { indexOfLargest } from "../../tensor/vector.ts";
import { defineDetector } from "../define-detector.ts";
import { logitsPart } from "../part.ts";

/** The logits of each image in falling order, in pieces of `sizes` columns. */
function ordered(g: GraphBuilder, logits: Value, sizes: readonly number[]): Value[] {
  const count = sizes.reduce((sum, size) => sum + size, 0);
  const [values] = g.ops("TopK", [logits, g.ints([count])], { axis: 1 }, 2);
  return sizes.length === 1 ? [values] : g.ops("Split", [values, g.ints(sizes)], { axis: 1 }, sizes.length);
}

/** [N, 1] as [N]. */
function flat(g: GraphBuilder, value: Value): Value {
  return g.op("Reshape", [value, g.ints([value.shape[0]])]);
}

/** The least probable: −log(p / (1 − p)) of the largest probability p, whose order is that of −p and which keeps apart what rounds to 1. */
export const confidence = defineDetector({
  name: "confidence",
  title: "Maximum probability",
  source:
    "Hendrycks and Gimpel, A baseline for detecting misclassified and out-of-distribution examples in neural networks (ICLR 2017)",
  summary: "The less probable the predicted class, the more suspicious.",
  version: 1,
  settings: {},
  plan: (_, classifier) => ({
    parts: [logitsPart(classifier)],
    needsAttacked: false,
    needsHeldOnly: true,
    fit: () => ({ arrays: {} }),
    scorer:
      () =>
      ({ logits }) =>
        -logOddsAt(logits, indexOfLargest(logits)),
    graph: (): Extension => ({
      append(g, { logits }) {
        const [first, others] = ordered(g, logits, [1, classifier.classCount - 1]);
        const rest = g.op("ReduceLogSumExp", [others, g.ints([1])], { keepdims: 1 });
        return { score: flat(g, g.op("Sub", [rest, first])) };
      },
    }),
  }),
});

/** The negative margin between the two largest logits. */
export const margin = defineDetector({
  name: "margin",
  title: "Margin",
  source: "a baseline",
  summary: "The smaller the largest logit's lead over the next one, the more suspicious.",
  version: 1,
  settings: {},
  plan: (_, classifier) => ({
    parts: [logitsPart(classifier)],
    needsAttacked: false,
    needsHeldOnly: true,
    fit: () => ({ arrays: {} }),
    scorer:
      () =>
      ({ logits }) => {
        const label = indexOfLargest(logits);
        let next = Number.NEGATIVE_INFINITY;
        for (const [k, logit] of logits.entries()) if (k !== label && logit > next) next = logit;
        return next - logits[label];
      },
    graph: (): Extension => ({
      append(g, { logits }) {
        const [first, second] = ordered(g, logits, [1, 1]);
        return { score: flat(g, g.op("Sub", [second, first])) };
      },
    }),
  }),
});
