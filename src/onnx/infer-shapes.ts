/**
 * @file Static shape inference, which also works out the values that do not depend on the graph's inputs.
 *
 * Exporters compute shapes inside the graph (Shape → Gather → Concat → Reshape): once the input shape is fixed these are
 * constants, and the reference kernels evaluate them here.
 */
import { BadInputError, checkForm, checkKeys, MisuseError, PerceptualBallError, UnsupportedError } from "../errors.ts";
import { isFloating, type Shape, sizeOf } from "../tensor/tensor.ts";
import { attributesOf } from "./attributes.ts";
import {
  describeNode,
  type Graph,
  groupByOperator,
  type Initializer,
  type Node,
  tensorOfInitializer,
  type ValueType,
} from "./model.ts";
import type { NumericTensor } from "./numeric-tensor.ts";
import { numeric } from "./numeric-tensor.ts";
import {
  blamingTheModel,
  checkArity,
  checkAttributes,
  checkElementTypes,
  checkOutputs,
} from "./operators/check-node.ts";
import { isOperator, operatorOf } from "./operators/table.ts";

/** A graph with the type of each of its values, and the values that are known before it runs. */
export interface TypedGraph {
  readonly graph: Graph;
  readonly types: ReadonlyMap<string, ValueType>;
  readonly constants: ReadonlyMap<string, NumericTensor>;
}

export interface InferShapesOptions {
  /** The shape of each graph input that the model leaves open (such as its batch extent), or another shape than it declares. */
  readonly inputShapes?: Readonly<Record<string, Shape>>;
}

/** Float initializers above this many elements are weights: nothing about shapes depends on them, and they are not read. */
const largestKnownConstant = 4096;

/** What may still be spent on values that are known beforehand: elements computed, and steps of loops that are over more than these. */
export interface FoldingBudget {
  left: number;
}

/** What each node adds to a {@link FoldingBudget}. */
export const budgetPerNode = 256;

/**
 * What a graph of so many nodes may spend: much more than computing shapes takes, and no more than in proportion to the file. Where it
 * is spent, values count as not known.
 */
export function foldingBudget(nodeCount: number): FoldingBudget {
  return { left: 2 ** 22 + budgetPerNode * nodeCount };
}

/**
 * The type of every value of `graph`, and every value that is known beforehand. Nodes must be in topological order and in
 * the canonical opset form. Throws an UnsupportedError that names all operators without a shape rule, and a BadInputError
 * for shapes that do not fit together.
 */
export function inferShapes(graph: Graph, options: InferShapesOptions = {}): TypedGraph {
  checkKeys("inferShapes", options, ["inputShapes"]);
  checkForm("inferShapes: graph", graph, ["nodes", "initializers"]);
  checkForm("inferShapes: options", options, []);
  const { inputShapes = {} } = options;
  checkOperators(graph);
  const types = new Map<string, ValueType>();
  const constants = new Map<string, NumericTensor>();
  for (const input of graph.inputs) {
    const shape = Object.hasOwn(inputShapes, input.name) ? inputShapes[input.name] : input.shape;
    if (input.dtype === undefined || shape === undefined || !shape.every((extent) => typeof extent === "number")) {
      throw new BadInputError({
        where: `input ${input.name}`,
        what: "the shape is not fixed",
        expected: "a number for each axis",
        got: input.dtype === undefined || shape === undefined ? "none" : `[${shape.map((d) => d ?? "?").join(", ")}]`,
        advice: "Say which input size the network takes.",
      });
    }
    types.set(input.name, { dtype: input.dtype, shape: shape as Shape });
  }
  for (const [name, initializer] of graph.initializers) {
    types.set(name, { dtype: initializer.dtype, shape: initializer.shape });
    const constant = knownValueOf(name, initializer);
    if (constant !== undefined) constants.set(name, constant);
  }
  const values = { types, constants, budget: foldingBudget(graph.nodes.length) };
  for (const node of graph.nodes) inferInto(values, node);
  return { graph, types, constants };
}

/** As {@link inferShapes}; undefined where the types cannot be worked out. Why is said when they are needed. */
export function inferShapesIfValid(graph: Graph, options: InferShapesOptions = {}): TypedGraph | undefined {
  try {
    return inferShapes(graph, options);
  } catch (error) {
    if (error instanceof PerceptualBallError) return undefined;
    throw error;
  }
}

/** The type of the value called `name`. Throws a MisuseError if the graph has none. */
export function typeOf({ types }: Pick<TypedGraph, "types">, name: string): ValueType {
  const type = types.get(name);
  if (type !== undefined) return type;
  throw new MisuseError({ where: "typeOf", what: `the graph has no value ${JSON.stringify(name)}` });
}

/** The value of an initializer, unless it is a large weight or no number. */
export function knownValueOf(name: string, initializer: Initializer): NumericTensor | undefined {
  const { dtype, shape } = initializer;
  if (dtype === "string" || dtype === "float16" || dtype === "bfloat16") return undefined;
  if (sizeOf(shape) > largestKnownConstant) return undefined;
  return numeric(tensorOfInitializer(initializer, `initializer ${name}`));
}

