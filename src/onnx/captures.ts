/** @file What a node reads: its inputs, and the outer values that the graphs in its attributes (If, Loop, Scan) refer to. */
import type { Graph, Node } from "./model.ts";

/** The names of all values that `node` reads, each once; left-out inputs are not among them. */
export function valuesReadBy(node: Node): Set<string> {
  const names = new Set(node.inputs);
  names.delete("");
  for (const name of capturesOf(node)) names.add(name);
  return names;
}

/** The names of the outer values that the graphs in `node`'s attributes refer to. */
export function capturesOf(node: Node): Set<string> {
  const names = new Set<string>();
  for (const attribute of Object.values(node.attributes)) {
    if (attribute.kind === "graph") for (const name of freeValuesOf(attribute.value)) names.add(name);
  }
  return names;
}

function freeValuesOf(graph: Graph): Set<string> {
  const defined = new Set([...graph.inputs.map(({ name }) => name), ...graph.initializers.keys()]);
  for (const node of graph.nodes) for (const output of node.outputs) defined.add(output);
  const read = new Set(graph.outputs.map(({ name }) => name));
  for (const node of graph.nodes) for (const name of valuesReadBy(node)) read.add(name);
  return new Set([...read].filter((name) => name !== "" && !defined.has(name)));
}
