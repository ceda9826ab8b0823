/**
 * @file Sequences of tensors whose elements are known one by one: what is taken out of them is the element, what joins them is a Concat.
 *
 * PyTorch's exporters write `unbind`, `chunk` and lists of tensors as sequences, within networks too.
 */
import { normalizeAxis } from "../../tensor/shape.ts";
import { tensorOf } from "../../tensor/tensor.ts";
import { int64Tensor } from "../int64.ts";
import { describeNode, type Node } from "../model.ts";
import type { TypedRewrite } from "./rewrite.ts";

/** A node that makes or reads a sequence. */
export interface SequenceRewrite extends TypedRewrite {
  /** The elements of the sequence that input `index` is; undefined where it is none, or they are not known. */
  elements(index: number): readonly string[] | undefined;
}

/**
 * The elements of the sequence that the node gives; "written" where nodes have been appended that take its place, and "unknown" where the
 * sequence depends on what is fed in.
 */
export type SequenceRule = (rewrite: SequenceRewrite) => readonly string[] | "written" | "unknown";

/** The rule that follows a sequence through `node`; undefined for other nodes. */
export function sequenceRuleOf({ opType, domain }: Node): SequenceRule | undefined {
  return domain === "" && Object.hasOwn(rules, opType) ? rules[opType] : undefined;
}

/** The place that input 1 names in `count` elements, counted from the front; `fallback` where it is left out, undefined where it is not known. */
function placeIn(rewrite: SequenceRewrite, index: number, count: number, fallback: number): number | undefined {
  if (rewrite.input(index) === "") return fallback;
  const place = rewrite.value(index)?.data[0];
  if (place === undefined) return undefined;
  return place < 0 ? place + count : place;
}

/** Gives the node's output another value's name. */
function pass(rewrite: SequenceRewrite, value: string | undefined): "written" | "unknown" {
  if (value === undefined) return "unknown";
  rewrite.into([rewrite.node.outputs[0]], "Identity", [value]);
  return "written";
}

function split(rewrite: SequenceRewrite): readonly string[] | "unknown" {
  const { attributes, node, type, value, input, op, ops, constant } = rewrite;
  const shape = type(0)?.shape;
  const sizes = value(1);
  if (shape === undefined || (input(1) !== "" && sizes === undefined)) return "unknown";
  const axis = normalizeAxis(describeNode(node), attributes.int("axis", 0), shape.length);
  const extent = shape[axis];
  // One number is the size of all parts but perhaps the last, and none means one each.
  const size = sizes === undefined ? 1 : sizes.data[0];
  const isOfEqual = sizes === undefined || sizes.shape.length === 0;
  if (isOfEqual && !(size > 0)) return "unknown";
  const parts = isOfEqual
    ? Array.from({ length: Math.ceil(extent / size) }, (_, i) => Math.min(size, extent - i * size))
    : Array.from(sizes.data);
  const found = ops(parts.length, "Split", [input(0), constant(int64Tensor(parts))], { axis });
  const isSqueezed = sizes === undefined && attributes.int("keepdims", 1) === 0;
  return isSqueezed ? found.map((part) => op("Squeeze", [part, constant(int64Tensor([axis]))])) : found;
}

function concat(rewrite: SequenceRewrite): "written" | "unknown" {
  const { attributes, node, elements, op, into, constant } = rewrite;
  const found = elements(0);
  if (found === undefined || found.length === 0) return "unknown";
  const axis = attributes.int("axis");
  const isNew = attributes.int("new_axis", 0) === 1;
  const parts = isNew ? found.map((part) => op("Unsqueeze", [part, constant(int64Tensor([axis]))])) : found;
  into([node.outputs[0]], "Concat", parts, { axis });
  return "written";
}

function withInserted(rewrite: SequenceRewrite): readonly string[] | "unknown" {
  const found = rewrite.elements(0);
  const place = found && placeIn(rewrite, 2, found.length, found.length);
  return found === undefined || place === undefined ? "unknown" : found.toSpliced(place, 0, rewrite.input(1));
}

function withErased(rewrite: SequenceRewrite): readonly string[] | "unknown" {
  const found = rewrite.elements(0);
  const place = found && placeIn(rewrite, 1, found.length, found.length - 1);
  return found === undefined || place === undefined ? "unknown" : found.toSpliced(place, 1);
}

/** The value within an optional one, or the value itself, which the operator takes as well. */
function held({ elements, type, input }: SequenceRewrite): string | undefined {
  return elements(0)?.[0] ?? (type(0) === undefined ? undefined : input(0));
}

const rules: Readonly<Record<string, SequenceRule>> = {
  SequenceEmpty: () => [],
  SequenceConstruct: ({ node }) => node.inputs,
  SequenceInsert: withInserted,
  SequenceErase: withErased,
  SplitToSequence: split,
  ConcatFromSequence: concat,
  SequenceAt(rewrite) {
    const found = rewrite.elements(0);
    const place = found && placeIn(rewrite, 1, found.length, 0);
    return pass(rewrite, found?.[place ?? -1]);
  },
  SequenceLength(rewrite) {
    const found = rewrite.elements(0);
    return pass(rewrite, found && rewrite.constant(tensorOf("int64", [found.length], [])));
  },
  // A sequence under another name; a tensor is no business of this.
  Identity: ({ elements }) => elements(0) ?? "unknown",
  Optional: ({ node, type }) => (node.inputs.length === 1 && type(0) !== undefined ? node.inputs : "unknown"),
  OptionalGetElement: (rewrite) => pass(rewrite, held(rewrite)),
  OptionalHasElement(rewrite) {
    const isHeld = held(rewrite) !== undefined;
    return isHeld ? pass(rewrite, rewrite.constant(tensorOf("bool", [1], []))) : "unknown";
  },
};

/** The operators that make or read sequences and optional values. */
export const sequenceOperatorNames: readonly string[] = Object.keys(rules).filter((name) => name !== "Identity");
