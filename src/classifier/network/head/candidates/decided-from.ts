/** @file Outputs that only say which scores are the largest: what they decide on. */
import { attributesOf } from "../../../../onnx/attributes.ts";
import type { TypedGraph } from "../../../../onnx/infer-shapes.ts";
import type { Node } from "../../../../onnx/model.ts";
import { hasTrait } from "../../../../onnx/operators/table.ts";
import { sizeOf } from "../../../../tensor/tensor.ts";
import { rangeOf } from "../../../../tensor/vector.ts";
import { tailValues } from "../tail-values.ts";

/**
 * The value that `name` only decides on: which of its elements are the largest, or how large the largest is, or whether they are above a
 * limit. Undefined for anything else.
 */
export function decidedFrom(typed: TypedGraph, name: string, producers: ReadonlyMap<string, Node>): string | undefined {
  const node = producers.get(name);
  if (node === undefined) return undefined;
  const { constants, types } = typed;
  const [first, second] = node.inputs;
  const isKnown = (input: string | undefined): boolean => input !== undefined && constants.has(input);
  const isOf = (input: string | undefined, ...operators: readonly string[]): boolean =>
    operators.includes(producers.get(input ?? "")?.opType ?? "");
  if (hasTrait(node, "ranking")) return first;
  switch (node.opType) {
    case "Hardmax":
    case "ArgMin":
      return first;
    case "ReduceMax": {
      // The largest of several probabilities is no probability of one thing.
      const isOverAll = sizeOf(types.get(name)?.shape ?? []) * (types.get(first)?.shape.at(-1) ?? 1);
      const isRow = (types.get(first)?.shape.length ?? 0) === 2 && isOverAll === sizeOf(types.get(first)?.shape ?? []);
      return isRow ? first : undefined;
    }
    case "GatherElements":
    case "GatherND":
      return isOf(second, "ArgMax", "TopK") ? first : undefined;
    case "Equal": {
      if (isOf(second, "ReduceMax", "Max")) return first;
      return isOf(first, "ReduceMax", "Max") ? second : undefined;
    }
    case "Greater":
    case "GreaterOrEqual":
      return isKnown(second) && !isKnown(first) ? first : undefined;
    case "Less":
    case "LessOrEqual":
      return isKnown(first) && !isKnown(second) ? second : undefined;
    case "Where": {
      const [yes, no] = [second, node.inputs[2]].map((input) => constants.get(input)?.data);
      const isYes = yes !== undefined && no !== undefined && rangeOf(yes)[0] > rangeOf(no)[1];
      return isYes ? decidedFrom(typed, first, producers) : undefined;
    }
    case "Round":
      return tailValues(typed, name)?.kind === "decisions" ? first : undefined;
    default:
      return undefined;
  }
}

/** Whether a ranking puts the smallest number first. */
export function choosesSmallest(node: Node | undefined): boolean {
  return node?.opType === "ArgMin" || (node?.opType === "TopK" && attributesOf(node).int("largest", 1) === 0);
}
