/**
 * @file Replacing If nodes whose condition is known by the branch that is taken.
 *
 * Exporters leave such nodes behind where a shape decides, as PyTorch's squeeze does: the condition is computed from
 * extents that are fixed once the input's shape is.
 */
import { PerceptualBallError } from "../../errors.ts";
import type { Shape } from "../../tensor/tensor.ts";
import { freshNames } from "../fresh-names.ts";
import { type FoldingBudget, foldingBudget, inferNode, knownValueOf } from "../infer-shapes.ts";
import { mapGraphs, renameOuterValues } from "../inner-graphs.ts";
import type { Attributes, Graph, Initializer, Node, ValueType } from "../model.ts";
import type { NumericTensor } from "../numeric-tensor.ts";
import { isOperator } from "../operators/table.ts";
import { cleanUp } from "./clean-up.ts";
import { decomposeFusedOperators } from "./decompose-fused-operators.ts";

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
  if (!graph.nodes.some(isCondition)) return graph;
  const walk = new Walk(graph, options.inputShapes ?? {});
  const folded = walk.folded();
  return folded === graph ? graph : cleanUp(folded, { keep: options.keep });
}

function isCondition({ opType, domain }: Node): boolean {
  return opType === "If" && domain === "";
}

/** The nodes one after the other, with what is known of their values; a branch that is taken is put in front of those that follow. */
class Walk {
  readonly #graph: Graph;
  readonly #types = new Map<string, ValueType>();
  readonly #constants = new Map<string, NumericTensor>();
  readonly #initializers = new Map<string, Initializer>();
  readonly #fresh: (wish: string) => string;
  readonly #budget: FoldingBudget;

  constructor(graph: Graph, inputShapes: Readonly<Record<string, Shape>>) {
    this.#graph = graph;
    this.#fresh = freshNames(graph);
    this.#budget = foldingBudget(graph.nodes.length);
    for (const { name, dtype, shape: declared } of graph.inputs) {
      const shape = Object.hasOwn(inputShapes, name) ? inputShapes[name] : declared;
      if (dtype === undefined || !shape?.every((extent) => typeof extent === "number")) continue;
      this.#types.set(name, { dtype, shape: shape as Shape });
    }
    for (const [name, initializer] of graph.initializers) this.#define(name, initializer);
  }

  /** The graph itself where no condition is known. */
  folded(): Graph {
    /** Those that are still to be looked at, the next one last. */
    const queue = this.#graph.nodes.toReversed();
    const nodes: Node[] = [];
    let isFolded = false;
    for (let node = queue.pop(); node !== undefined; node = queue.pop()) {
      const branch = isCondition(node) ? this.#branchOf(node) : undefined;
      if (branch === undefined) {
        this.#infer(node);
        nodes.push(node);
        continue;
      }
      isFolded = true;
      for (const inner of this.#nodesOf(branch, node).reverse()) queue.push(inner);
    }
    return isFolded ? { ...this.#graph, nodes, initializers: this.#initializers } : this.#graph;
  }

  #define(name: string, initializer: Initializer): void {
    this.#initializers.set(name, initializer);
    this.#types.set(name, { dtype: initializer.dtype, shape: initializer.shape });
    const constant = knownValueOf(name, initializer);
    if (constant !== undefined) this.#constants.set(name, constant);
  }

  /** The branch of an If that is taken; undefined where that is not known. */
  #branchOf(node: Node): Graph | undefined {
    const condition = this.#constants.get(node.inputs[0]);
    if (condition === undefined) return undefined;
    const branch = node.attributes[condition.data[0] === 0 ? "else_branch" : "then_branch"];
    return branch?.kind === "graph" ? decomposeFusedOperators(branch.value) : undefined;
  }

  /** Notes the types and values of the node's outputs, where they can be told. */
  #infer(node: Node): void {
    if (!isOperator(node) || !node.inputs.every((name) => name === "" || this.#types.has(name))) return;
    try {
      const { types, constants } = inferNode(node, {
        type: (name) => this.#types.get(name),
        constant: (name) => this.#constants.get(name),
        budget: this.#budget,
      });
      node.outputs.forEach((output, i) => {
        this.#types.set(output, types[i]);
        if (constants?.[i] !== undefined) this.#constants.set(output, constants[i]);
      });
    } catch (error) {
      // What is wrong with the node is said by whoever needs its outputs.
      if (!(error instanceof PerceptualBallError)) throw error;
    }
  }

  /** The nodes of `branch` in place of `node`; the branch's own values get new names where theirs are taken. */
  #nodesOf(branch: Graph, node: Node): Node[] {
    const prefix = node.name || node.outputs[0];
    const names = new Map<string, string>([["", ""]]);
    const own = [...branch.initializers.keys(), ...branch.nodes.flatMap(({ outputs }) => outputs)];
    for (const name of own) if (!names.has(name)) names.set(name, this.#fresh(`${prefix}/${name}`));
    const now = (name: string): string => names.get(name) ?? name;
    for (const [name, initializer] of branch.initializers) this.#define(now(name), initializer);
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
    return [...inner, ...results];
  }
}

/** The graphs among `attributes` with the outer values that they read renamed. */
function renameInner(attributes: Attributes, now: (name: string) => string): Attributes {
  return mapGraphs(attributes, (graph) => renameOuterValues(graph, now, renameInner));
}
