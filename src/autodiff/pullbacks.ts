/**
 * @file VJP rules from typed parts: a rule names its inputs, and says for each how the cotangent is pulled back to it.
 *
 * What is common to all rules is done here: inputs that must be there are, cotangents that nobody asks for are not computed, and
 * nothing is where the first output has no cotangent.
 */
import { BadInputError } from "../errors.ts";
import type { Value } from "../onnx/builder.ts";
import { unbroadcast } from "./adjoints/unbroadcast.ts";
import { type Arithmetic, arithmeticOn } from "./arithmetic.ts";
import type { VjpCall, VjpRule } from "./rule.ts";

/** What a rule sees of an operator whose first output, y, carries the gradient. */
export interface Pull extends Omit<VjpCall, "inputs" | "outputs" | "cotangents">, Arithmetic {
  readonly y: Value;
  /** The outputs after y, such as indices; undefined for those that are left out. */
  readonly others: readonly (Value | undefined)[];
  /** ȳ */
  readonly dy: Value;
}

/** "x" is the name of an input that is always there, "x?" of one that may be left out. */
type NameOf<Name extends string> = Name extends `${infer Bare}?` ? Bare : Name;

type NamedInputs<Names extends readonly string[]> = {
  readonly [Name in Names[number] as NameOf<Name>]: Name extends `${string}?` ? Value | undefined : Value;
};

/** Pulls the cotangent back to `input`, which is there; undefined where its cotangent is zero. */
export type Pullback = (input: Value) => Value | undefined;

/**
 * The rule of an operator whose inputs are called `names`, in this order. `rule` gets them by name, and gives the pullbacks of those
 * that have a derivative, also by name. What several pullbacks need is computed in `rule` itself, before any of them.
 */
export function pullbacks<const Names extends readonly string[]>(
  names: Names,
  rule: (pull: Pull & NamedInputs<Names>) => Readonly<Partial<Record<NameOf<Names[number]>, Pullback>>>,
): VjpRule {
  const bare = names.map((name) => name.replace("?", ""));
  return ({ inputs, outputs: [y, ...others], cotangents: [dy], ...call }) => {
    if (y === undefined || dy === undefined) return [];
    const named: Record<string, Value | undefined> = {};
    for (const [i, name] of names.entries()) {
      named[bare[i]] = name === bare[i] ? present(call.where, inputs[i], i) : inputs[i];
    }
    const backs: Readonly<Record<string, Pullback | undefined>> = rule({
      ...call,
      ...arithmeticOn(call.g),
      ...(named as NamedInputs<Names>),
      y,
      others,
      dy,
    });
    return bare.map((name, i) => {
      const input = inputs[i];
      return input !== undefined && call.wants(i) ? backs[name]?.(input) : undefined;
    });
  };
}

/** The rule of an operator with a derivative in its first input, x, alone. */
export function unary(pull: (pull: Pull & { readonly x: Value }) => Value | undefined): VjpRule {
  return pullbacks(["x"], (call) => ({ x: () => pull(call) }));
}

type Elementwise = (pull: Pull & { readonly a: Value; readonly b: Value }) => Value;

/** A pullback of {@link broadcasting} whose sum is negated: cheaper than a sum of what is negated. */
export interface Negated {
  readonly negated: Elementwise;
}

/** The negative of `pull`, taken of the sum. */
export function minus(pull: Elementwise): Negated {
  return { negated: pull };
}

/** The rule of an operator on a and b that repeats them to a common shape: what is pulled back is summed over the repetitions. */
export function broadcasting(toA: Elementwise | Negated, toB: Elementwise | Negated): VjpRule {
  return pullbacks(["a", "b"], (call) => {
    const back =
      (pull: Elementwise | Negated): Pullback =>
      (input) =>
        typeof pull === "function"
          ? unbroadcast(call.g, pull(call), input.shape)
          : call.neg(unbroadcast(call.g, pull.negated(call), input.shape));
    return { a: back(toA), b: back(toB) };
  });
}

/** The rule of an operator on any number of inputs, all of them there; `rule` gives the pullback to each, by its index. */
export function variadic(
  rule: (pull: Pull & { readonly inputs: readonly Value[] }) => (input: Value, index: number) => Value | undefined,
): VjpRule {
  return ({ inputs, outputs: [y, ...others], cotangents: [dy], ...call }) => {
    if (y === undefined || dy === undefined) return [];
    const all = inputs.map((input, i) => present(call.where, input, i));
    const back = rule({ ...call, ...arithmeticOn(call.g), inputs: all, y, others, dy });
    return all.map((input, i) => (call.wants(i) ? back(input, i) : undefined));
  };
}

/** Input `index`, which must be there: a BadInputError if it is left out. */
export function present(where: string, input: Value | undefined, index: number): Value {
  if (input !== undefined) return input;
  throw new BadInputError({ where, what: `input ${index} is left out`, expected: "a value" });
}
