/**
 * @file Replacing calls of model-local functions by what the functions do.
 *
 * The body is copied with its parameters replaced by the call's values, its own values renamed after the call, and references
 * to the function's attributes replaced by what the call (or else the default) gives.
 */
import { BadInputError, checkForm } from "../../errors.ts";
import { freshNames } from "../fresh-names.ts";
import { mapGraphs, renameOuterValues } from "../inner-graphs.ts";
import {
  type Attribute,
  type Attributes,
  describeNode,
  type FunctionDefinition,
  type Graph,
  type Model,
  type Node,
} from "../model.ts";
import { upgradeOpset } from "./opsets/upgrade-opset.ts";

/** More nodes than any network has: functions that call others twice grow exponentially. */
const mostNodes = 200_000;
/** A file of n nodes may come to this many and n times {@link growth} of them: layers that share one function are that many at most. */
const fewNodes = 10_000;
const growth = 100;
/** Calls within calls, many more than exporters nest modules. */
const deepest = 200;
/** Names tell in which calls a value lies, up to this length: deep calls would make them grow without bound. */
const longestPrefix = 1000;

/**
 * `model` without functions. Where a function was written for another standard operator set than the model, everything is
 * upgraded to the newest of them first. Throws a BadInputError, before anything is inlined, for functions that are defined twice,
 * call themselves, nest too deep or come to too many nodes, and for calls with more values than the function has.
 */
export function inlineFunctions(model: Model): Model {
  checkForm("inlineFunctions: model", model, ["graph", "opsets"]);
  if (model.functions.length === 0) return model;
  checkFunctions(model);
  const versions = [model.opsets, ...model.functions.map(({ opsets }) => opsets)].flatMap(
    (opsets) => opsets.get("") ?? [],
  );
  const isMixed = new Set(versions).size > 1;
  const { graph, functions, ...rest } = isMixed
    ? upgradeOpset(model, { target: versions.reduce((newest, one) => Math.max(newest, one)) })
    : model;
  const byKey = new Map(functions.map((definition) => [keyOf(definition), definition]));
  const local = new Set(functions.map(({ domain }) => domain));
  const opsets = new Map([...rest.opsets].filter(([domain]) => domain === "" || !local.has(domain)));
  for (const definition of functions) {
    for (const [domain, version] of definition.opsets) {
      if (!opsets.has(domain) && !local.has(domain)) opsets.set(domain, version);
    }
  }
  const inliner: Inliner = { functions: byKey, fresh: freshNames(graph) };
  return { ...rest, opsets, graph: inlineIn(graph, inliner), functions: [] };
}

/** Throws a BadInputError for functions that cannot be inlined; {@link inlineFunctions} says which. */
function checkFunctions({ graph, functions }: Model): void {
  const byKey = new Map<string, FunctionDefinition>();
  for (const definition of functions) {
    const where = `function ${definition.domain}.${definition.name}`;
    if (byKey.has(keyOf(definition))) throw new BadInputError({ where, what: "defined twice", expected: "once" });
    byKey.set(keyOf(definition), definition);
  }
  const sizes = new Map<string, Size>();
  const open = new Set<string>();
  const sizeOfBody = (node: Node, definition: FunctionDefinition): Size => {
    const key = keyOf(node);
    if (open.has(key)) {
      throw new BadInputError({
        where: describeNode(node),
        what: `the function ${definition.domain}.${definition.name} calls itself`,
        advice: "ONNX does not allow recursion; export the model again.",
      });
    }
    if (open.size === deepest) {
      throw new BadInputError({
        where: describeNode(node),
        what: "functions call one another too deep",
        expected: `at most ${deepest} calls within one another`,
      });
    }
    const known = sizes.get(key);
    if (known !== undefined) return known;
    open.add(key);
    const size = sizeOfNodes(definition.nodes);
    open.delete(key);
    sizes.set(key, size);
    return size;
  };
  const addAttribute = (sum: Size, attribute: Attribute | undefined, times = 1): void => {
    if (attribute?.kind === "graph") add(sum, sizeOfNodes(attribute.value.nodes), times);
    if (attribute?.kind === "reference") add(sum, { nodes: 0, passed: new Map([[attribute.value, 1]]) }, times);
  };
  const sizeOfNodes = (nodes: readonly Node[]): Size => {
    const sum: Size = { nodes: 0, passed: new Map() };
    for (const node of nodes) {
      const definition = byKey.get(keyOf(node));
      if (definition === undefined) {
        sum.nodes++;
        for (const attribute of Object.values(node.attributes)) addAttribute(sum, attribute);
        continue;
      }
      checkCall(node, definition);
      const body = sizeOfBody(node, definition);
      sum.nodes += body.nodes;
      for (const [name, times] of body.passed) {
        addAttribute(sum, node.attributes[name] ?? definition.attributeDefaults[name], times);
      }
    }
    return sum;
  };
  const { nodes: size } = sizeOfNodes(graph.nodes);
  const most = Math.min(mostNodes, fewNodes + growth * nodesInFile(graph, functions));
  if (size <= most) return;
  throw new BadInputError({
    where: `graph ${graph.name}`,
    what: "the functions that it calls are too large",
    expected: `at most ${most} nodes once they are inlined`,
    got: size.toPrecision(3),
  });
}

