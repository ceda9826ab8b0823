/**
 * @file What running a graph takes, worked out from its shapes before anything runs: bytes and multiplications.
 *
 * One pass over the nodes with what shape inference knows. The figures are those of a runtime that computes node after node, frees each value
 * after its last reader and copies no view; real ones reuse some memory, and need some of their own.
 */

import { checkForm } from "../errors.ts";
import { bytesPerElement, sizeOf } from "../tensor/tensor.ts";
import { attributesOf } from "./attributes.ts";
import { type TypedGraph, typeOf } from "./infer-shapes.ts";
import { describeNode, type Graph, type ValueType } from "./model.ts";
import { hasTrait, operatorOf } from "./operators/table.ts";

export interface ResourceNeeds {
  /** The numbers in initializers. */
  readonly parameters: number;
  /** The bytes of all initializers, as the graph holds them. */
  readonly weightBytes: number;
  /** The most bytes of other values that exist at one time in a run forward. */
  readonly peakBytes: number;
  /** The bytes of all other values together: what a run back may keep of the run forward, at most. */
  readonly valueBytes: number;
  /** Multiplications with an addition, and for operators without sums the elements that they compute. */
  readonly operations: number;
}

/** What one run of `typed` takes, for the shapes of its inputs. Takes time in proportion to the graph. */
export function resourceNeeds(typedGraph: TypedGraph): ResourceNeeds {
  checkForm("resourceNeeds: typedGraph", typedGraph, ["graph", "types", "constants"]);
  const { graph, types, constants } = typedGraph;
  const parameters = [...graph.initializers.values()].reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const weightBytes = weightBytesOf(graph);
  /** The value whose memory a value is in: itself, but for views. */
  const homes = new Map<string, string>();
  const homeOf = (name: string): string => homes.get(name) ?? name;
  const isComputed = (name: string): boolean => name !== "" && !graph.initializers.has(name) && !constants.has(name);
  const typed = { types };
  const lastReaders = new Map<string, number>();
  for (const [position, node] of graph.nodes.entries()) {
    const [source, [result]] = [node.inputs[0], node.outputs];
    if (result !== undefined && source !== undefined && isComputed(source) && hasTrait(node, "view")) {
      if (sameWidth(typeOf(typed, source), typeOf(typed, result))) homes.set(result, homeOf(source));
    }
    for (const name of node.inputs) if (name !== "") lastReaders.set(homeOf(name), position);
  }
  for (const { name } of graph.outputs) lastReaders.set(homeOf(name), graph.nodes.length);
  const live = new Map<string, number>();
  let [now, peakBytes, valueBytes, operations] = [0, 0, 0, 0];
  const begin = (name: string): void => {
    if (!isComputed(name) || homes.has(name)) return;
    const bytes = bytesOf(typeOf(typed, name));
    live.set(name, bytes);
    now += bytes;
    valueBytes += bytes;
    peakBytes = Math.max(peakBytes, now);
  };
  const end = (name: string, position: number): void => {
    if ((lastReaders.get(name) ?? position) > position) return;
    now -= live.get(name) ?? 0;
    live.delete(name);
  };
  for (const { name } of graph.inputs) begin(name);
  for (const [position, node] of graph.nodes.entries()) {
    const results = node.outputs.filter((name) => name !== "");
    if (results.every((name) => constants.has(name))) continue;
    for (const name of results) begin(name);
    operations += operationsOf(node, typed, constants);
    for (const name of [...node.inputs, ...results]) end(homeOf(name), position);
  }
  return { parameters, weightBytes, peakBytes, valueBytes, operations };
}

/** The bytes of all initializers of `graph`, as it holds them. */
export function weightBytesOf({ initializers }: Pick<Graph, "initializers">): number {
  let bytes = 0;
  for (const { dtype, shape, storage } of initializers.values()) {
    bytes +=
      storage.kind === "strings"
        ? storage.values.reduce((sum, text) => sum + 2 * text.length, 0)
        : sizeOf(shape) * bytesPerElement(dtype);
  }
  return bytes;
}

function operationsOf(
  node: TypedGraph["graph"]["nodes"][number],
  typed: Pick<TypedGraph, "types">,
  constants: TypedGraph["constants"],
): number {
  const operator = operatorOf(node);
  if (operator === undefined || hasTrait(node, "view") || hasTrait(node, "describesShape")) return 0;
  const inputs = node.inputs.map((name) => (name === "" ? undefined : typeOf(typed, name)));
  // A node may name fewer outputs than its operator has, and the first of them always.
  const outputs = node.outputs.flatMap((name) => (name === "" ? [] : [typeOf(typed, name)]));
  const constant = (index: number) => constants.get(node.inputs[index] ?? "");
  const work = operator.work({
    ...{ node, where: describeNode(node), attributes: attributesOf(node), inputs, outputs },
    constant,
  });
  const isReducing = hasTrait(node, "reduction") || hasTrait(node, "globalPool");
  const [first] = inputs;
  const computed = isReducing && first !== undefined ? [first] : outputs;
  return Math.max(
    work,
    computed.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
  );
}

function bytesOf({ dtype, shape }: ValueType): number {
  return sizeOf(shape) * (dtype === "string" ? 8 : bytesPerElement(dtype));
}

function sameWidth(one: ValueType, other: ValueType): boolean {
  return bytesOf(one) === bytesOf(other);
}
