/** @file The float64 reference evaluator: runs a graph with the reference kernels, one node after the other. */
import { BadInputError, checkForm } from "../errors.ts";
import { sameShape } from "../tensor/shape.ts";
import { attributesOf } from "./attributes.ts";
import { inferNode, inferShapes, type TypedGraph, typeOf } from "./infer-shapes.ts";
import { describeNode, type Graph, type Node, tensorOfInitializer, type ValueType } from "./model.ts";
import { type NumericTensor, numeric } from "./numeric-tensor.ts";
import { type Operator, operators } from "./operators/table.ts";

/**
 * The values called `fetches` (the graph's outputs by default) for the given inputs, computed in float64 throughout. Slow and
 * obvious: it is the oracle for the runtimes and for gradient checks. Throws as {@link inferShapes} does, and a
 * BadInputError for an input that is missing.
 */
export function evaluate(
  graph: Graph,
  inputs: Readonly<Record<string, NumericTensor>>,
  wanted?: readonly string[],
): Record<string, NumericTensor> {
  checkForm("evaluate: graph", graph, ["nodes", "initializers"]);
  checkForm("evaluate: inputs", inputs, []);
  const fetches = wanted ?? graph.outputs.map((output) => output.name);
  const inputShapes: Record<string, readonly number[]> = {};
  for (const { name } of graph.inputs) {
    if (inputs[name] === undefined) throw new BadInputError({ where: "evaluate", what: `input ${name} is missing` });
    inputShapes[name] = inputs[name].shape;
  }
  const inputInfos = graph.inputs.map((info) => ({ ...info, dtype: info.dtype ?? inputs[info.name].dtype }));
  const typed = inferShapes({ ...graph, inputs: inputInfos }, { inputShapes });
  const values = new Map<string, NumericTensor>();
  for (const { name } of graph.inputs) values.set(name, { ...inputs[name], dtype: typeOf(typed, name).dtype });
  for (const [name, initializer] of graph.initializers) {
    if (initializer.dtype !== "string")
      values.set(name, numeric(tensorOfInitializer(initializer, `initializer ${name}`)));
  }
  const lastUse = new Map<string, number>();
  graph.nodes.forEach((node, i) => {
    for (const input of node.inputs) lastUse.set(input, i);
  });
  const kept = new Set(fetches);
  graph.nodes.forEach((node, i) => {
    const where = describeNode(node);
    const outputTypes = outputTypesOf(node, typed);
    const results = operators[node.opType as Operator].kernel({
      node,
      where,
      attributes: attributesOf(node),
      inputs: node.inputs.map((name) => (name === "" ? undefined : values.get(name))),
      outputs: outputTypes,
    });
    node.outputs.forEach((name, k) => {
      if (name === "") return;
      if (!sameShape(results[k].shape, outputTypes[k].shape)) {
        throw new Error(`${where}: kernel gave [${results[k].shape}], shape rule [${outputTypes[k].shape}]`);
      }
      values.set(name, results[k]);
    });
    for (const input of node.inputs) if (lastUse.get(input) === i && !kept.has(input)) values.delete(input);
  });
  return Object.fromEntries(
    fetches.map((name) => {
      const value = values.get(name);
      if (value === undefined) throw new BadInputError({ where: "evaluate", what: `the graph has no value ${name}` });
      return [name, value];
    }),
  );
}

/** The types of the outputs that `node` names and of those that it leaves out among them. */
function outputTypesOf(node: Node, typed: TypedGraph): readonly ValueType[] {
  if (!node.outputs.includes("")) return node.outputs.map((name) => typeOf(typed, name));
  const { types, constants } = typed;
  return inferNode(node, { type: (name) => types.get(name), constant: (name) => constants.get(name) }).types;
}
