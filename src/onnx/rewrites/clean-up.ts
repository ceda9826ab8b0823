/**
 * @file Removing what does nothing when a trained network runs.
 *
 * Constant nodes become initializers. Identity, and Dropout that drops nothing, return their input: readers of the output
 * read the input instead. Nodes and initializers that no output needs are left out. Inputs stay, needed or not, and outputs
 * keep their names: where the removed node produces an output, the node before it takes over that name; where there is no
 * node before it, or the value before it must keep its own name, the node stays, as an Identity.
 */
import { checkForm, checkKeys } from "../../errors.ts";
import { tensorOf } from "../../tensor/tensor.ts";
import { capturesOf } from "../captures.ts";
import { freshNames } from "../fresh-names.ts";
import { int64Tensor } from "../int64.ts";
import { type Graph, type Initializer, initializerOf, type Node, tensorOfInitializer } from "../model.ts";
import { filterMap, neededFor } from "./extract-subgraph.ts";

export interface CleanUpOptions {
  /** Inner values that stay, under their names, whether an output needs them or not: layers that are asked for. */
  readonly keep?: Iterable<string>;
}

/** `graph` without Constant and Identity nodes, Dropout nodes that drop nothing, and without what no output or kept value needs. */
export function cleanUp(graph: Graph, options: CleanUpOptions = {}): Graph {
  checkForm("cleanUp: graph", graph, ["nodes", "initializers"]);
  checkKeys("cleanUp", options, ["keep"]);
  const kept = new Set([...graph.outputs.map(({ name }) => name), ...(options.keep ?? [])]);
  const folded = constantsToInitializers(graph, kept);
  const bypassed = bypass(folded, kept);
  const { nodes, values } = neededFor(bypassed, kept);
  const produced = new Set(nodes.flatMap(({ outputs }) => outputs));
  return {
    ...bypassed,
    nodes,
    initializers: filterMap(bypassed.initializers, (name) => values.has(name)),
    valueInfo: filterMap(bypassed.valueInfo, (name) => produced.has(name)),
  };
}

function constantsToInitializers(graph: Graph, kept: ReadonlySet<string>): Graph {
  const initializers = new Map(graph.initializers);
  const fresh = freshNames(graph);
  const nodes = graph.nodes.flatMap((node): Node[] => {
    const constant = node.domain === "" && node.opType === "Constant" ? constantOf(node) : undefined;
    if (constant === undefined) return [node];
    const [output] = node.outputs;
    if (!kept.has(output)) {
      initializers.set(output, constant);
      return [];
    }
    const name = fresh(`${output}_constant`);
    initializers.set(name, constant);
    return [identity(node, name, output)];
  });
  return { ...graph, nodes, initializers };
}

/** What a Constant node yields, in any of the forms that its attribute can have; a sparse one is left alone. */
function constantOf({ attributes }: Node): Initializer | undefined {
  const { value, value_float, value_floats, value_int, value_ints, value_string, value_strings } = attributes;
  if (value?.kind === "tensor") return value.value;
  const float = (elements: readonly number[], shape: readonly number[]): Initializer =>
    initializerOf(tensorOf("float32", elements, shape));
  if (value_float?.kind === "float") return float([value_float.value], []);
  if (value_floats?.kind === "floats") return float(value_floats.value, [value_floats.value.length]);
  if (value_int?.kind === "int") return initializerOf(int64Tensor([value_int.value], []));
  if (value_ints?.kind === "ints") return initializerOf(int64Tensor(value_ints.value));
  if (value_string?.kind === "string") {
    return initializerOf({ dtype: "string", shape: [], data: [value_string.value] });
  }
  if (value_strings?.kind === "strings") {
    return initializerOf({ dtype: "string", shape: [value_strings.value.length], data: value_strings.value });
  }
  return undefined;
}

function identity(node: Node, input: string, output: string): Node {
  return { opType: "Identity", domain: "", name: node.name, inputs: [input], outputs: [output], attributes: {} };
}

/** Whether `node` returns its first input unchanged when the network is not being trained. */
function returnsItsInput(node: Node, graph: Graph, isRead: (name: string) => boolean): boolean {
  if (node.domain !== "") return false;
  if (node.opType === "Identity") return true;
  if (node.opType !== "Dropout" || isRead(node.outputs[1] ?? "")) return false;
  const isZero = (name = ""): boolean => {
    const constant = graph.initializers.get(name);
    return constant !== undefined && Number(tensorOfInitializer(constant, name).data[0]) === 0;
  };
  const [, ratio, mode = ""] = node.inputs;
  // PyTorch's functional dropout is in training mode unless told otherwise; networks call it so with ratio 0.
  return mode === "" || isZero(mode) || isZero(ratio);
}

function bypass(graph: Graph, kept: ReadonlySet<string>): Graph {
  const captured = new Set(graph.nodes.flatMap((node) => [...capturesOf(node)]));
  const produced = new Set(graph.nodes.flatMap((node) => node.outputs));
  const read = new Set([...captured, ...kept, ...graph.nodes.flatMap((node) => node.inputs)]);
  read.delete("");
  /** What a name is called now. Chains do not arise: a value is looked up before it is entered. */
  const called = new Map<string, string>();
  /** Which names are called what a name is now, so that all can be told when that changes. */
  const callers = new Map<string, string[]>();
  const call = (name: string, next: string): void => {
    called.set(name, next);
    const others = callers.get(next);
    if (others === undefined) callers.set(next, [name]);
    else others.push(name);
  };
  const now = (name: string): string => called.get(name) ?? name;
  const isFixed = (name: string): boolean => kept.has(name) || captured.has(name);
  const passed: Node[] = [];
  for (const node of graph.nodes) {
    const { inputs, outputs } = node;
    if (!returnsItsInput(node, graph, (name) => read.has(name))) {
      passed.push(node);
      continue;
    }
    const input = now(inputs[0]);
    if (!isFixed(outputs[0])) call(outputs[0], input);
    else if (!isFixed(input) && produced.has(input)) {
      for (const name of callers.get(input) ?? []) call(name, outputs[0]);
      callers.delete(input);
      call(input, outputs[0]);
    } else passed.push(node.opType === "Identity" ? node : identity(node, inputs[0], outputs[0]));
  }
  const rename = (names: readonly string[]): readonly string[] =>
    names.some((name) => called.has(name)) ? names.map(now) : names;
  const nodes = passed.map((node): Node => {
    const [inputs, outputs] = [rename(node.inputs), rename(node.outputs)];
    return inputs === node.inputs && outputs === node.outputs ? node : { ...node, inputs, outputs };
  });
  return { ...graph, nodes };
}
