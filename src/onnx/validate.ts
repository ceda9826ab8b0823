/** @file Checking that a model is well formed before anything is done with it, and putting its nodes in order. */
import type { GraphProto } from "onnx-buf";
import { BadInputError, checkForm, checkKeys } from "../errors.ts";
import { valuesReadBy } from "./captures.ts";
import { describeNode, type Graph, type Model, type Node } from "./model.ts";

/** The newest version of the standard operator set whose operators this package was written against. */
export const newestOpset = 28;
/** The newest version of the file format that this package knows. */
export const newestIrVersion = 14;
/** The newest versions that onnxruntime 1.30 takes. */
export const newestRunnableOpset = 26;
export const newestRunnableIrVersion = 13;

const shownOffenders = 5;

export interface ValidateModelOptions {
  /** How messages call the model, such as its path. Default: "model". */
  readonly where?: string;
}

/**
 * `model`, its nodes sorted topologically where they were not. Throws a BadInputError that lists everything that is wrong:
 * no outputs, values that are defined twice or not at all, cycles, operator sets that are not imported, versions that are too new.
 */
export function validateModel(model: Model, options: ValidateModelOptions = {}): Model {
  checkForm("validateModel: model", model, ["graph", "opsets"]);
  checkKeys("validateModel", options, ["where"]);
  const { where = "model" } = options;
  const problems = [...versionProblems(model), ...graphProblems(model.graph)];
  const sorted = order(model.graph.nodes);
  if (sorted.cycle.length > 0) problems.push(offenders("nodes in a cycle", sorted.cycle.map(describeNode)));
  if (problems.length > 0) {
    throw new BadInputError({
      where,
      what: `not a valid ONNX model: ${problems.join("; ")}`,
      advice: "Export it again.",
    });
  }
  return sorted.nodes === model.graph.nodes ? model : { ...model, graph: { ...model.graph, nodes: sorted.nodes } };
}

/**
 * `graph` with every node after those whose outputs it reads, in the given order otherwise; the same graph if it is sorted
 * already. Throws a BadInputError that names the nodes of a cycle.
 */
export function sortTopologically(graph: Graph): Graph {
  const { nodes, cycle } = order(graph.nodes);
  if (cycle.length > 0) {
    throw new BadInputError({
      where: `graph ${graph.name}`,
      what: offenders("nodes in a cycle", cycle.map(describeNode)),
      expected: "none",
    });
  }
  return nodes === graph.nodes ? graph : { ...graph, nodes };
}

/** Depth first from each node in turn, through the producers of what it reads; `cycle` holds the first cycle found. */
function order(nodes: readonly Node[]): { readonly nodes: readonly Node[]; readonly cycle: readonly Node[] } {
  const producers = new Map<string, Node>();
  for (const node of nodes) for (const output of node.outputs) if (output !== "") producers.set(output, node);
  const sorted: Node[] = [];
  const state = new Map<Node, "open" | "done">();
  for (const root of nodes) {
    if (state.has(root)) continue;
    const path = [open(root)];
    while (path.length > 0) {
      const { node, reads } = path[path.length - 1];
      const { value: name, done } = reads.next();
      if (done === true) {
        state.set(node, "done");
        sorted.push(node);
        path.pop();
        continue;
      }
      const producer = producers.get(name);
      const producerState = producer && state.get(producer);
      if (producerState === "open") {
        return { nodes, cycle: path.slice(path.findIndex((step) => step.node === producer)).map((step) => step.node) };
      }
      if (producer !== undefined && producerState === undefined) path.push(open(producer));
    }
  }
  return { nodes: sorted.every((node, i) => node === nodes[i]) ? nodes : sorted, cycle: [] };

  function open(node: Node) {
    state.set(node, "open");
    return { node, reads: valuesReadBy(node).values() };
  }
}

function offenders(what: string, names: readonly string[]): string {
  const shown = names.slice(0, shownOffenders).join(", ");
  return `${what}: ${shown}${names.length > shownOffenders ? `, … ${names.length} in all` : ""}`;
}

function versionProblems({ irVersion, opsets, graph, functions }: Model): string[] {
  const problems: string[] = [];
  if (irVersion > newestIrVersion) {
    problems.push(`IR version ${irVersion} is newer than the newest that is known, ${newestIrVersion}`);
  }
  const version = opsets.get("");
  if (version !== undefined && version > newestOpset) {
    problems.push(`opset ${version} is newer than the newest that is known, ${newestOpset}`);
  }
  const local = new Set(functions.map(({ domain }) => domain));
  const used = new Set(graph.nodes.map(({ domain }) => domain));
  const unknown = [...used].filter((domain) => !opsets.has(domain) && !local.has(domain));
  if (unknown.length > 0) {
    problems.push(
      offenders(
        "operator sets that are not imported",
        unknown.map((domain) => domain || "ai.onnx"),
      ),
    );
  }
  return problems;
}

function graphProblems(graph: Graph): string[] {
  const counts = new Map<string, number>();
  const define = (name: string) => counts.set(name, (counts.get(name) ?? 0) + 1);
  for (const { name } of graph.inputs) define(name);
  for (const name of graph.initializers.keys()) define(name);
  for (const node of graph.nodes) for (const output of node.outputs) if (output !== "") define(output);
  const sparse = new Set(
    (graph.origin as GraphProto | undefined)?.sparseInitializer?.map(({ values }) => values?.name ?? ""),
  );
  const undefinedValues: string[] = [];
  const usedSparse = new Set<string>();
  const check = (name: string, reader: string): void => {
    if (sparse.has(name)) usedSparse.add(name);
    else if (!counts.has(name)) undefinedValues.push(`${JSON.stringify(name)} (read by ${reader})`);
  };
  for (const node of graph.nodes) for (const name of valuesReadBy(node)) check(name, describeNode(node));
  for (const { name } of graph.outputs) check(name, "the graph's outputs");
  const twice = [...counts].filter(([, count]) => count > 1).map(([name]) => JSON.stringify(name));
  return [
    ...(graph.outputs.length === 0 ? ["the graph has no outputs"] : []),
    ...(twice.length > 0 ? [offenders("values defined more than once", twice)] : []),
    ...(undefinedValues.length > 0 ? [offenders("values that nothing defines", undefinedValues)] : []),
    ...(usedSparse.size > 0 ? [offenders("sparse initializers, which are not supported", [...usedSparse])] : []),
  ];
}
