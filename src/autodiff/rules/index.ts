/** @file The table of VJP rules, and the operators that are declared to have none. */
import type { Operator } from "../../onnx/operators/table.ts";
import type { VjpRule } from "../vjp-rule.ts";
import * as convolution from "./convolution.ts";
import * as elementwise from "./elementwise.ts";
import * as linalg from "./linalg.ts";
import * as movement from "./movement.ts";
import * as normalization from "./normalization.ts";
import * as pooling from "./pooling.ts";
import * as quantization from "./quantization.ts";
import * as reduction from "./reduction.ts";

/**
 * Operators whose outputs do not vary smoothly with any input: comparisons, indices, shapes. Their derivative is zero by
 * design; an operator that is neither here nor in {@link vjpRules} does not compile.
 */
export const nonDifferentiable = [
  "And",
  "ArgMax",
  "ArgMin",
  "Ceil",
  "Constant",
  "ConstantOfShape",
  "Equal",
  "EyeLike",
  "Floor",
  "Greater",
  "GreaterOrEqual",
  "Hardmax",
  "IsInf",
  "IsNaN",
  "Less",
  "LessOrEqual",
  "NonZero",
  "Not",
  "Or",
  "Range",
  "Round",
  "Shape",
  "Sign",
  "Size",
  "Xor",
] as const satisfies readonly Operator[];

export type NonDifferentiable = (typeof nonDifferentiable)[number];
export type Differentiable = Exclude<Operator, NonDifferentiable>;

/** A table of backward rules: what {@link vjpRules} has, or a variant of it that explains rather than differentiates. */
export type RuleTable = Readonly<Record<Differentiable, VjpRule>>;

/** The vector–Jacobian products: with this table the sweep computes gradients. */
export const vjpRules: RuleTable = {
  ...convolution,
  ...elementwise,
  ...linalg,
  ...movement,
  ...normalization,
  ...pooling,
  ...quantization,
  ...reduction,
};

/** Whether `operator` is declared to have no derivative. */
export function isNonDifferentiable(operator: string): operator is NonDifferentiable {
  return (nonDifferentiable as readonly string[]).includes(operator);
}
