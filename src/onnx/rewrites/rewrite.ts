/** @file How one node is rewritten in others. */
import type { Tensor } from "../../tensor/tensor.ts";
import type { AttributeReader, AttributeValue } from "../attributes.ts";
import type { Node } from "../model.ts";

/** What a rewrite appends its nodes to. Values are known by name; "" is one that is left out. */
export interface Rewrite {
  readonly node: Node;
  readonly attributes: AttributeReader;
  /** Input `index` of the node, or "" if it is left out. */
  input(index: number): string;
  op(opType: string, inputs: readonly string[], attributes?: Readonly<Record<string, AttributeValue>>): string;
  /** Appends an operator whose outputs take these names; "" leaves one out. */
  into(
    outputs: readonly string[],
    opType: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, AttributeValue>>,
  ): void;
  constant(tensor: Tensor): string;
}

/** Appends the nodes that take the place of `rewrite.node`. */
export type RewriteRule = (rewrite: Rewrite) => void;
