/**
 * @file Operators that stand for several, written out where shapes and constants say what they come to.
 *
 * If is replaced by the branch that is taken, where the condition does not depend on what is fed in: exporters leave such nodes behind where
 * a shape decides, as PyTorch's squeeze does. Loop and Scan are replaced by their turns, recurrent networks by their steps, sequences of tensors by
 * their elements, and operators whose parts depend on the shapes of their inputs by these parts. What comes out consists of standard operators that have gradients.
 */
import { PerceptualBallError, UnsupportedError } from "../../errors.ts";
import type { Shape } from "../../tensor/tensor.ts";
import { freshNames, freshNodeNames } from "../fresh-names.ts";
import { type FoldingBudget, foldingBudget, inferInto, knownValueOf } from "../infer-shapes.ts";
import { mapGraphs, renameOuterValues } from "../inner-graphs.ts";
import { type Attributes, describeNode, type Graph, type Initializer, type Node, type ValueType } from "../model.ts";
import type { NumericTensor } from "../numeric-tensor.ts";
import { isOperator } from "../operators/table.ts";
import { cleanUp } from "./clean-up.ts";
import { decomposeFusedOperators } from "./decompose-fused-operators.ts";
import { fourierOperators } from "./fourier-transform.ts";
import { type LoopTurns, loopTurns, scanTurns } from "./loop-turns.ts";
import { recurrentOperators } from "./recurrent-operators.ts";
import { type RewriteTarget, rewriteOf, type TypedRewrite, type TypedRewriteRule } from "./rewrite.ts";
import { type SequenceRule, sequenceRuleOf } from "./sequence-operators.ts";
import { shapedOperators } from "./shaped-operators.ts";

export interface UnfoldOperatorsOptions {
  /** The shape of each graph input that the model leaves open. */
  readonly inputShapes?: Readonly<Record<string, Shape>>;
  /** Inner values that stay, under their names. */
  readonly keep?: Iterable<string>;
}

/** A file of n nodes may come to this many and n times {@link growth} of them once it is unfolded. */
const fewNodes = 20_000;
const growth = 100;
/** More nodes than any network has. */
const mostNodes = 200_000;

/**
 * `graph` with If, Loop, Scan, LSTM, GRU, RNN, sequences and operators of known shapes written out, also those within what is written out; a
 * condition or a count that depends on what is fed in leaves its node as it is. The result is cleaned up if anything was unfolded. Throws
 * an UnsupportedError for forms of these operators that cannot be written out, and for loops that come to too many nodes.
 */
export function unfoldOperators(graph: Graph, options: UnfoldOperatorsOptions = {}): Graph {
  if (!graph.nodes.some(isUnfoldable)) return graph;
  const unfolded = new Walk(graph, options.inputShapes ?? {}).unfolded();
  return unfolded === graph ? graph : cleanUp(unfolded, { keep: options.keep });
}

/** Whether `node` is of a kind that is written out where what it depends on is known. */
export function isUnfoldable(node: Node): boolean {
  return holdsGraph(node) || typedRuleOf(node) !== undefined || sequenceRuleOf(node) !== undefined;
}

function holdsGraph({ opType, domain }: Node): boolean {
  return domain === "" && (opType === "If" || opType === "Loop" || opType === "Scan");
}

/** The rule that rewrites `node` once the types of its inputs are known. */
function typedRuleOf(node: Node): TypedRewriteRule | undefined {
  const key = node.domain === "" ? node.opType : `${node.domain}.${node.opType}`;
  return Object.hasOwn(typedRules, key) ? typedRules[key](node) : undefined;
}

const typedRules: Readonly<Record<string, (node: Node) => TypedRewriteRule | undefined>> = {
  ...recurrentOperators,
  ...shapedOperators,
  ...fourierOperators,
};

/** What is still to be done: a node, or the next turn of a loop. */
type Task = Node | { readonly node: Node; readonly turns: LoopTurns };

