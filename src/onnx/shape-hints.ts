/**
 * @file What can be said of shapes before a graph is in canonical form: numbers of axes, and extents where they are obvious.
 *
 * Full shape inference knows operators in their newest form only; bringing a graph there sometimes takes the number of axes
 * of a value. These hints are what the model declares and what follows from the operators that classifiers are made of.
 */
import type { Dimension, Graph, Initializer, Node } from "./model.ts";
import { tensorOfInitializer } from "./model.ts";

type PartialShape = readonly Dimension[];

const sameShape = [
  ..."Abs Cast Celu Ceil Clip Cos Dropout Elu Erf Exp Floor Gelu HardSigmoid HardSwish Hardmax Identity LRN".split(" "),
  ..."BatchNormalization InstanceNormalization LeakyRelu Log LogSoftmax Mish Neg Not PRelu Reciprocal Relu Round".split(
    " ",
  ),
  ..."Selu Sigmoid Sign Sin Softmax Softplus Softsign Sqrt Tanh ThresholdedRelu".split(" "),
];
const sameRank =
  "AveragePool Concat Conv ConvTranspose LpPool MaxPool Pad Resize Slice Split Tile Transpose Upsample".split(" ");
const broadcasting = "Add And Div Equal Greater Less Max Mean Min Mul Or Pow Sub Sum Where Xor".split(" ");
const globalPools = "GlobalAveragePool GlobalLpPool GlobalMaxPool".split(" ");

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
    for (const name of node.outputs) if (shape !== undefined && !hints.has(name)) hints.set(name, shape);
  }
  return hints;
}

function hintOf(
  { opType, domain, inputs, attributes }: Node,
  hints: ReadonlyMap<string, PartialShape>,
  constants: ReadonlyMap<string, Initializer>,
): PartialShape | undefined {
  if (domain !== "") return undefined;
  const first = hints.get(inputs[0]);
  const unknown = (rank: number): PartialShape => new Array<Dimension>(rank).fill(undefined);
  if (opType === "Flatten" || opType === "Gemm") return unknown(2);
  if (sameShape.includes(opType)) return first;
  if (sameRank.includes(opType)) return first && unknown(first.length);
  if (globalPools.includes(opType)) return first?.map((extent, axis) => (axis < 2 ? extent : 1));
  if (broadcasting.includes(opType)) {
    const ranks = inputs.map((name) => hints.get(name)?.length ?? Number.NaN);
    const rank = Math.max(...ranks);
    return Number.isNaN(rank) ? undefined : unknown(rank);
  }
  if (opType === "MatMul") {
    const second = hints.get(inputs[1]);
    if (first === undefined || second === undefined || first.length < 2 || second.length < 2) return undefined;
    return unknown(Math.max(first.length, second.length));
  }
  if (opType === "Reshape") {
    const wanted = constants.get(inputs[1]);
    if (wanted === undefined) return undefined;
    const extents = Array.from(tensorOfInitializer(wanted).data as BigInt64Array, Number);
    return extents.map((extent) => (extent > 0 ? extent : undefined));
  }
  const axes = attributes.axes?.kind === "ints" ? attributes.axes.value : undefined;
  if (opType === "Constant") return attributes.value?.kind === "tensor" ? attributes.value.value.shape : undefined;
  if (first === undefined) return undefined;
  if (opType === "Unsqueeze") return axes && unknown(first.length + axes.length);
  if (opType === "Squeeze") return axes && unknown(first.length - axes.length);
  if (opType.startsWith("Reduce")) {
    const keepsAxes = attributes.keepdims?.value !== 0;
    if (keepsAxes) return unknown(first.length);
    return axes && unknown(first.length - axes.length);
  }
  return undefined;
}
