/** @file Which values of a graph are the same for every picture. */
import type { TypedGraph } from "../../../onnx/infer-shapes.ts";

/** The values of each graph that depend on its inputs: the end of a network is looked at many times. */
const dependents = new WeakMap<TypedGraph, ReadonlySet<string>>();

/**
 * Whether a value does not depend on the picture: constants and weights, also those that are dequantized, cast or laid out in another way before they
 * are used, which may be too many to be known beforehand.
 */
export function isGiven(typed: TypedGraph, value: string): boolean {
  return value !== "" && (typed.constants.has(value) || !dependentsOf(typed).has(value));
}

function dependentsOf(typed: TypedGraph): ReadonlySet<string> {
  const known = dependents.get(typed);
  if (known !== undefined) return known;
  const { graph, constants } = typed;
  const found = new Set(graph.inputs.map(({ name }) => name).filter((name) => !graph.initializers.has(name)));
  for (const { inputs, outputs } of graph.nodes) {
    if (!inputs.some((name) => found.has(name))) continue;
    // The shape of a picture is known, whatever is on it.
    for (const output of outputs) if (!constants.has(output)) found.add(output);
  }
  dependents.set(typed, found);
  return found;
}