/** The nodes one after the other, with what is known of their values; what a node unfolds to is put in front of those that follow. */
class Walk {
  readonly #graph: Graph;
  readonly #types = new Map<string, ValueType>();
  readonly #constants = new Map<string, NumericTensor>();
  readonly #initializers = new Map<string, Initializer>();
  /** The elements of values that are sequences. */
  readonly #sequences = new Map<string, readonly string[]>();
  readonly #target: RewriteTarget;
  readonly #budget: FoldingBudget;
  /** The next task last. */
  readonly #queue: Task[];
  /** How many nodes may still be added. */
  #left: number;

  constructor(graph: Graph, inputShapes: Readonly<Record<string, Shape>>) {
    this.#graph = graph;
    this.#target = {
      fresh: freshNames(graph),
      freshNode: freshNodeNames(graph),
      define: (name, initializer) => this.#define(name, initializer),
    };
    this.#budget = foldingBudget(graph.nodes.length);
    this.#queue = graph.nodes.toReversed();
    this.#left = Math.min(mostNodes, fewNodes + growth * graph.nodes.length);
    for (const { name, dtype, shape: declared } of graph.inputs) {
      const shape = Object.hasOwn(inputShapes, name) ? inputShapes[name] : declared;
      if (dtype === undefined || !shape?.every((extent) => typeof extent === "number")) continue;
      this.#types.set(name, { dtype, shape: shape as Shape });
    }
    for (const [name, initializer] of graph.initializers) this.#define(name, initializer);
  }

  /** The graph itself where nothing unfolds. */
  unfolded(): Graph {
    const nodes: Node[] = [];
    let isUnfolded = false;
    for (let task = this.#queue.pop(); task !== undefined; task = this.#queue.pop()) {
      const [node, turns] = "turns" in task ? [task.node, task.turns] : [task, undefined];
      const parts = turns === undefined ? this.#unfold(node) : this.#turn(node, turns);
      if (parts === undefined) {
        this.#infer(node);
        nodes.push(node);
        continue;
      }
      isUnfolded = true;
      this.#left -= parts.length;
      if (this.#left < 0) throw tooLarge(node);
      for (const part of parts.toReversed()) this.#queue.push(part);
    }
    return isUnfolded ? { ...this.#graph, nodes, initializers: this.#initializers } : this.#graph;
  }

  #define(name: string, initializer: Initializer): void {
    this.#initializers.set(name, initializer);
    this.#types.set(name, { dtype: initializer.dtype, shape: initializer.shape });
    const constant = knownValueOf(name, initializer);
    if (constant !== undefined) this.#constants.set(name, constant);
  }

  /** What takes the place of `node`; undefined where it stays. */
  #unfold(node: Node): readonly Task[] | undefined {
    const rule = typedRuleOf(node);
    if (rule !== undefined) return this.#areTyped(node) ? this.#rewrite(node, rule) : undefined;
    const sequence = sequenceRuleOf(node);
    if (sequence !== undefined) return this.#taken(node, sequence);
    if (!holdsGraph(node)) return undefined;
    if (node.opType === "If") {
      const branch = this.#branchOf(node);
      return branch && this.#nodesOf(branch, node, new Map());
    }
    const turns = node.opType === "Loop" ? loopTurns(node) : scanTurns(node, (name) => this.#types.get(name));
    return turns && this.#turn(node, turns);
  }

  #areTyped(node: Node): boolean {
    return node.inputs.every((name) => name === "" || this.#types.has(name));
  }

  #rewrite(node: Node, rule: TypedRewriteRule): readonly Node[] {
    const { rewrite, made } = this.#typedRewrite(node);
    rule(rewrite);
    return made;
  }

  #typedRewrite(node: Node): { readonly rewrite: TypedRewrite; readonly made: readonly Node[] } {
    const { rewrite, made } = rewriteOf(node, this.#target);
    const type: TypedRewrite["type"] = (index) => this.#types.get(rewrite.input(index));
    const value: TypedRewrite["value"] = (index) => this.#constants.get(rewrite.input(index));
    return { rewrite: { ...rewrite, type, value }, made };
  }

  /** What takes the place of a node that makes or reads a sequence. One that makes it stays as well: an output of the graph may be the sequence itself. */
  #taken(node: Node, rule: SequenceRule): readonly Node[] | undefined {
    const [output] = node.outputs;
    if (this.#sequences.has(output)) return undefined;
    const { rewrite, made } = this.#typedRewrite(node);
    const result = rule({ ...rewrite, elements: (index) => this.#sequences.get(rewrite.input(index)) });
    if (result === "unknown") return undefined;
    if (result === "written") return made;
    this.#sequences.set(output, result);
    return made.length === 0 ? undefined : [...made, node];
  }

  /**
   * The nodes of the next turn of a loop and then the loop from there on, or what comes after its last turn. Where it is not known whether
   * there is another turn, the node itself: nothing reads the turns before.
   */
  #turn(node: Node, turns: LoopTurns): readonly Task[] | undefined {
    const { rewrite, made } = rewriteOf(node, this.#target);
    const next = turns.next(rewrite, (name) => this.#constants.get(name));
    if (next === "unknown") return undefined;
    if (next === "done") return made;
    const names = new Map(next.bound);
    const body = this.#nodesOf(turns.body, node, names, next.prefix);
    const after = next.after((name) => names.get(name) ?? name);
    return [...made, ...body, { node, turns: after }];
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
    if (!isOperator(node) || !this.#areTyped(node)) return;
    try {
      inferInto({ types: this.#types, constants: this.#constants, budget: this.#budget }, node);
    } catch (error) {
      // What is wrong with the node is said by whoever needs its outputs.
      if (!(error instanceof PerceptualBallError)) throw error;
    }
  }

  /**
   * The nodes of `inner` in place of `node`. `names` says what its inputs are; its own values are added to it, under new names where theirs
   * are taken. With a `prefix` the graph's outputs are left to the caller, else they become those of `node`.
   */
  #nodesOf(inner: Graph, node: Node, names: Map<string, string>, prefix?: string): Node[] {
    const scope = prefix ?? (node.name || node.outputs[0]);
    names.set("", "");
    const own = [...inner.initializers.keys(), ...inner.nodes.flatMap(({ outputs }) => outputs)];
    for (const name of own) if (!names.has(name)) names.set(name, this.#target.fresh(`${scope}/${name}`));
    const now = (name: string): string => names.get(name) ?? name;
    for (const [name, initializer] of inner.initializers) this.#define(now(name), initializer);
    const nodes = inner.nodes.map((inside) => ({
      ...inside,
      name: inside.name === "" ? "" : `${scope}/${inside.name}`,
      inputs: inside.inputs.map(now),
      outputs: inside.outputs.map(now),
      attributes: renameInner(inside.attributes, now),
    }));
    if (prefix !== undefined) return nodes;
    const results = inner.outputs.flatMap(({ name }, i): Node[] => {
      const output = node.outputs[i] ?? "";
      if (output === "") return [];
      return [{ opType: "Identity", domain: "", name: "", inputs: [now(name)], outputs: [output], attributes: {} }];
    });
    return [...nodes, ...results];
  }
}

function tooLarge(node: Node): UnsupportedError {
  return new UnsupportedError({
    where: describeNode(node),
    what: "written out, the model comes to too many operations",
    expected: `at most ${fewNodes}, and ${growth} for each of the file`,
    advice: "Export the model for shorter sequences, or with fewer turns.",
  });
}

/** The graphs among `attributes` with the outer values that they read renamed. */
function renameInner(attributes: Attributes, now: (name: string) => string): Attributes {
  return mapGraphs(attributes, (graph) => renameOuterValues(graph, now, renameInner));
}
