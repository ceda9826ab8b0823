/** @file Graphs inside of attributes (the branches of If, the bodies of Loop and Scan), and the outer values that they read. */
import type { Attribute, Attributes, Graph } from "./model.ts";

/** `attributes` with every graph among them replaced by what `change` makes of it; the same object if there is none. */
export function mapGraphs(attributes: Attributes, change: (graph: Graph) => Graph): Attributes {
  if (!Object.values(attributes).some(({ kind }) => kind === "graph")) return attributes;
  return Object.fromEntries(
    Object.entries(attributes).map(([name, attribute]): [string, Attribute] => [
      name,
      attribute.kind === "graph" ? { kind: "graph", value: change(attribute.value) } : attribute,
    ]),
  );
}

/**
 * An inner graph with the outer values that it reads renamed by `outer`; its own values hide outer ones of the same name.
 * `renameAttributes` does the same for what its nodes' attributes hold.
 */
export function renameOuterValues(
  graph: Graph,
  outer: (name: string) => string,
  renameAttributes: (attributes: Attributes, now: (name: string) => string) => Attributes,
): Graph {
  const own = new Set([...graph.inputs.map(({ name }) => name), ...graph.initializers.keys()]);
  for (const node of graph.nodes) for (const name of node.outputs) own.add(name);
  const now = (name: string): string => (own.has(name) ? name : outer(name));
  return {
    ...graph,
    outputs: graph.outputs.map((info) => ({ ...info, name: now(info.name) })),
    nodes: graph.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map(now),
      attributes: renameAttributes(node.attributes, now),
    })),
  };
}
