/**
 * @file Splitting a convolution's channels before it runs instead of after.
 *
 * Where features were concatenated, the gradient is split: dy₁, dy₂ = Split(Conv(x, W)). Two convolutions with the parts of W
 * give the same numbers, and no tensor is copied or taken out of the runtime's own layout for it.
 */
import { attributesFrom, attributesOf } from "../../onnx/attributes.ts";
import { valuesReadBy } from "../../onnx/captures.ts";
import { freshNames } from "../../onnx/fresh-names.ts";
import type { TypedGraph } from "../../onnx/infer-shapes.ts";
import { int64Tensor } from "../../onnx/int64.ts";
import { type Graph, type Initializer, initializerOf, type Node, producersOf } from "../../onnx/model.ts";

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
  const initializers = new Map<string, Initializer>(graph.initializers);
  const integers = (values: readonly number[]): string => {
    const name = fresh("split_bounds");
    initializers.set(name, initializerOf(int64Tensor(values)));
    return name;
  };

  /** Whether the only use of `name` is as a convolution's output that can be cut. */
  const isDivisible = (name: string): boolean => {
    const producer = producers.get(name);
    if (producer === undefined || readers.get(name) !== 1) return false;
    if (producer.opType === "Add") {
      const shape = String(types.get(name)!.shape);
      return producer.inputs.every((input) => String(types.get(input)!.shape) === shape && isDivisible(input));
    }
    return producer.opType === "Conv" && attributesOf(producer).int("group", 1) === 1;
  };

  const removed = new Set<Node>();
  /** The nodes that compute channels `start` to `end` of `name` as `output`. */
  const part = (name: string, start: number, end: number, output: string): Node[] => {
    const producer = producers.get(name)!;
    removed.add(producer);
    if (producer.opType === "Add") {
      const inputs = producer.inputs.map((input) => fresh(`${input}_part`));
      const before = producer.inputs.flatMap((input, i) => part(input, start, end, inputs[i]));
      return [...before, { ...producer, name: fresh(producer.name), inputs, outputs: [output] }];
    }
    const [data, ...parameters] = producer.inputs;
    const bounds = [integers([start]), integers([end]), integers([0])];
    const slices = parameters.map(
      (parameter): Node => ({
        opType: "Slice",
        domain: "",
        name: fresh(`${parameter}_slice`),
        inputs: [parameter, ...bounds],
        outputs: [fresh(`${parameter}_part`)],
        attributes: attributesFrom({}),
      }),
    );
    const inputs = [data, ...slices.map((slice) => slice.outputs[0])];
    return [...slices, { ...producer, name: fresh(producer.name), inputs, outputs: [output] }];
  };

  const nodes = graph.nodes.flatMap((node): Node[] => {
    const axis = node.opType === "Split" ? attributesOf(node).int("axis", 0) : -1;
    if (axis !== 1 || !isDivisible(node.inputs[0])) return [node];
    let start = 0;
    return node.outputs.flatMap((output) => {
      const end = start + types.get(output)!.shape[1];
      const nodes = part(node.inputs[0], start, end, output);
      start = end;
      return nodes;
    });
  });
  return removed.size === 0 ? graph : { ...graph, nodes: nodes.filter((node) => !removed.has(node)), initializers };
}
