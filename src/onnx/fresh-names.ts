/** @file Names for the values that a rewrite adds. */
import type { Graph } from "./model.ts";

/** A function that returns the wish, or the wish with the first number that makes it new to `graph` and to earlier calls. */
export function freshNames(graph: Pick<Graph, "inputs" | "nodes" | "initializers">): (wish: string) => string {
  const taken = new Set<string>();
  const visit = ({ inputs, nodes, initializers }: Pick<Graph, "inputs" | "nodes" | "initializers">): void => {
    for (const { name } of inputs) taken.add(name);
    for (const name of initializers.keys()) taken.add(name);
    for (const node of nodes) {
      for (const name of [...node.inputs, ...node.outputs]) taken.add(name);
      for (const attribute of Object.values(node.attributes)) if (attribute.kind === "graph") visit(attribute.value);
    }
  };
  visit(graph);
  return (wish) => {
    let name = wish;
    for (let number = 1; taken.has(name); number++) name = `${wish}_${number}`;
    taken.add(name);
    return name;
  };
}
