/** @file Integers that stand for real numbers, as rules of arithmetic see them. */
import type { GraphBuilder, Value } from "../onnx/builder.ts";
import { numberOfDataType } from "../onnx/file/tensor-proto.ts";
import type { Node } from "../onnx/model.ts";
import { hasTrait } from "../onnx/operators/table.ts";
import { isInteger } from "../tensor/tensor.ts";

/** Of operators that compute or compare, rather than move. */
const arithmetic = ["broadcasting", "elementwise", "planewise", "reduction", "weighted"] as const;

/**
 * What the rule of `node` sees of its inputs and outputs, if those in `wanted` get cotangents. Where arithmetic is done on integers that
 * stand for real numbers, all of their type are cast to float32, for a product with a cotangent has one element type. Operators that
 * move elements, and those that take integers apart themselves, see them as they are.
 */
export function realView(
  g: GraphBuilder,
  node: Node,
  wanted: readonly Value[],
): (value: Value | undefined) => Value | undefined {
  const integer = wanted.find(({ dtype }) => isInteger(dtype));
  const isArithmetic = arithmetic.some((trait) => hasTrait(node, trait)) && !hasTrait(node, "view");
  if (integer === undefined || !isArithmetic) return (value) => value;
  return (value) =>
    value?.dtype === integer.dtype ? g.op("Cast", [value], { to: numberOfDataType("float32") }) : value;
}
