/** @file Probabilities of several classifications that are given out side by side, in one row. */
import { attributesOf } from "../../../onnx/attributes.ts";
import type { TypedGraph } from "../../../onnx/infer-shapes.ts";
import type { Node } from "../../../onnx/model.ts";
import { hasTrait } from "../../../onnx/operators/table.ts";
import { classAxisOf, classCountOf } from "./score-axis.ts";
import { tailValues } from "./tail-values.ts";

/** One of several classifications. */
export interface ClassGroup {
  readonly count: number;
  /** The value that holds its probabilities alone, where there is one. */
  readonly name: string | undefined;
}

/**
 * The classifications whose probabilities `value` has in one row, as of a softmax for each of two tasks; undefined where it is one. `batch` is that of
 * the graph's types.
 */
export function groupsOf(
  typed: TypedGraph,
  producers: ReadonlyMap<string, Node>,
  value: string,
  batch: number,
): readonly ClassGroup[] | undefined {
  const countOf = (name: string): number => classCountOf(typed, name, batch) ?? 0;
  const count = countOf(value);
  let node = producers.get(value);
  while (node !== undefined && (hasTrait(node, "view") || hasTrait(node, "moves")))
    node = producers.get(node.inputs[0]);
  if (node === undefined) return undefined;
  const shape = typed.types.get(node.outputs[0])?.shape ?? [];
  const axis = attributesOf(node).int("axis", -1);
  const along = axis < 0 ? axis + shape.length : axis;
  if (node.opType === "Softmax") {
    const own = shape[along] ?? 0;
    const isOfSeveral = along > 0 && own > 1 && own < count && count % own === 0;
    return isOfSeveral ? Array.from({ length: count / own }, () => ({ count: own, name: undefined })) : undefined;
  }
  if (node.opType !== "Concat" || along !== classAxisOf(typed, node.outputs[0])) return undefined;
  const groups = node.inputs.map((name) => ({ count: countOf(name), name }));
  const isEach = groups.length > 1 && groups.every((group) => group.count > 1 && isDistribution(typed, group.name));
  return isEach ? groups : undefined;
}

function isDistribution(typed: TypedGraph, name: string): boolean {
  return tailValues(typed, name)?.kind === "distribution";
}

/** "3 classifications side by side, of 2, 5 and 5 classes (--logits a, --logits b or --logits c takes one)". */
export function describeGroups(groups: readonly ClassGroup[]): string {
  const counts = listed(
    groups.map(({ count }) => String(count)),
    "and",
  );
  const names = groups.flatMap(({ name }) => (name === undefined ? [] : [`--logits ${name}`]));
  const choice = names.length === 0 ? "" : ` (${listed(names, "or")} takes one)`;
  return `it is ${groups.length} classifications side by side, of ${counts} classes${choice}`;
}

/** More items than this are not listed one by one. */
const mostListed = 6;

function listed(items: readonly string[], word: "and" | "or"): string {
  const shown = items.length > mostListed ? [...items.slice(0, mostListed - 1), "others"] : items;
  return `${shown.slice(0, -1).join(", ")} ${word} ${shown.at(-1)}`;
}
