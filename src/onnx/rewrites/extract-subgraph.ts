/**
 * @file The part of a graph that some values need.
 *
 * Going back from the wanted values through the producers, everything met is needed; the rest is left out.
 */
import { checkForm, checkKeys, MisuseError, nearest } from "../../errors.ts";
import { valuesReadBy } from "../captures.ts";
import type { Graph, Initializer, Node, ValueInfo } from "../model.ts";

export interface ExtractSubgraphOptions {
  /** Values where it begins: what produces them is left out and they become inputs. Default: the graph's own inputs. */
  readonly inputs?: readonly string[];
}

/**
 * The graph that computes `outputs` and nothing else; inputs that it does not need are left out. An output may be an inner
 * value; one that is an input or an initializer is passed through an Identity node, since a graph may not return these
 * directly. Throws a MisuseError that names unknown values.
 */
export function extractSubgraph(graph: Graph, outputs: readonly string[], options: ExtractSubgraphOptions = {}): Graph {
  checkForm("extractSubgraph: graph", graph, ["nodes", "initializers"]);
  checkForm("extractSubgraph: outputs", outputs, "list");
  checkKeys("extractSubgraph", options, ["inputs"]);
  const { inputs = [] } = options;
  const infos = new Map<string, ValueInfo>([
    ...graph.valueInfo,
    ...[...graph.initializers].map(([name, { dtype, shape }]): [string, ValueInfo] => [name, { name, dtype, shape }]),
    ...[...graph.inputs, ...graph.outputs].map((info): [string, ValueInfo] => [info.name, info]),
  ]);
  const known = new Set([...infos.keys(), ...graph.nodes.flatMap((node) => node.outputs)]);
  known.delete("");
  const unknown = [...outputs, ...inputs].filter((name) => !known.has(name));
  if (unknown.length > 0) {
    const hint = nearest(unknown[0], known);
    throw new MisuseError({
      where: "extractSubgraph",
      what: `the graph has no value ${unknown.map((name) => JSON.stringify(name)).join(", ")}`,
      advice: hint === undefined ? undefined : `Did you mean ${JSON.stringify(hint)}?`,
    });
  }
  const starts = new Set(inputs);
  const needed = neededFor(graph, outputs, starts);
  const infoOf = (name: string): ValueInfo => infos.get(name) ?? { name, dtype: undefined, shape: undefined };
  const own = graph.inputs.filter(({ name }) => needed.values.has(name) && !starts.has(name));
  const weights = filterMap(graph.initializers, (name) => needed.values.has(name) && !starts.has(name));
  const produced = new Set(needed.nodes.flatMap((node) => node.outputs));
  const passed = new Set(outputs.filter((name) => !produced.has(name)));
  return {
    ...graph,
    inputs: [...own, ...inputs.filter((name) => needed.values.has(name)).map(infoOf)],
    outputs: outputs.map((name) => (passed.has(name) ? { ...infoOf(name), name: `${name}_output` } : infoOf(name))),
    nodes: [
      ...needed.nodes,
      ...Array.from(passed, (name): Node => {
        return {
          opType: "Identity",
          domain: "",
          name: "",
          inputs: [name],
          outputs: [`${name}_output`],
          attributes: {},
        };
      }),
    ],
    initializers: weights,
    valueInfo: filterMap(graph.valueInfo, (name) => produced.has(name)),
  };
}

/** The nodes, in graph order, and the values that `wanted` depend on, where `starts` depend on nothing. */
export function neededFor(
  graph: Graph,
  wanted: Iterable<string>,
  starts: ReadonlySet<string> = new Set(),
): { readonly nodes: readonly Node[]; readonly values: ReadonlySet<string> } {
  const values = new Set(wanted);
  const nodes: Node[] = [];
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    const node = graph.nodes[i];
    if (!node.outputs.some((name) => values.has(name) && !starts.has(name))) continue;
    nodes.push(node);
    for (const name of valuesReadBy(node)) values.add(name);
  }
  return { nodes: nodes.reverse(), values };
}

/** The entries of `map` whose keys pass. */
export function filterMap<T extends Initializer | ValueInfo>(
  map: ReadonlyMap<string, T>,
  passes: (name: string) => boolean,
): ReadonlyMap<string, T> {
  return new Map([...map].filter(([name]) => passes(name)));
}
