/**
 * @file What can be said of shapes before a graph is in canonical form: numbers of axes, and extents where they are obvious.
 *
 * Full shape inference knows operators in their newest form only; bringing a graph there sometimes takes the number of axes
 * of a value. These hints are what the model declares and what follows from the operators that classifiers are made of.
 */
import type { Dimension, Graph, Initializer, Node } from "./model.ts";
import { tensorOfInitializer } from "./model.ts";
import { mostAxes } from "./operators/check-node.ts";
import { hasTrait } from "./operators/table.ts";

type PartialShape = readonly Dimension[];

/** The shape of each value of which at least the number of axes is known; undefined stands for an unknown extent. */
export function shapeHintsOf(graph: Graph): ReadonlyMap<string, PartialShape> {
  const hints = new Map<string, PartialShape>();
  for (const [name, { shape }] of graph.initializers) hints.set(name, shape);
  for (const { name, shape } of [...graph.inputs, ...graph.valueInfo.values(), ...graph.outputs]) {
    if (shape !== undefined) hints.set(name, shape);
  }
  const constants = new Map(graph.initializers);
  for (const node of graph.nodes) {
    const value = node.attributes.value;
    if (node.opType === "Constant" && value?.kind === "tensor") constants.set(node.outputs[0], value.value);
    const shape = hintOf(node, hints, constants);
    // Further outputs of a normalization are its statistics.
    const alike = hasTrait(node, "keepsShape") ? node.outputs.slice(0, 1) : node.outputs;
    for (const name of alike) if (shape !== undefined && !hints.has(name)) hints.set(name, shape);
  }
  return hints;
}

function hintOf(
  node: Node,
  hints: ReadonlyMap<string, PartialShape>,
  constants: ReadonlyMap<string, Initializer>,
): PartialShape | undefined {
  const { opType, domain, inputs, attributes } = node;
  if (domain !== "") return undefined;
  const first = hints.get(inputs[0]);
  if (opType === "Flatten" || opType === "Gemm") return unknown(2);
  if (hasTrait(node, "elementwise") || hasTrait(node, "keepsShape")) return first;
  // Upsample is what Resize was before opset 10.
  if (hasTrait(node, "keepsRank") || opType === "Upsample") return first && unknown(first.length);
  if (hasTrait(node, "globalPool")) return first?.map((extent, axis) => (axis < 2 ? extent : 1));
  if (hasTrait(node, "broadcasting")) {
    return unknown(inputs.reduce((most, name) => Math.max(most, hints.get(name)?.length ?? Number.NaN), 0));
  }
  if (opType === "MatMul") {
    const second = hints.get(inputs[1]);
    if (first === undefined || second === undefined || first.length < 2 || second.length < 2) return undefined;
    return unknown(Math.max(first.length, second.length));
  }
  if (opType === "Reshape") {
    const wanted = constants.get(inputs[1]);
    // Before opset 5 its shape was an attribute.
    if (attributes.shape?.kind === "ints")
      return attributes.shape.value.map((extent) => (extent > 0 ? extent : undefined));
    if (wanted === undefined) return undefined;
    const extents = Array.from(tensorOfInitializer(wanted).data as BigInt64Array, Number);
    return extents.map((extent) => (extent > 0 ? extent : undefined));
  }
  const axes = attributes.axes?.kind === "ints" ? attributes.axes.value : undefined;
  if (opType === "Constant") return attributes.value?.kind === "tensor" ? attributes.value.value.shape : undefined;
  if (first === undefined) return undefined;
  if (opType === "Unsqueeze") return axes && unknown(first.length + axes.length);
  if (opType === "Squeeze") return axes && unknown(first.length - axes.length);
  if (hasTrait(node, "reduction")) {
    const keepsAxes = attributes.keepdims?.value !== 0;
    if (keepsAxes) return unknown(first.length);
    return axes && unknown(first.length - axes.length);
  }
  return undefined;
}

/** A shape of which only the number of axes is said; undefined for a number that no value has. */
function unknown(rank: number): PartialShape | undefined {
  return rank >= 0 && rank <= mostAxes ? new Array<Dimension>(rank).fill(undefined) : undefined;
}
