/**
 * @file What autodiff knows of one operator: its formula, its vector–Jacobian product, and what the backward passes that explain
 * do there instead.
 *
 * For y = f(x) and a cotangent ȳ of y's shape, a VJP rule appends nodes that compute x̄ = Jᵀ ȳ, where J is the Jacobian of f at
 * x. The rules of all operators together make the reverse sweep of {@link differentiate}.
 */
import type { AttributeReader } from "../onnx/attributes.ts";
import type { GraphBuilder, Value } from "../onnx/builder.ts";
import type { Node, ValueType } from "../onnx/model.ts";

export interface VjpCall {
  /** Where the rule appends its nodes. */
  readonly g: GraphBuilder;
  readonly node: Node;
  /** The nodes that the sweep visits, in topological order. */
  readonly path: readonly Node[];
  /** The node as messages name it. */
  readonly where: string;
  readonly attributes: AttributeReader;
  /** The node's inputs; undefined for optional ones that are left out. Their shapes are static. */
  readonly inputs: readonly (Value | undefined)[];
  /** The node's outputs; undefined for those that are left out. */
  readonly outputs: readonly (Value | undefined)[];
  /** The cotangent of the output at the same index; undefined stands for zero. At least one is given. */
  readonly cotangents: readonly (Value | undefined)[];
  /** Whether anybody asks for the cotangent of input `index`: weights, masks and shapes usually are not wanted. */
  wants(index: number): boolean;
}

/** The cotangent of each input, of that input's shape; undefined where it is zero or not wanted. */
export type VjpRule = (call: VjpCall) => readonly (Value | undefined)[];

/**
 * What guided backpropagation and the deconvolutional network do at an operator. They change what happens at rectifiers: operators
 * that keep large positive inputs and hold back negative ones. Squashing functions (Sigmoid, Tanh, …) are none. An activation that an
 * exporter wrote as several operators (x · Sigmoid(x) for SiLU) is a rectifier at the product that ends it.
 */
export type Guidance = "as gradient" | "gated" | "gated if it ends an activation";

/**
 * How excitation backpropagation distributes a probability p from an operator's outputs to its inputs:
 * - `weights`: by the positive weights, p ← x⁺ ∘ W⁺ᵀ (p / (W⁺ x⁺)). The first `operands` inputs are multiplied; what follows them is a
 *   bias or a mask, and left out. `isContrasted`: the contrastive form may start here. With `values` instead, the operator makes the
 *   weights itself, and that input is what they weigh.
 * - `shares`: in proportion to what each input adds, p ← x⁺ ∘ Jᵀ (p / f(x⁺)); constants get nothing. Among `terms` or the two sides of a
 *   `difference`; among the `elements` of the first input; or, where f does not grow as its input does, as in the `sum` of its elements.
 * - `factors`: of a product, to the factors that are no gates, in equal parts; of one that ends an activation of x, to x.
 * - `first`: unchanged, to the first input that depends on the image.
 * - `as gradient`: copies are added up, the winner takes all. Where outputs are means of inputs, that conserves p too. `isOfFirst`: to the
 *   first input alone, such as a picture that a grid of coordinates samples.
 */
export type Excitation =
  | { readonly by: "weights"; readonly operands: number; readonly isContrasted?: boolean }
  | { readonly by: "weights"; readonly values: number }
  | { readonly by: "shares"; readonly among: "terms" | "difference" | "elements" | "sum" }
  | { readonly by: "factors" }
  | { readonly by: "first" }
  | { readonly by: "as gradient"; readonly isOfFirst?: boolean };

/** The limit of an operator's output where its inputs tend to `inputs` (±∞ too; those left out are missing); NaN if there is none. */
export type Limit = (inputs: readonly number[], attributes: AttributeReader) => number;

/** Whether no element of the output is below zero, from what `isNonNegative` says of the inputs; those left out are undefined. */
export type SignRule = (
  inputs: readonly (Value | undefined)[],
  isNonNegative: (input: Value | undefined) => boolean,
) => boolean;

/**
 * How an operator rounds. Its derivative is zero almost everywhere, which would keep every gradient from what comes before it; so its rule
 * passes the cotangent straight through, as if it did not round. Source: Bengio, Léonard and Courville, "Estimating or Propagating
 * Gradients Through Stochastic Neurons", 2013.
 */
export interface Step {
  /** Whether it rounds where its first input and its first output are of these types. Integers that come out stand for real numbers. */
  rounds(x: ValueType, y: ValueType): boolean;
  /**
   * When its rule is used: always, or unless what it rounds has a continuous way to the result as well. Then the step is a constant, as in
   * x − ⌊x⌋, whose derivative is 1.
   */
  readonly passes: "always" | "unless bypassed";
}

/** All that autodiff knows of an operator with a derivative. */
export interface Rule {
  /** y = f(x) ⇒ x̄ = …, and what happens at kinks and ties: one line, which OPERATORS.md shows. */
  readonly formula: string;
  readonly vjp: VjpRule;
  readonly guided: Guidance;
  readonly excitation: Excitation;
  /** Given for operators that round. */
  readonly step?: Step;
  /** Given for the functions that activations are written with. */
  readonly limit?: Limit;
  /** Given where the operator's traits do not say it, and other inputs than the first decide. */
  readonly isNonNegative?: SignRule;
}

/** A {@link Rule} as it is written down: lines of the formula may be broken. Default: guided as the gradient. */
export interface RuleOptions extends Omit<Rule, "guided"> {
  readonly guided?: Guidance;
}

/** The record of an operator with a derivative. */
export function rule(options: RuleOptions): Rule {
  return { guided: "as gradient", ...options, formula: options.formula.trim().replace(/\s*\n\s*/g, " ") };
}

/** The record of an operator whose outputs do not vary smoothly with any input: comparisons, indices, shapes. */
export interface NoGradient {
  readonly formula: "none by design";
}

export const noGradient: NoGradient = { formula: "none by design" };
