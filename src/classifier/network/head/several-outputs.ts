/**
 * @file Several outputs that are one classification: the classes given out one by one, or heads whose mean is given out too.
 */
import { appendNodes } from "../../../onnx/append-nodes.ts";
import { inferShapes, type TypedGraph } from "../../../onnx/infer-shapes.ts";
import { type Graph, producersOf } from "../../../onnx/model.ts";
import { hasTrait } from "../../../onnx/operators/table.ts";
import { intTensor, type Shape } from "../../../tensor/tensor.ts";

/** A graph with one value behind several of its own. */
export interface JoinedColumns {
  readonly typed: TypedGraph;
  /** The value [N, K] of the columns, in their order. */
  readonly value: string;
}

/** `names`, one number for each picture each, side by side. */
export function joinColumns({ graph, types }: TypedGraph, names: readonly string[]): JoinedColumns {
  const to = appendNodes(graph, "together");
  const column = to.constant(intTensor([-1, 1]));
  const value = to.op(
    "Concat",
    names.map((name) => to.op("Reshape", [name, column])),
    { axis: 1 },
  );
  const inputShapes = Object.fromEntries(
    graph.inputs.map(({ name }): [string, Shape] => [name, types.get(name)?.shape ?? []]),
  );
  return { typed: inferShapes(to.graph(), { inputShapes }), value };
}

/**
 * Which of `names` is made of all the others without a layer with weights, as the mean of the heads of a network that was distilled: its
 * number. Undefined if none is, or several are.
 */
export function combinationAmong(graph: Graph, names: readonly string[]): number | undefined {
  const producers = producersOf(graph);
  const isMadeOfAll = (name: string): boolean => {
    const seen = new Set<string>();
    const waiting = [name];
    for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
      const node = producers.get(value);
      if (node === undefined || hasTrait(node, "weighted")) continue;
      for (const input of node.inputs) {
        if (seen.has(input)) continue;
        seen.add(input);
        waiting.push(input);
      }
    }
    return names.every((other) => other === name || seen.has(other));
  };
  const [found, ...more] = names.flatMap((name, index) => (isMadeOfAll(name) ? [index] : []));
  return more.length > 0 ? undefined : found;
}
