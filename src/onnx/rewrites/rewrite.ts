/** @file How one node is rewritten in others. */
import { UnsupportedError } from "../../errors.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { type AttributeReader, type AttributeValue, attributesFrom, attributesOf } from "../attributes.ts";
import {
  describeNode,
  type Initializer,
  initializerOf,
  type Node,
  tensorOfInitializer,
  type ValueType,
} from "../model.ts";
import type { NumericTensor } from "../numeric-tensor.ts";

/** What a rewrite appends its nodes to. Values are known by name; "" is one that is left out. */
export interface Rewrite {
  readonly node: Node;
  readonly attributes: AttributeReader;
  /** Input `index` of the node, or "" if it is left out. */
  input(index: number): string;
  op(opType: string, inputs: readonly string[], attributes?: Readonly<Record<string, AttributeValue>>): string;
  /** The outputs of an operator that has `count` of them. */
  ops(
    count: number,
    opType: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, AttributeValue>>,
  ): readonly string[];
  /** Appends an operator whose outputs take these names; "" leaves one out. */
  into(
    outputs: readonly string[],
    opType: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, AttributeValue>>,
  ): void;
  constant(tensor: Tensor): string;
  /** The weights that input `index` is; undefined if it is computed, fed in or left out. */
  weights(index: number): Tensor | undefined;
}

/** Appends the nodes that take the place of `rewrite.node`. */
export type RewriteRule = (rewrite: Rewrite) => void;

/** A rewrite that may ask what the node's inputs are. */
export interface TypedRewrite extends Rewrite {
  /** Element type and shape of input `index`; undefined if it is left out. */
  type(index: number): ValueType | undefined;
  /** The value of input `index` where it does not depend on what is fed in. */
  value(index: number): NumericTensor | undefined;
}

/** The numbers of an input that has to be known before anything is fed in. Throws an UnsupportedError that calls it `what` where it is not. */
export function needed(size: NumericTensor | undefined, { node }: TypedRewrite, what: string): readonly number[] {
  if (size !== undefined) return Array.from(size.data);
  throw new UnsupportedError({
    where: describeNode(node),
    what: `${what} depends on what is fed in`,
    expected: "a constant",
  });
}

/** Appends the nodes that take the place of `rewrite.node`, whose inputs have known shapes. */
export type TypedRewriteRule = (rewrite: TypedRewrite) => void;

/** The graph that a rewrite adds to. */
export interface RewriteTarget {
  /** A new name for a value. */
  fresh(wish: string): string;
  /** A new name for a node. */
  freshNode(wish: string): string;
  define(name: string, initializer: Initializer): void;
  /** The initializer of this name, if it is one. */
  initializer?(name: string): Initializer | undefined;
}

/** A rewrite of `node`, and the nodes that it has appended so far. */
export function rewriteOf(
  node: Node,
  { fresh, freshNode, define, initializer }: RewriteTarget,
): { readonly rewrite: Rewrite; readonly made: readonly Node[] } {
  const made: Node[] = [];
  const wish = node.outputs.find((name) => name !== "") ?? node.opType;
  const into: Rewrite["into"] = (outputs, opType, inputs, attributes = {}) => {
    const trimmed = [...outputs];
    while (trimmed.length > 1 && trimmed.at(-1) === "") trimmed.pop();
    const name = freshNode(`${node.name || wish}/${opType}`);
    made.push({ opType, domain: "", name, inputs, outputs: trimmed, attributes: attributesFrom(attributes) });
  };
  const ops: Rewrite["ops"] = (count, opType, inputs, attributes) => {
    const outputs = Array.from({ length: count }, () => fresh(`${wish}/${opType}`));
    into(outputs, opType, inputs, attributes);
    return outputs;
  };
  const rewrite: Rewrite = {
    node,
    attributes: attributesOf(node),
    input: (index) => node.inputs[index] ?? "",
    into,
    ops,
    op(opType, inputs, attributes) {
      const [output] = ops(1, opType, inputs, attributes);
      return output;
    },
    weights(index) {
      const name = node.inputs[index] ?? "";
      const known = initializer?.(name);
      return known && tensorOfInitializer(known, name);
    },
    constant(tensor) {
      const name = fresh(`${wish}/constant`);
      define(name, initializerOf(tensor));
      return name;
    },
  };
  return { rewrite, made };
}