/** What to do about operators that are left of a model when all that can be decided without its input has been. */
const controlFlow: Readonly<Record<string, string>> = {
  If: "The condition of the If is computed from the picture. Compute both branches and choose between their values with Where (torch.where), or export the model with the branch that is meant alone.",
  Loop: "How often the Loop turns is computed from the picture. Export the model with a fixed number of turns, written out or traced.",
  Scan: "How often the Scan turns is computed from the picture. Export the model for a fixed length.",
};

function adviceFor(unknown: readonly Node[]): string {
  // Blocked layouts of one processor: what onnxruntime writes at its highest level is no model to hand on.
  if (unknown.some((node) => node.domain === "com.microsoft.nchwc")) {
    return 'onnxruntime optimized this file for one machine. Take the file that it was made from, or optimize at the level "extended" at most.';
  }
  const flow = unknown.flatMap(({ opType, domain }) =>
    domain === "" && Object.hasOwn(controlFlow, opType) ? [controlFlow[opType]] : [],
  );
  const others = [
    ...(unknown.some(({ domain }) => domain === "ai.onnx.ml")
      ? ["Of scikit-learn's models, linear ones, perceptrons, support vectors, neighbors and trees are supported."]
      : []),
    ...(unknown.some(({ domain }) => domain !== "" && domain !== "ai.onnx.ml")
      ? [
          "Operators of other domains are their makers' own: export the model with standard ones (ai.onnx) in their place.",
        ]
      : []),
  ];
  return [...new Set(flow), ...others, "OPERATORS.md lists what is supported."].join(" ");
}

/** Throws an UnsupportedError that names every node whose operator has no shape rule; `where` is what it calls the model. */
export function checkOperators(graph: Graph, where = "inferShapes"): void {
  const unknown = graph.nodes.filter((node) => !isOperator(node));
  const list = groupByOperator(unknown);
  if (list.length === 0) return;
  throw new UnsupportedError({
    where,
    what: `${list.length} operator${list.length > 1 ? "s" : ""} not supported: ${list.join("; ")}`,
    advice: adviceFor(unknown),
  });
}

/** What is known of the values that a node reads. */
export interface KnownValues {
  type(name: string): ValueType | undefined;
  constant(name: string): NumericTensor | undefined;
  /** What the values of outputs may cost. Default: what a graph of one node may spend. */
  readonly budget?: FoldingBudget;
}

/** The types of `node`'s outputs, and their values where all that they depend on is known. */
export function inferNode(
  node: Node,
  { type, constant, budget = foldingBudget(1) }: KnownValues,
): { readonly types: readonly ValueType[]; readonly constants?: readonly NumericTensor[] } {
  const where = describeNode(node);
  const inputs = node.inputs.map((name) => {
    if (name === "") return undefined;
    const inputType = type(name);
    if (inputType !== undefined) return inputType;
    throw new BadInputError({ where, what: `reads ${JSON.stringify(name)}, which nothing produces before it` });
  });
  const attributes = attributesOf(node);
  const operator = operatorOf(node);
  if (operator === undefined)
    throw new UnsupportedError({ where, what: "unknown operator", advice: "OPERATORS.md lists what is supported." });
  checkArity(node);
  checkElementTypes(node, inputs);
  checkAttributes(node);
  const constantAt = (index: number): NumericTensor | undefined =>
    node.inputs[index] ? constant(node.inputs[index]) : undefined;
  const call = { node, where, attributes, inputs, constant: constantAt };
  const types = blamingTheModel(() => operator.shape(call)).map(({ dtype, shape }) => ({ dtype, shape }));
  checkOutputs(node, types);
  if (node.outputs.length > types.length) {
    throw new BadInputError({
      where,
      what: "too many outputs",
      expected: `at most ${types.length}`,
      got: String(node.outputs.length),
    });
  }
  if (operator.traits.has("describesShape")) {
    // Their value is in the type of their input, which need not be a constant itself.
    const stand = inputs.map((input) => input && { ...input, data: new Float64Array(0) });
    return { types, constants: operator.kernel({ node, where, attributes, inputs: stand, outputs: types }) };
  }
  const values = node.inputs.map((name) => (name === "" ? undefined : constant(name)));
  const known = node.inputs.every((name, i) => name === "" || values[i] !== undefined);
  const small = types.every((t) => sizeOf(t.shape) <= largestKnownConstant);
  if (!known || !small) return { types };
  const cost = types.reduce((sum, { shape }) => sum + sizeOf(shape), operator.work({ ...call, outputs: types }));
  if (cost > budget.left) return { types };
  budget.left -= cost;
  return { types, constants: operator.kernel({ node, where, attributes, inputs: values, outputs: types }) };
}

/** What is known of the values so far, node by node. */
export interface InferredValues {
  readonly types: Map<string, ValueType>;
  readonly constants: Map<string, NumericTensor>;
  readonly budget: FoldingBudget;
}

/** Adds to `values` what {@link inferNode} says of the outputs that `node` names. */
export function inferInto({ types, constants, budget }: InferredValues, node: Node): void {
  const inferred = inferNode(node, {
    type: (name) => types.get(name),
    constant: (name) => constants.get(name),
    budget,
  });
  node.outputs.forEach((output, i) => {
    if (output === "") return;
    types.set(output, inferred.types[i]);
    if (inferred.constants?.[i] !== undefined) constants.set(output, inferred.constants[i]);
  });
}

/** Whether `type` can have a derivative. */
export function isDifferentiableType(type: ValueType): boolean {
  return isFloating(type.dtype);
}
