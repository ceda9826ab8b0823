/** @file The operators that this package knows, and what can be asked of a node's operator. */
import * as activations from "./activations.ts";
import * as attention from "./attention.ts";
import * as constants from "./constants.ts";
import * as convolution from "./convolution.ts";
import * as elementwise from "./elementwise.ts";
import * as indexing from "./indexing.ts";
import * as linalg from "./linalg.ts";
import * as movement from "./movement.ts";
import * as normalization from "./normalization.ts";
import type { OperatorRecord } from "./operator.ts";
import * as pooling from "./pooling.ts";
import * as quantization from "./quantization.ts";
import * as reduction from "./reduction.ts";
import * as resampling from "./resampling.ts";
import type { Trait } from "./traits.ts";

/** The records by family: each file of this folder that exports nothing else. */
export const operatorFamilies = {
  activations,
  attention,
  constants,
  convolution,
  elementwise,
  indexing,
  linalg,
  movement,
  normalization,
  pooling,
  quantization,
  reduction,
  resampling,
};

const table = {
  ...activations,
  ...attention,
  ...constants,
  ...convolution,
  ...elementwise,
  ...indexing,
  ...linalg,
  ...movement,
  ...normalization,
  ...pooling,
  ...quantization,
  ...reduction,
  ...resampling,
};

/** The name of an operator that this package can infer shapes of, evaluate and (unless declared otherwise) differentiate. */
export type Operator = keyof typeof table;

/** The record of each operator. */
export const operators: Readonly<Record<Operator, OperatorRecord>> = table;

/** What a node says of its operator; "" is the standard domain. */
export interface OperatorName {
  readonly opType: string;
  readonly domain?: string;
}

/** Whether `node`'s operator is one of {@link Operator}. */
export function isOperator({ opType, domain = "" }: OperatorName): boolean {
  return (domain === "" || domain === "ai.onnx") && Object.hasOwn(operators, opType);
}

/** The record of `node`'s operator; undefined if this package does not know it. */
export function operatorOf(node: OperatorName): OperatorRecord | undefined {
  return isOperator(node) ? operators[node.opType as Operator] : undefined;
}

/** Whether `trait` holds of `node`'s operator; false for one that this package does not know. */
export function hasTrait(node: OperatorName, trait: Trait): boolean {
  return operatorOf(node)?.traits.has(trait) ?? false;
}
