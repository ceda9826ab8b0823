/** @file Arithmetic on values of a graph, so that rules read like their formulas. */
import type { GraphBuilder, Value } from "../onnx/builder.ts";

/** A value, or a number that stands for a scalar of the other operand's element type. */
export type Operand = Value | number;

type Binary = {
  (a: Value, b: Operand): Value;
  (a: Operand, b: Value): Value;
};
type Unary = (x: Value) => Value;

/** Each function appends one node (and its constants) and returns what it computes. */
export interface Arithmetic {
  readonly add: Binary;
  readonly sub: Binary;
  readonly mul: Binary;
  readonly div: Binary;
  readonly pow: Binary;
  readonly equal: Binary;
  readonly greater: Binary;
  readonly less: Binary;
  /** `a` where `condition` holds, and `b` elsewhere. */
  select(condition: Value, a: Value, b: Operand): Value;
  select(condition: Value, a: Operand, b: Value): Value;
  /** 1 where `condition` holds, and 0 elsewhere, of `like`'s element type. */
  indicator(condition: Value, like: Value): Value;
  readonly neg: Unary;
  readonly abs: Unary;
  readonly sign: Unary;
  readonly exp: Unary;
  readonly log: Unary;
  readonly sqrt: Unary;
  readonly square: Unary;
  readonly sigmoid: Unary;
  readonly tanh: Unary;
  /** x · factor; x itself where that is 1. */
  scaled(x: Value, factor: number): Value;
  /** A scalar of `like`'s element type. */
  scalar(value: number, like: Value): Value;
  /** The sum of all elements along `axes`, which keep an extent of 1; x itself where there are none. */
  sumOver(x: Value, axes: readonly number[]): Value;
}

/** Arithmetic that appends its nodes to `g`. */
export function arithmeticOn(g: GraphBuilder): Arithmetic {
  const unary =
    (opType: string): Unary =>
    (x) =>
      g.op(opType, [x]);
  const binary =
    (opType: string): Binary =>
    (a: Operand, b: Operand) =>
      g.op(opType, operands(g, a, b));
  const mul = binary("Mul");
  return {
    add: binary("Add"),
    sub: binary("Sub"),
    mul,
    div: binary("Div"),
    pow: binary("Pow"),
    equal: binary("Equal"),
    greater: binary("Greater"),
    less: binary("Less"),
    select: (condition: Value, a: Operand, b: Operand) => g.op("Where", [condition, ...operands(g, a, b)]),
    indicator: (condition, like) => g.op("Where", [condition, g.scalar(1, like.dtype), g.scalar(0, like.dtype)]),
    neg: unary("Neg"),
    abs: unary("Abs"),
    sign: unary("Sign"),
    exp: unary("Exp"),
    log: unary("Log"),
    sqrt: unary("Sqrt"),
    square: (x) => mul(x, x),
    sigmoid: unary("Sigmoid"),
    tanh: unary("Tanh"),
    scaled: (x, factor) => (factor === 1 ? x : mul(x, factor)),
    scalar: (value, like) => g.scalar(value, like.dtype),
    sumOver: (x, axes) => (axes.length === 0 ? x : g.op("ReduceSum", [x, g.ints(axes)], { keepdims: 1 })),
  };
}

/** Both as values; a number takes the element type of the other, or float32 if that is a number too. */
function operands(g: GraphBuilder, a: Operand, b: Operand): [Value, Value] {
  const asValue = (operand: Operand, other: Operand): Value =>
    typeof operand === "number" ? g.scalar(operand, typeof other === "number" ? undefined : other.dtype) : operand;
  return [asValue(a, b), asValue(b, a)];
}
