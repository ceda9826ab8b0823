/** @file Which value of a model holds the scores of its classes. */
import { BadInputError, UnsupportedError } from "../../errors.ts";
import { attributesOf } from "../../onnx/attributes.ts";
import { freshNames } from "../../onnx/fresh-names.ts";
import type { TypedGraph } from "../../onnx/infer-shapes.ts";
import { type Graph, type Node, producersOf } from "../../onnx/model.ts";
import { hasTrait } from "../../onnx/operators/table.ts";
import { neededFor } from "../../onnx/rewrites/extract-subgraph.ts";

export interface FindLogitsOptions {
  /** How messages call the model, such as its path. */
  readonly where: string;
  /** The value that holds the logits, which is then taken as it is. */
  readonly logits?: string;
}

/** Scores of classes that a model gives out, and what it does with them last. */
interface Scores {
  /** [N, K], or [N, K, 1, 1]; or [N, 1, 1, K], which is still to be flattened. */
  readonly name: string;
  readonly classCount: number;
  /** Of Softmax, LogSoftmax or Sigmoid, if that is the last operator. */
  readonly squashed: { readonly by: string; readonly output: string } | undefined;
  /** Whether the model gives out only which scores are the largest. */
  readonly isRanked: boolean;
}

export interface Logits {
  /** The graph, with a node behind it where the scores had to be flattened. */
  readonly graph: Graph;
  /** The value [N, K] (or [N, K, 1, 1]). */
  readonly logits: string;
  /** The value of the Softmax behind them, if there is one. */
  readonly softmax: string | undefined;
  readonly classCount: number;
  /** What a user should know of the classes. */
  readonly notes: readonly string[];
}

/**
 * The scores before a final Softmax, LogSoftmax or Sigmoid, through what reshapes or ranks them. Of several outputs the first
 * that are scores; but an output from which a layer with weights computes another one is that layer's features.
 * Throws an UnsupportedError if no output is made of scores of at least two classes.
 */
export function findLogits(typed: TypedGraph, { where, logits: wanted }: FindLogitsOptions): Logits {
  const { graph, types } = typed;
  const candidates = wanted === undefined ? graph.outputs.map(({ name }) => name) : [wanted];
  const listed = candidates.map((name) => `${name} [${types.get(name)?.shape.join(", ")}]`).join(", ");
  const found = candidates.flatMap((name) => scoresAt(typed, name, wanted !== undefined) ?? []);
  const direct = found.filter(({ isRanked }) => !isRanked);
  const choices = direct.length > 0 ? direct : found;
  const scores = choices.find((one) => !choices.some((other) => isComputedFrom(graph, one, other)));
  if (scores === undefined) {
    throw new UnsupportedError({
      where,
      what: "the model has no logits",
      expected: "a float32 output [N, classes]",
      got: listed || "no output",
      advice: "Name the value that holds the logits if it is an inner one.",
    });
  }
  const { name, classCount, squashed } = scores;
  if (classCount < 2) {
    throw new UnsupportedError({
      where,
      what: "the model has one class",
      expected: "an output [N, classes] with at least 2 classes",
      got: listed,
      advice: "A margin between classes needs two; a network with a single sigmoid output is not supported.",
    });
  }
  if (graph.initializers.has(name)) throw new BadInputError({ where, what: "the output does not depend on the input" });
  const isSigmoid = squashed?.by === "Sigmoid";
  return {
    ...(isFlat(typed, name) ? { graph, logits: name } : flattened(graph, name)),
    softmax: isSigmoid ? undefined : squashed?.output,
    classCount,
    notes: isSigmoid
      ? [
          "the classes have a Sigmoid each: they are compared by the scores before it, and percentages are those of a softmax",
        ]
      : [],
  };
}