/** What nodes come to once they are inlined: so many, and so many times the graph that is passed as each attribute. */
interface Size {
  nodes: number;
  readonly passed: Map<string, number>;
}

function add(sum: Size, { nodes, passed }: Size, times: number): void {
  sum.nodes += nodes * times;
  for (const [name, count] of passed) sum.passed.set(name, (sum.passed.get(name) ?? 0) + count * times);
}

/** How many nodes the model has as it is written, those of inner graphs included. */
function nodesInFile(graph: Graph, functions: readonly FunctionDefinition[]): number {
  const count = (nodes: readonly Node[]): number => {
    let sum = nodes.length;
    for (const { attributes } of nodes) {
      for (const attribute of Object.values(attributes)) {
        if (attribute.kind === "graph") sum += count(attribute.value.nodes);
      }
    }
    return sum;
  };
  return functions.reduce((sum, { nodes }) => sum + count(nodes), count(graph.nodes));
}

function checkCall(node: Node, { inputs, outputs, domain, name }: FunctionDefinition): void {
  for (const [values, parameters, kind] of [
    [node.inputs, inputs, "inputs"],
    [node.outputs, outputs, "outputs"],
  ] as const) {
    if (values.length <= parameters.length) continue;
    throw new BadInputError({
      where: describeNode(node),
      what: `too many ${kind} for the function ${domain}.${name}`,
      expected: `at most ${parameters.length}`,
      got: String(values.length),
    });
  }
}

interface Inliner {
  readonly functions: ReadonlyMap<string, FunctionDefinition>;
  readonly fresh: (wish: string) => string;
}

/** Functions are known by domain, name and, since IR version 10, overload. */
function keyOf({ domain, origin, ...rest }: FunctionDefinition | Node): string {
  const name = "opType" in rest ? rest.opType : rest.name;
  const overload = (origin as { readonly overload?: string } | undefined)?.overload ?? "";
  return [domain, name, overload].join("\n");
}

function inlineIn(graph: Graph, inliner: Inliner): Graph {
  return { ...graph, nodes: graph.nodes.flatMap((node) => inlineNode(node, inliner)) };
}

function inlineNode(node: Node, inliner: Inliner): Node[] {
  const definition = inliner.functions.get(keyOf(node));
  if (definition === undefined) {
    const attributes = mapGraphs(node.attributes, (graph) => inlineIn(graph, inliner));
    return [attributes === node.attributes ? node : { ...node, attributes }];
  }
  const body = bodyOf(definition, node, inliner.fresh);
  return body.flatMap((inner) => inlineNode(inner, inliner));
}

/** The nodes of `definition` in place of `call`. */
function bodyOf(definition: FunctionDefinition, call: Node, fresh: (wish: string) => string): Node[] {
  const prefix = (call.name || call.outputs.find((name) => name !== "") || definition.name).slice(0, longestPrefix);
  const names = new Map<string, string>([["", ""]]);
  definition.inputs.forEach((name, i) => {
    names.set(name, call.inputs[i] ?? "");
  });
  const passed: Node[] = [];
  definition.outputs.forEach((name, i) => {
    const output = call.outputs[i] ?? "";
    if (output === "") return;
    if (!names.has(name)) names.set(name, output);
    // An output that is a parameter, or the same as an earlier one, has no node of its own to produce it.
    else passed.push({ opType: "Identity", domain: "", name: "", inputs: [name], outputs: [output], attributes: {} });
  });
  const now = (name: string): string => {
    const known = names.get(name);
    if (known !== undefined) return known;
    const own = fresh(`${prefix}/${name}`);
    names.set(name, own);
    return own;
  };
  const values = { ...definition.attributeDefaults, ...call.attributes };
  const nodes = definition.nodes.map((node): Node => {
    const outputs = node.outputs.map(now);
    const name = node.name === "" ? "" : `${prefix}/${node.name}`;
    return { ...node, name, inputs: node.inputs.map(now), outputs, attributes: resolve(node.attributes, values, now) };
  });
  return [...nodes, ...passed.map((node) => ({ ...node, inputs: node.inputs.map(now) }))];
}

/**
 * `attributes` with references replaced by `values` (left out where there is none) and the names in inner graphs by `now`. A graph among
 * the values has the caller's names already.
 */
function resolve(attributes: Attributes, values: Attributes, now: (name: string) => string): Attributes {
  const resolved = Object.entries(attributes).flatMap(([name, attribute]): [string, Attribute][] => {
    if (attribute.kind === "reference") {
      const value = values[attribute.value];
      return value === undefined ? [] : [[name, value]];
    }
    if (attribute.kind !== "graph") return [[name, attribute]];
    const value = renameOuterValues(attribute.value, now, (inner, innerNow) => resolve(inner, values, innerNow));
    return [[name, { kind: "graph", value }]];
  });
  return Object.fromEntries(resolved);
}
