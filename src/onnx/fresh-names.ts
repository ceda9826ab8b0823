/** @file Names for the values and nodes that a rewrite adds. */
import type { Graph } from "./model.ts";

/**
 * A function that returns the wish, or the wish with the first number that makes it new to `graph` and to earlier calls. A call takes
 * the same time however often its wish was made before.
 */
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
  return namesBut(taken);
}

/** The same for the names of nodes. */
export function freshNodeNames({ nodes }: Pick<Graph, "nodes">): (wish: string) => string {
  return namesBut(new Set(nodes.map(({ name }) => name)));
}

function namesBut(taken: Set<string>): (wish: string) => string {
  /** The last number that each wish was given. */
  const numbers = new Map<string, number>();
  return (wish) => {
    let name = wish;
    let number = numbers.get(wish) ?? 0;
    while (taken.has(name)) name = `${wish}_${++number}`;
    numbers.set(wish, number);
    taken.add(name);
    return name;
  };
}
