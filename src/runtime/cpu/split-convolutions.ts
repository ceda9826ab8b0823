/**
 * @file Splitting a convolution's channels before it runs instead of after.
 *
 * Where features were concatenated, the gradient is split: dy₁, dy₂ = Split(Conv(x, W)). Two convolutions with the parts of W
 * give the same numbers, and no tensor is copied or taken out of the runtime's own layout for it.
 */
import { attributesFrom, attributesOf } from "../../onnx/attributes.ts";
import { valuesReadBy } from "../../onnx/captures.ts";
import { freshNames, freshNodeNames } from "../../onnx/fresh-names.ts";
import type { TypedGraph } from "../../onnx/infer-shapes.ts";
import { int64Tensor } from "../../onnx/int64.ts";
import { type Graph, type Initializer, initializerOf, type Node, producersOf } from "../../onnx/model.ts";
import { sameShape } from "../../tensor/shape.ts";
import type { Shape } from "../../tensor/tensor.ts";

/** A convolution, or a sum of such, that can be cut. */
interface Divisible {
  readonly node: Node;
  /** Of a sum; of a convolution none. */
  readonly terms: readonly Divisible[];
}

/**
 * `graph` with each Split of channels that reads a Conv of one group, or a sum of such, and is its only reader, replaced by a
 * convolution (or sum) per part. The weights are cut by Slice nodes, which runtimes evaluate once.
 */
export function splitConvolutions({ graph, types }: TypedGraph): Graph {
  const producers = producersOf(graph);
  const readers = new Map<string, number>();
  for (const { name } of graph.outputs) readers.set(name, 1);
  for (const node of graph.nodes)
    for (const name of valuesReadBy(node)) readers.set(name, (readers.get(name) ?? 0) + 1);
  const fresh = freshNames(graph);
  const freshNode = freshNodeNames(graph);
  const initializers = new Map<string, Initializer>(graph.initializers);
  const integers = (values: readonly number[]): string => {
    const name = fresh("split_bounds");
    initializers.set(name, initializerOf(int64Tensor(values)));
    return name;
  };

  const shapeOf = (name: string): Shape => types.get(name)?.shape ?? [];
  /** How the only use of `name`, as a convolution's output or a sum of such, is cut; undefined where it cannot be. */
  const divisible = (name: string): Divisible | undefined => {
    const producer = producers.get(name);
    if (producer === undefined || readers.get(name) !== 1) return undefined;
    if (producer.opType === "Add") {
      const terms = producer.inputs.map((input) =>
        sameShape(shapeOf(input), shapeOf(name)) ? divisible(input) : undefined,
      );
      return terms.every((term) => term !== undefined) ? { node: producer, terms } : undefined;
    }
    const isWhole = producer.opType === "Conv" && attributesOf(producer).int("group", 1) === 1;
    return isWhole ? { node: producer, terms: [] } : undefined;
  };

  const removed = new Set<Node>();
  /** The nodes that compute channels `start` to `end` of what is cut as `output`. */
  const part = ({ node: producer, terms }: Divisible, start: number, end: number, output: string): Node[] => {
    removed.add(producer);
    if (terms.length > 0) {
      const inputs = producer.inputs.map((input) => fresh(`${input}_part`));
      const before = terms.flatMap((term, i) => part(term, start, end, inputs[i]));
      return [...before, { ...producer, name: freshNode(producer.name), inputs, outputs: [output] }];
    }
    const [data, ...parameters] = producer.inputs;
    const bounds = [integers([start]), integers([end]), integers([0])];
    const slices = parameters.map(
      (parameter): Node => ({
        opType: "Slice",
        domain: "",
        name: freshNode(`${parameter}_slice`),
        inputs: [parameter, ...bounds],
        outputs: [fresh(`${parameter}_part`)],
        attributes: attributesFrom({}),
      }),
    );
    const inputs = [data, ...slices.map((slice) => slice.outputs[0])];
    return [...slices, { ...producer, name: freshNode(producer.name), inputs, outputs: [output] }];
  };

  const nodes = graph.nodes.flatMap((node): Node[] => {
    const axis = node.opType === "Split" ? attributesOf(node).int("axis", 0) : -1;
    // Parts that nobody reads have no name, and no shape to go on from.
    const cut = axis === 1 && !node.outputs.includes("") ? divisible(node.inputs[0]) : undefined;
    if (cut === undefined) return [node];
    let start = 0;
    return node.outputs.flatMap((output) => {
      const end = start + shapeOf(output)[1];
      const nodes = part(cut, start, end, output);
      start = end;
      return nodes;
    });
  });
  return removed.size === 0 ? graph : { ...graph, nodes: nodes.filter((node) => !removed.has(node)), initializers };
}
