/**
 * @file Replacing If nodes whose condition is known by the branch that is taken.
 *
 * Exporters leave such nodes behind where a shape decides, as PyTorch's squeeze does: the condition is computed from
 * extents that are fixed once the input's shape is.
 */
import { PerceptualBallError } from "../../errors.ts";
import type { Shape } from "../../tensor/tensor.ts";
import { freshNames } from "../fresh-names.ts";
import { inferShapes } from "../infer-shapes.ts";
import { mapGraphs, renameOuterValues } from "../inner-graphs.ts";
import { type Attributes, type Graph, type Initializer, type Node, tensorOfInitializer } from "../model.ts";
import { cleanUp } from "./clean-up.ts";
import { extractSubgraph } from "./extract-subgraph.ts";
import { standardOperators } from "./standard-operators.ts";

export interface FoldConditionsOptions {
  /** The shape of each graph input that the model leaves open. */
  readonly inputShapes?: Readonly<Record<string, Shape>>;
  /** Inner values that stay, under their names. */
  readonly keep?: Iterable<string>;
}

/**
 * `graph` with every If that lies in it replaced by the branch taken, where the condition does not depend on what is fed in;
 * others stay. Inner Ifs are folded as well. The result is cleaned up, and the branches' operators are standard ones, if anything was folded.
 */
export function foldConditions(graph: Graph, options: FoldConditionsOptions = {}): Graph {
  let folded = graph;
  for (;;) {
    const taken = nextDecided(folded, options);
    if (taken === undefined) return folded;
    folded = cleanUp(standardOperators(withBranch(folded, taken.node, taken.branch)), { keep: options.keep });
  }
}

/** The first If whose condition is known, with its branch. */
function nextDecided(graph: Graph, options: FoldConditionsOptions): { node: Node; branch: Graph } | undefined {
  for (const node of graph.nodes) {
    if (node.opType !== "If" || node.domain !== "") continue;
    const condition = knownCondition(graph, node.inputs[0], options);
    const branch = condition === undefined ? undefined : node.attributes[condition ? "then_branch" : "else_branch"];
    if (branch?.kind === "graph") return { node, branch: branch.value };
  }
  return undefined;
}

function knownCondition(graph: Graph, name: string, { inputShapes }: FoldConditionsOptions): boolean | undefined {
  const initializer = graph.initializers.get(name);
  if (initializer !== undefined) return Boolean(tensorOfInitializer(initializer, `initializer ${name}`).data[0]);
  const computation = extractSubgraph(graph, [name]);
  try {
    const known = inferShapes(computation, { inputShapes }).constants.get(name);
    return known === undefined ? undefined : known.data[0] !== 0;
  } catch (error) {
    // An operator that is not supported lies before the condition: whoever needs the If's outputs will say so.
    if (error instanceof PerceptualBallError) return undefined;
    throw error;
  }
}

/** `graph` with `branch` in place of `node`; the branch's own values get new names where theirs are taken. */
function withBranch(graph: Graph, node: Node, branch: Graph): Graph {
  const fresh = freshNames(graph);
  const prefix = node.name || node.outputs[0];
  const names = new Map<string, string>([["", ""]]);
  const own = [...branch.initializers.keys(), ...branch.nodes.flatMap(({ outputs }) => outputs)];
  for (const name of own) if (!names.has(name)) names.set(name, fresh(`${prefix}/${name}`));
  const now = (name: string): string => names.get(name) ?? name;
  const inner = branch.nodes.map((inside) => ({
    ...inside,
    name: inside.name === "" ? "" : `${prefix}/${inside.name}`,
    inputs: inside.inputs.map(now),
    outputs: inside.outputs.map(now),
    attributes: renameInner(inside.attributes, now),
  }));
  const results = branch.outputs.flatMap(({ name }, i): Node[] => {
    const output = node.outputs[i] ?? "";
    if (output === "") return [];
    return [{ opType: "Identity", domain: "", name: "", inputs: [now(name)], outputs: [output], attributes: {} }];
  });
  const initializers = new Map<string, Initializer>(graph.initializers);
  for (const [name, initializer] of branch.initializers) initializers.set(now(name), initializer);
  const nodes = graph.nodes.flatMap((other) => (other === node ? [...inner, ...results] : [other]));
  return { ...graph, nodes, initializers };
}

/** The graphs among `attributes` with the outer values that they read renamed. */
function renameInner(attributes: Attributes, now: (name: string) => string): Attributes {
  return mapGraphs(attributes, (graph) => renameOuterValues(graph, now, renameInner));
}
