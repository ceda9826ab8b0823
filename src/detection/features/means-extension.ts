/** @file Scores that are functions of layers' spatial means, as graphs. */
import type { Classifier } from "../../classifier/classifier.ts";
import type { Extension } from "../../classifier/passes/extension.ts";
import type { GraphBuilder, Value } from "../../onnx/builder.ts";
import { appendMean } from "../measurement.ts";
import type { Part } from "../part.ts";
import { positionAxes } from "./layer-parts.ts";

/** The extension with the result `score` that `append` computes of the parts' means, [N, size] each, and of the logits. */
export function meansExtension(
  classifier: Classifier,
  parts: readonly Part[],
  append: (g: GraphBuilder, means: readonly Value[], logits: Value) => Value,
): Extension {
  const layers = parts.flatMap(({ from }) => (from.kind === "layer" ? [from.layer] : []));
  return {
    layers,
    append(g, { values, logits }) {
      const means = values.map((value, l) => appendMean(g, value, positionAxes(classifier, layers[l])));
      return { score: append(g, means, logits) };
    },
  };
}
