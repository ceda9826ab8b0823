/**
 * @file Nodes behind a graph whose batch extent is open.
 *
 * Rewrites that add a few nodes to a model as it is need no shapes: the operators that they use take any. Where shapes are known and
 * wanted, graphs are built with the builder instead.
 */
import type { Tensor } from "../tensor/tensor.ts";
import { type AttributeValue, attributesFrom } from "./attributes.ts";
import { freshNames } from "./fresh-names.ts";
import { type Graph, type Initializer, initializerOf, type Node } from "./model.ts";

/** Appends nodes, and gives the names of what they compute. */
export interface NodeAppender {
  /** Appends a node of the standard domain and returns the name of its output; "" inputs are left out. */
  readonly op: (
    opType: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, AttributeValue>>,
  ) => string;
  /** Appends `node` once more, on other inputs, and returns the name of its output number `index`, the first by default. */
  readonly again: (node: Node, inputs: readonly string[], index?: number) => string;
  /** A constant. */
  readonly constant: (tensor: Tensor) => string;
  /** The graph with everything that was appended. */
  readonly graph: () => Graph;
}

/** An appender to `graph`; the new values are called after `prefix`. */
export function appendNodes(graph: Graph, prefix: string): NodeAppender {
  const fresh = freshNames(graph);
  const nodes: Node[] = [...graph.nodes];
  const initializers = new Map<string, Initializer>(graph.initializers);
  const append = (node: Node, index = 0): string => {
    nodes.push(node);
    return node.outputs[index];
  };
  return {
    op(opType, inputs, attributes = {}) {
      const name = fresh(`${prefix}/${opType}`);
      return append({ opType, domain: "", name, inputs, outputs: [name], attributes: attributesFrom(attributes) });
    },
    again(node, inputs, index = 0) {
      const name = fresh(`${prefix}/${node.opType}`);
      const others = node.outputs.slice(1).map((output) => (output === "" ? "" : fresh(`${prefix}/${node.opType}`)));
      return append({ ...node, name, inputs, outputs: [name, ...others] }, index);
    },
    constant(tensor) {
      const name = fresh(`${prefix}/constant`);
      initializers.set(name, initializerOf(tensor));
      return name;
    },
    graph: () => ({ ...graph, nodes, initializers }),
  };
}