/** The scores that `output` is, or is made of; undefined if there are none. `asGiven` takes nothing away from it. */
function scoresAt(typed: TypedGraph, output: string, asGiven: boolean): Scores | undefined {
  const { graph, types } = typed;
  const producers = producersOf(graph);
  const isScores = (name: string): boolean =>
    types.get(name)?.dtype === "float32" && classAxisOf(typed, name) !== undefined;
  const countOf = (name: string): number => types.get(name)!.shape[classAxisOf(typed, name)!];
  /** The value behind nodes that only pass it on. */
  const behind = (name: string): string => {
    const producer = producers.get(name);
    return producer !== undefined && hasTrait(producer, "view") ? behind(producer.inputs[0]) : name;
  };
  /** `name`, or the next value behind it that has the form of scores. */
  const asScores = (name: string): string | undefined => {
    if (isScores(name)) return name;
    const producer = producers.get(name);
    const isPassed = producer !== undefined && hasTrait(producer, "view");
    return isPassed && !asGiven ? asScores(producer.inputs[0]) : undefined;
  };
  let given = output;
  let isRanked = false;
  for (let last = producers.get(behind(given)); !asGiven && last !== undefined && hasTrait(last, "ranking"); ) {
    isRanked = true;
    given = last.inputs[0];
    last = producers.get(behind(given));
  }
  const name = asScores(given);
  if (name === undefined) return undefined;
  const last = producers.get(behind(name));
  const before = last?.inputs[0];
  const isSquashed = !asGiven && last !== undefined && hasTrait(last, "probability") && isScores(before!);
  if (isSquashed && countOf(before!) === countOf(name) && isOverClasses(typed, last)) {
    return { name: before!, classCount: countOf(name), squashed: { by: last.opType, output: name }, isRanked };
  }
  return { name, classCount: countOf(name), squashed: undefined, isRanked };
}

/** Whether a Softmax is taken over the classes; Sigmoid has no axis. */
function isOverClasses(typed: TypedGraph, node: Node): boolean {
  if (node.opType === "Sigmoid") return true;
  const [name] = node.inputs;
  const rank = typed.types.get(name)!.shape.length;
  const axis = attributesOf(node).int("axis", -1);
  return (axis < 0 ? axis + rank : axis) === classAxisOf(typed, name);
}

/** The axis of the classes in [N, K], [N, K, 1, …] or [N, 1, …, K]; undefined for other shapes. */
function classAxisOf({ types }: TypedGraph, name: string): number | undefined {
  const shape = types.get(name)?.shape ?? [];
  if (shape.length < 2) return undefined;
  if (shape.slice(2).every((extent) => extent === 1)) return 1;
  return shape.slice(1, -1).every((extent) => extent === 1) ? shape.length - 1 : undefined;
}

function isFlat(typed: TypedGraph, name: string): boolean {
  return classAxisOf(typed, name) === 1;
}

/** `graph` with the scores [N, 1, …, K] as [N, K] behind it. */
function flattened(graph: Graph, name: string): { readonly graph: Graph; readonly logits: string } {
  const logits = freshNames(graph)(`${name}_flat`);
  const node = { opType: "Flatten", domain: "", name: logits, inputs: [name], outputs: [logits], attributes: {} };
  return { graph: { ...graph, nodes: [...graph.nodes, node] }, logits };
}

/** Whether a layer with weights lies on the way from `one` to `other`. */
function isComputedFrom(graph: Graph, one: Scores, other: Scores): boolean {
  if (one.name === other.name) return false;
  const { nodes } = neededFor(graph, [other.name]);
  const dependent = new Set([one.name]);
  const weighted = new Set<string>();
  for (const node of nodes) {
    const { inputs, outputs } = node;
    if (!inputs.some((name) => dependent.has(name))) continue;
    const isWeighted = hasTrait(node, "weighted") || inputs.some((name) => weighted.has(name));
    for (const name of outputs) {
      dependent.add(name);
      if (isWeighted) weighted.add(name);
    }
  }
  return weighted.has(other.name);
}
