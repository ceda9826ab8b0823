/** @file How the values of a graph were made, for those who read it backwards. */
import { attributesOf } from "../../../../onnx/attributes.ts";
import type { TypedGraph } from "../../../../onnx/infer-shapes.ts";
import { type Node, producersOf } from "../../../../onnx/model.ts";
import { hasTrait } from "../../../../onnx/operators/table.ts";

export interface Origins {
  /** The node that makes `name`; undefined for inputs and constants. */
  readonly producerOf: (name: string) => Node | undefined;
  readonly rankOf: (name: string) => number;
  readonly isFloat: (name: string) => boolean;
  readonly isConstant: (name: string) => boolean;
  /** The elements of a constant; undefined if it is none. */
  readonly numbersOf: (name: string | undefined) => ArrayLike<number> | undefined;
  /** The one number that a constant is made of. */
  readonly numberOf: (name: string | undefined) => number | undefined;
  /** The shape of a constant. */
  readonly shapeOf: (name: string) => readonly number[];
  /** The constant and the other operand of a node with two. */
  readonly withConstant: (node: Node) => { readonly constant: string; readonly other: string } | undefined;
  /** The axes that a node reduces; undefined where they are not known. */
  readonly axesOf: (node: Node) => readonly number[] | undefined;
  /** The value behind what only changes its shape, or repeats it. */
  readonly bare: (name: string) => string;
  /** The node that makes `name`, if it is of one of these operators, behind what only changes its shape. */
  readonly made: (name: string, ...operators: readonly string[]) => Node | undefined;
}

/** The origins of the values of `typed`. */
export function originsOf({ graph, types, constants }: TypedGraph): Origins {
  const producers = producersOf(graph);
  const rankOf = (name: string): number => types.get(name)?.shape.length ?? 0;
  const isConstant = (name: string): boolean => constants.has(name);
  const producerOf = (name: string): Node | undefined => (isConstant(name) ? undefined : producers.get(name));
  const numbersOf = (name: string | undefined): ArrayLike<number> | undefined =>
    name === undefined ? undefined : constants.get(name)?.data;
  const bare = (name: string): string => {
    const node = producerOf(name);
    const isReshaping = node !== undefined && (hasTrait(node, "view") || node.opType === "Expand");
    return isReshaping ? bare(node.inputs[0]) : name;
  };
  return {
    producerOf,
    rankOf,
    isFloat: (name) => types.get(name)?.dtype === "float32",
    isConstant,
    numbersOf,
    numberOf(name) {
      const values = Array.from(numbersOf(name) ?? []);
      return values.every((value) => value === values[0]) ? values[0] : undefined;
    },
    shapeOf: (name) => constants.get(name)?.shape ?? [],
    withConstant({ inputs }) {
      const [a, b] = inputs;
      if (inputs.length !== 2) return undefined;
      if (isConstant(b) && !isConstant(a)) return { constant: b, other: a };
      return isConstant(a) && !isConstant(b) ? { constant: a, other: b } : undefined;
    },
    axesOf(node) {
      const rank = rankOf(node.inputs[0]);
      const given = node.inputs[1] ? numbersOf(node.inputs[1]) : undefined;
      if (node.inputs[1] && given === undefined) return undefined;
      const axes = Array.from(given ?? []);
      if (axes.length === 0 && attributesOf(node).int("noop_with_empty_axes", 0) !== 0) return undefined;
      return axes.length === 0 ? Array.from({ length: rank }, (_, i) => i) : axes.map((axis) => (axis + rank) % rank);
    },
    bare,
    made(name, ...operators) {
      const node = producerOf(bare(name));
      return node !== undefined && operators.includes(node.opType) ? node : undefined;
    },
  };
}
