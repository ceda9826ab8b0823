/** @file Which values onnxruntime's CPU provider keeps in its blocked layout [N, C / block, H, W, block] on x86 processors. */

import { attributesOf } from "../../onnx/attributes.ts";
import type { TypedGraph } from "../../onnx/infer-shapes.ts";
import type { Node } from "../../onnx/model.ts";
import type { Operator } from "../../onnx/operators/table.ts";
import { sameShape } from "../../tensor/shape.ts";

/** The channels of a block on processors with AVX-512; AVX2 has half as many. */
const widestBlock = 16;
/** Depthwise convolutions, pools and what enters a convolution need a multiple of this many channels. */
export const channelAlignment = 4;

/** What {@link staysInBlocks} has to know of the values that a node reads and writes. */
export interface BlockedContext {
  type(name: string): NonNullable<ReturnType<TypedGraph["types"]["get"]>>;
  /** Whether a value does not depend on the graph's inputs. */
  isConstant(name: string): boolean;
  /** Whether a value was found to be in blocks. */
  isBlocked(name: string): boolean;
}

/** Whether onnxruntime (1.30) leaves the first output of `node` in blocks. */
export function staysInBlocks(node: Node, { type, isConstant, isBlocked }: BlockedContext): boolean {
  const { dtype, shape } = type(node.outputs[0]);
  if (node.domain !== "" || dtype !== "float32" || shape.length !== 4) return false;
  // A matter of the provider's kernels, not of the operators: others of the same kind take their operands out of the blocks.
  switch (node.opType as Operator) {
    case "Relu":
    case "Sigmoid":
    case "Tanh":
    case "HardSigmoid":
      return isBlocked(node.inputs[0]);
    case "Add":
    case "Mul":
    case "Sum":
      return node.inputs.every((name) => isBlocked(name) && sameShape(type(name).shape, shape));
    case "Conv": {
      const [data, weight] = node.inputs;
      return isConstant(weight) && takesConvolution(type(data).shape[1], type(weight).shape, groupOf(node));
    }
    case "MaxPool":
    case "AveragePool":
      return node.outputs.length === 1 && shape[1] % channelAlignment === 0;
    // Fused into the convolution before it.
    case "Clip":
      return isBlocked(node.inputs[0]);
    case "Concat": {
      const isAligned = (name: string): boolean => isBlocked(name) && type(name).shape[1] % widestBlock === 0;
      return attributesOf(node).int("axis") === 1 && node.inputs.every(isAligned);
    }
    default:
      return false;
  }
}

function groupOf(node: Node): number {
  return attributesOf(node).int("group", 1);
}

/** Whether a convolution of `channels` channels by a weight of shape [M, C / group, …] runs in blocks. */
function takesConvolution(channels: number, [outputs, perGroup]: readonly number[], group: number): boolean {
  if (group === 1) return channels < widestBlock / 2 || channels % channelAlignment === 0;
  if (perGroup === 1 && outputs === group) return group % channelAlignment === 0;
  return perGroup % widestBlock === 0 && (outputs / group) % widestBlock === 0;
}
