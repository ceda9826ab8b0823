/** @file The table of all operators' records, and what can be asked of it. */
import type { Operator } from "../../onnx/operators/table.ts";
import type { NoGradient, Rule, VjpRule } from "../rule.ts";
import * as activations from "./activations.ts";
import * as attention from "./attention.ts";
import * as constants from "./constants.ts";
import * as convolution from "./convolution.ts";
import * as elementwise from "./elementwise.ts";
import * as indexing from "./indexing.ts";
import * as linalg from "./linalg.ts";
import * as movement from "./movement.ts";
import * as normalization from "./normalization.ts";
import * as pooling from "./pooling.ts";
import * as quantization from "./quantization.ts";
import * as reduction from "./reduction.ts";
import * as resampling from "./resampling.ts";

const records = {
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

/** Operators whose outputs do not vary smoothly with any input: their derivative is zero by design. */
export type NonDifferentiable = {
  [Name in Operator]: (typeof records)[Name] extends NoGradient ? Name : never;
}[Operator];
export type Differentiable = Exclude<Operator, NonDifferentiable>;

/** The record of each operator with a derivative. An operator that has neither a rule nor {@link noGradient} does not compile. */
export type OperatorRules = Readonly<Record<Differentiable, Rule>> & Readonly<Record<NonDifferentiable, NoGradient>>;

/** The records. One for an operator that has none in `onnx/operators/` does not compile either. */
export const operatorRules: keyof typeof records extends Operator ? OperatorRules : never = records;

/** A table of backward rules: what {@link vjpRules} has, or a variant of it that explains rather than differentiates. */
export type RuleTable = Readonly<Record<Differentiable, VjpRule>>;

/** The operators with a derivative. */
export const differentiable = (Object.keys(records) as Operator[]).filter(
  (name): name is Differentiable => !isNonDifferentiable(name),
);

/** The operators that are declared to have no derivative. */
export const nonDifferentiable = (Object.keys(records) as Operator[]).filter(isNonDifferentiable);

/** A table with what `ruleOf` makes of each operator's record. */
export function ruleTable(ruleOf: (record: Rule, operator: Differentiable) => VjpRule): RuleTable {
  const entries = differentiable.map((name): [Differentiable, VjpRule] => [name, ruleOf(operatorRules[name], name)]);
  return Object.fromEntries(entries) as RuleTable;
}

/** The vector–Jacobian products: with this table the sweep computes gradients. */
export const vjpRules: RuleTable = ruleTable(({ vjp }) => vjp);

/** Whether `operator` is declared to have no derivative. */
export function isNonDifferentiable(operator: string): operator is NonDifferentiable {
  return Object.hasOwn(records, operator) && ruleOf(operator) === undefined;
}

/** The record of `operator`; undefined if it has no derivative or is not known. */
export function ruleOf(operator: string): Rule | undefined {
  if (!Object.hasOwn(records, operator)) return undefined;
  const record: Rule | NoGradient = records[operator as Operator];
  return "vjp" in record ? record : undefined;
}
