/**
 * @file The type of a VJP rule: how an operator's output cotangents become cotangents of its inputs, as graph nodes.
 *
 * For y = f(x) and a cotangent ȳ of y's shape, the rule appends nodes that compute x̄ = Jᵀ ȳ, where J is the Jacobian of f at
 * x. The rules of all operators together make the reverse sweep of {@link differentiate}.
 */
import type { AttributeReader } from "../onnx/attributes.ts";
import type { GraphBuilder, Value } from "../onnx/builder.ts";
import type { Node } from "../onnx/model.ts";

export interface VjpCall {
  /** Where the rule appends its nodes. */
  readonly g: GraphBuilder;
  readonly node: Node;
  /** The node as messages name it. */
  readonly where: string;
  readonly attributes: AttributeReader;
  /** The node's inputs; undefined for optional ones that are left out. Their shapes are static. */
  readonly inputs: readonly (Value | undefined)[];
  readonly outputs: readonly Value[];
  /** The cotangent of each output; undefined stands for zero. At least one is given. */
  readonly cotangents: readonly (Value | undefined)[];
  /** Whether anybody asks for the cotangent of input `index`: weights, masks and shapes usually are not wanted. */
  wants(index: number): boolean;
}

/** The cotangent of each input, of that input's shape; undefined where it is zero or not wanted. */
export type VjpRule = (call: VjpCall) => readonly (Value | undefined)[];
