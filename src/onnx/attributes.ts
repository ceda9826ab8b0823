/** @file Reading a node's attributes with their defaults, and writing them from plain values. */
import { BadInputError, MisuseError } from "../errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import {
  type Attribute,
  type Attributes,
  describeNode,
  type Initializer,
  initializerOf,
  type Node,
  tensorOfInitializer,
} from "./model.ts";

/** Typed access to a node's attributes; an attribute of another kind, or a missing one without fallback, is a BadInputError. */
export interface AttributeReader {
  has(name: string): boolean;
  int(name: string, fallback?: number): number;
  ints(name: string, fallback?: readonly number[]): readonly number[];
  float(name: string, fallback?: number): number;
  floats(name: string, fallback?: readonly number[]): readonly number[];
  string(name: string, fallback?: string): string;
  strings(name: string, fallback?: readonly string[]): readonly string[];
  tensor(name: string, fallback?: Tensor): Tensor;
}

/** A reader of `node`'s attributes. */
export function attributesOf(node: Node): AttributeReader {
  function read<T>(kinds: readonly Attribute["kind"][], name: string, fallback: T | undefined): T {
    const attribute = node.attributes[name];
    if (attribute === undefined) {
      if (fallback !== undefined) return fallback;
      throw new BadInputError({ where: describeNode(node), what: `attribute ${name} is missing`, expected: kinds[0] });
    }
    if (kinds.includes(attribute.kind)) return attribute.value as T;
    throw new BadInputError({
      where: describeNode(node),
      what: `attribute ${name} has the wrong type`,
      expected: kinds[0],
      got: attribute.kind,
    });
  }
  return {
    has: (name) => name in node.attributes,
    int: (name, fallback) => read<number>(["int"], name, fallback),
    ints: (name, fallback) => read<readonly number[]>(["ints"], name, fallback),
    float: (name, fallback) => read<number>(["float", "int"], name, fallback),
    floats: (name, fallback) => read<readonly number[]>(["floats", "ints"], name, fallback),
    string: (name, fallback) => read<string>(["string"], name, fallback),
    strings: (name, fallback) => read<readonly string[]>(["strings"], name, fallback),
    tensor: (name, fallback) => {
      if (!(name in node.attributes) && fallback !== undefined) return fallback;
      return tensorOfInitializer(read<Initializer>(["tensor"], name, undefined), describeNode(node));
    },
  };
}

/** A float attribute's value, marked as such: a plain number stands for an int attribute. */
export interface FloatAttribute {
  readonly float: number | readonly number[];
}

/** Marks a number, or a list of them, as a float attribute. */
export function float(value: number | readonly number[]): FloatAttribute {
  return { float: value };
}

/** What attributes may be written from: integers, strings, tensors, lists of these, and {@link float}; undefined is left out. */
export type AttributeValue =
  | number
  | readonly number[]
  | string
  | readonly string[]
  | FloatAttribute
  | Tensor
  | undefined;

/** Attributes from plain values. A plain number that is no integer is an error: mark it with {@link float}. */
export function attributesFrom(values: Readonly<Record<string, AttributeValue>>): Attributes {
  const attributes: Record<string, Attribute> = {};
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined) attributes[name] = attributeFrom(name, value);
  }
  return attributes;
}

function attributeFrom(name: string, value: Exclude<AttributeValue, undefined>): Attribute {
  if (typeof value === "string") return { kind: "string", value };
  if (typeof value === "number") return { kind: "int", value: integer(name, value) };
  if (Array.isArray(value)) {
    if (value.length > 0 && typeof value[0] === "string") return { kind: "strings", value };
    return { kind: "ints", value: value.map((item) => integer(name, item as number)) };
  }
  if ("float" in value) {
    return typeof value.float === "number"
      ? { kind: "float", value: value.float }
      : { kind: "floats", value: value.float };
  }
  return { kind: "tensor", value: initializerOf(value as Tensor) };
}

function integer(name: string, value: number): number {
  if (Number.isInteger(value)) return value;
  throw new MisuseError({
    where: "attributesFrom",
    what: `attribute ${name} is not an integer`,
    got: String(value),
    advice: "Wrap the value in float().",
  });
}
