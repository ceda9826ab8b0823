/** @file The table of shape rules; its keys are the operators that this package knows. */
import type { Node } from "../../model.ts";
import * as convolution from "./convolution.ts";
import * as elementwise from "./elementwise.ts";
import * as linalg from "./linalg.ts";
import * as movement from "./movement.ts";
import * as normalization from "./normalization.ts";
import * as pooling from "./pooling.ts";
import * as quantization from "./quantization.ts";
import * as reduction from "./reduction.ts";
import type { ShapeRule } from "./shape-rule.ts";

const table = {
  ...convolution,
  ...elementwise,
  ...linalg,
  ...movement,
  ...normalization,
  ...pooling,
  ...quantization,
  ...reduction,
};

/** The name of an operator that this package can infer shapes of, evaluate and (unless declared otherwise) differentiate. */
export type Operator = keyof typeof table;

export const shapeRules: Readonly<Record<Operator, ShapeRule>> = table;

/** Whether `node`'s operator is one of {@link Operator}. */
export function isOperator(node: Pick<Node, "opType" | "domain">): boolean {
  return (node.domain === "" || node.domain === "ai.onnx") && Object.hasOwn(shapeRules, node.opType);
}
