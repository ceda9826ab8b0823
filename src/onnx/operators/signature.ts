/** @file What an operator takes, written as the ONNX standard's schemas say it: its inputs with their element types, and its attributes. */
import type { DataType } from "../../tensor/tensor.ts";
import type { Attribute } from "../model.ts";

/** What an input may hold. */
export interface InputForm {
  /** Whether it may be left out. */
  readonly isOptional: boolean;
  /** What messages call the element types that it may have. */
  readonly types: string;
  accepts(dtype: DataType): boolean;
  /** Whether all inputs that are marked so have one element type. */
  readonly isUniform: boolean;
}

export interface Signature {
  /** In order; where the operator takes any number of inputs, one that stands for all. */
  readonly inputs: readonly InputForm[];
  readonly isVariadic: boolean;
  /** By name the kind of each attribute, or the words that it may be. */
  readonly attributes: ReadonlyMap<string, Attribute["kind"] | readonly string[]>;
}

const isFloat = (dtype: DataType): boolean => dtype.includes("float");
const isNumber = (dtype: DataType): boolean => dtype !== "bool" && dtype !== "string";

/** The letters for inputs: capitals where an input's type is its own, small ones where inputs share theirs. */
const forms: Readonly<Record<string, Omit<InputForm, "isOptional">>> = {
  a: { types: "any type", accepts: () => true, isUniform: true },
  "*": { types: "any type", accepts: () => true, isUniform: false },
  n: { types: "numbers", accepts: isNumber, isUniform: true },
  N: { types: "numbers", accepts: isNumber, isUniform: false },
  f: { types: "floating-point numbers", accepts: isFloat, isUniform: true },
  F: { types: "floating-point numbers", accepts: isFloat, isUniform: false },
  b: { types: "bool", accepts: (dtype) => dtype === "bool", isUniform: false },
  i: { types: "int32 or int64", accepts: (dtype) => dtype === "int32" || dtype === "int64", isUniform: false },
  l: { types: "int64", accepts: (dtype) => dtype === "int64", isUniform: false },
};

const kinds = ["float", "int", "string", "floats", "ints", "strings", "tensor", "opaque"] as const;

/**
 * "f f f?" for inputs (`?`: may be left out, `+`: any number, at least one), "axis:int mode:nearest,linear" for attributes. Throws an
 * Error for a letter or a kind that does not exist.
 */
export function signatureOf(inputs: string, attributes: string): Signature {
  return {
    inputs: words(inputs).map((word) => {
      const form = forms[word.replace(/[?+]$/, "")];
      if (form === undefined) throw new Error(`signature "${inputs}": unknown input ${JSON.stringify(word)}`);
      return { ...form, isOptional: word.endsWith("?") };
    }),
    isVariadic: inputs.endsWith("+"),
    attributes: new Map(
      words(attributes).map((word): [string, Attribute["kind"] | readonly string[]] => {
        const [name, kind = ""] = word.split(":");
        if (kind.includes(",")) return [name, kind.split(",")];
        const known = kinds.find((one) => one === kind);
        if (known === undefined) throw new Error(`signature "${attributes}": unknown kind ${JSON.stringify(word)}`);
        return [name, known];
      }),
    ),
  };
}

function words(text: string): string[] {
  return text === "" ? [] : text.split(" ");
}

/** Any inputs: what is left out is undefined, or not there if nothing follows it. */
export type AnyInputs<T> = readonly (T | undefined)[];

/** A first input, and others. */
export type FirstInput<T> = readonly [T, ...(T | undefined)[]];

/** The inputs of an operator as a tuple, from its signature: those for "f f f?" are [T, T, T?], those for "a+" [T, ...T[]]. */
export type InputsOf<Form extends string, T> = Form extends ""
  ? readonly []
  : Form extends `${infer First} ${infer Rest}`
    ? readonly [...InputOf<First, T>, ...InputsOf<Rest, T>]
    : InputOf<Form, T>;

type InputOf<Word extends string, T> = Word extends `${string}?`
  ? readonly [T?]
  : Word extends `${string}+`
    ? readonly [T, ...T[]]
    : readonly [T];
