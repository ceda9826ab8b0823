/** @file One step of an operator from one version of its set to a later one. */
import type { DataType, Tensor } from "../../../tensor/tensor.ts";
import type { Node } from "../../model.ts";

/** The nodes that mean from version `since` on what `node` meant before. */
export interface Upgrade {
  readonly since: number;
  readonly rewrite: (node: Node, context: UpgradeContext) => readonly Node[];
}

/** What a rewrite can ask of the graph around its node, and add to it. */
export interface UpgradeContext {
  /** Adds a constant; the name of its value, made from `wish`. */
  constant(wish: string, tensor: Tensor): string;
  fresh(wish: string): string;
  /** The extents of a value, undefined where they are unknown; undefined if not even their number is known. */
  shapeOf(name: string): readonly unknown[] | undefined;
  /** The element type of a value where it is declared. */
  dtypeOf(name: string): DataType | undefined;
  /** The value of an initializer or a Constant node. */
  valueOf(name: string): Tensor | undefined;
}

/** `node` less the attributes with these names. */
export function without(node: Node, ...names: readonly string[]): Node {
  return {
    ...node,
    attributes: Object.fromEntries(Object.entries(node.attributes).filter(([name]) => !names.includes(name))),
  };
}
