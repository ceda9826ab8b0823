/**
 * @file BatchNormalization in training mode of values that no picture changes, written in other operators.
 *
 * PyTorch's weight standardization (NFNets, the ResNets of BiT) normalizes the weights of a convolution by the statistics that they have
 * themselves, and says so with a BatchNormalization that is always in training mode. What is computed of weights alone is the same in every run.
 */
import { tensorOf } from "../../tensor/tensor.ts";
import { attributesOf } from "../attributes.ts";
import { freshNames, freshNodeNames } from "../fresh-names.ts";
import { int64Tensor } from "../int64.ts";
import { type Graph, type Initializer, type Node, usesOf } from "../model.ts";
import { type Rewrite, rewriteOf } from "./rewrite.ts";

/** `graph`, in opset 18 or later, with y = (x − mean x) / √(var x + ε) · scale + bias in place of such nodes; others stay, to be refused. */
export function constantBatchStatistics(graph: Graph): Graph {
  if (!graph.nodes.some(isTraining)) return graph;
  const initializers = new Map<string, Initializer>(graph.initializers);
  const target = {
    fresh: freshNames(graph),
    freshNode: freshNodeNames(graph),
    define: (name: string, initializer: Initializer) => initializers.set(name, initializer),
  };
  const uses = usesOf(graph);
  const isRead = (name: string) => uses.has(name) || graph.outputs.some((output) => output.name === name);
  const fed = new Set(graph.inputs.map(({ name }) => name).filter((name) => !graph.initializers.has(name)));
  const nodes = graph.nodes.flatMap((node) => {
    const isFed = node.inputs.some((name) => fed.has(name)) || holdsGraph(node);
    if (isFed) for (const output of node.outputs) fed.add(output);
    // The running statistics would be those of the next run.
    if (isFed || !isTraining(node) || node.outputs.slice(1).some(isRead)) return [node];
    const { rewrite, made } = rewriteOf(node, target);
    standardize(rewrite);
    return made;
  });
  return { ...graph, nodes, initializers };
}

function isTraining(node: Node): boolean {
  return node.domain === "" && node.opType === "BatchNormalization" && attributesOf(node).int("training_mode", 0) !== 0;
}

/** Whether it may read values that are not among its inputs. */
function holdsGraph({ attributes }: Node): boolean {
  return Object.values(attributes).some(({ kind }) => kind === "graph" || kind === "opaque");
}

/** Of x [N, C, …] the statistics per channel, over the axes 0 and 2 of [N, C, L]. */
function standardize({ node, attributes, input, op, into, constant }: Rewrite): void {
  const ints = (...values: readonly number[]): string => constant(int64Tensor(values));
  const x = op("Reshape", [input(0), ints(0, 0, -1)]);
  const mean = (value: string): string => op("ReduceMean", [value, ints(0, 2)], { keepdims: 1 });
  const perChannel = (index: number): string => op("Reshape", [input(index), ints(1, -1, 1)]);
  const centered = op("Sub", [x, mean(x)]);
  const epsilon = constant(tensorOf("float32", [attributes.float("epsilon", 1e-5)], []));
  const deviation = op("Sqrt", [op("Add", [mean(op("Mul", [centered, centered])), epsilon])]);
  const scaled = op("Mul", [op("Div", [centered, deviation]), perChannel(1)]);
  const y = op("Add", [scaled, perChannel(2)]);
  into([node.outputs[0]], "Reshape", [y, op("Shape", [input(0)])]);
}
