/** @file The logarithm of a value that is made of probabilities, read from the operators that made it. */
import { attributesOf } from "../../../../onnx/attributes.ts";
import type { Node } from "../../../../onnx/model.ts";
import { intTensor } from "../../../../tensor/tensor.ts";
import { allRead, passedThrough, unlimited } from "./read-through.ts";
import type { Reader } from "./reader.ts";
import {
  type LogReading,
  logSigmoid,
  logSoftmax,
  normalized,
  plainLogarithm,
  sharpened,
  shifted,
  sideBySide,
  smoothed,
  summed,
} from "./readings.ts";
import { exponentOf, logSumExpOf, small, sumOf, withoutMaximum } from "./written-out.ts";

/** The logarithm of `name`; undefined where the graph cannot be read. */
export function readLogarithm(reader: Reader, name: string): LogReading | undefined {
  const { origins, logarithm, odds, logSoftmaxOf } = reader;
  const { numberOf, rankOf } = origins;
  const node = origins.producerOf(name);
  if (node === undefined || !origins.isFloat(name)) return undefined;
  const [first, second] = node.inputs;
  switch (node.opType) {
    case "Softmax":
      return logSoftmax(first, attributesOf(node).int("axis", -1), "a Softmax");
    case "Exp": {
      const scores = logSoftmaxOf(first);
      return { append: () => first, scores, what: scores === undefined ? "an exponential" : "exp of a log-softmax" };
    }
    case "Sigmoid":
      return logSigmoid(() => first);
    case "Sub": {
      // 1 − σ(z) = σ(−z).
      const of = numberOf(first) === 1 ? odds(second) : undefined;
      return of && logSigmoid(of.append, true);
    }
    case "Div":
      return readQuotient(reader, name, node);
    case "Mul":
      return readProduct(reader, node);
    case "Add":
      return readSum(reader, node, rankOf(name));
    case "Sum":
    case "Mean":
      return mixture(reader, node.inputs, rankOf(name));
    case "ReduceMean":
    case "ReduceSum": {
      const of = logarithm(first);
      const axes = origins.axesOf(node);
      if (of === undefined || axes === undefined) return undefined;
      const keepdims = attributesOf(node).int("keepdims", 1);
      return {
        append: (to) => to.op("ReduceLogSumExp", [of.append(to), to.constant(intTensor([...axes]))], { keepdims }),
        scores: undefined,
        what: "a mean of probabilities",
      };
    }
    case "Clip":
    case "Max":
    case "Min":
      return unlimited(origins, node, logarithm);
    case "Pow":
    case "Sqrt": {
      const power = node.opType === "Sqrt" ? 0.5 : numberOf(second);
      const of = logarithm(first);
      return of === undefined || power === undefined || power <= 0 ? undefined : sharpened(of, power);
    }
    case "LpNormalization": {
      const axis = attributesOf(node).int("axis", -1);
      return attributesOf(node).int("p", 2) === 1 ? shares(reader, first, axis) : undefined;
    }
    case "Concat": {
      const parts = allRead(node.inputs, logarithm);
      const isPair = parts?.length === 2 && parts.every(({ what }) => what === "sigmoids");
      return parts && sideBySide(node, parts, isPair ? "a pair of sigmoids" : "probabilities side by side");
    }
    default:
      return passedThrough(origins, name, node, logarithm);
  }
}

/** u where `name` is log softmax of u; undefined where it is not. */
export function readLogSoftmax({ origins, logarithm }: Reader, name: string): string | undefined {
  const { producerOf, bare } = origins;
  const node = producerOf(name);
  if (node?.opType === "LogSoftmax") return node.inputs[0];
  if (node?.opType === "Log") return logarithm(node.inputs[0])?.scores;
  if (node?.opType !== "Sub") return undefined;
  const [scores, normalizer] = node.inputs;
  const all = logSumExpOf(origins, normalizer);
  return all !== undefined && bare(all) === bare(scores) ? withoutMaximum(origins, scores) : undefined;
}

function readQuotient(reader: Reader, name: string, { inputs }: Node): LogReading | undefined {
  const { origins, odds } = reader;
  const { bare, numberOf } = origins;
  const [first, second] = inputs;
  const sum = sumOf(origins, second);
  if (sum !== undefined && bare(sum.of) === bare(first)) return shares(reader, first, sum.axis);
  const own = numberOf(first) === 1 ? odds(name) : undefined;
  if (own !== undefined) return logSigmoid(own.append);
  return origins.isConstant(second) ? scaled(reader, first, second, true) : undefined;
}

function readProduct(reader: Reader, node: Node): LogReading | undefined {
  const { origins, logarithm } = reader;
  const { bare, made, numberOf } = origins;
  const [first, second] = node.inputs;
  const parts = origins.withConstant(node);
  if (parts !== undefined) return scaled(reader, parts.other, parts.constant, false);
  for (const [value, factor] of [[first, second] as const, [second, first] as const]) {
    const inverse = made(factor, "Reciprocal", "Pow");
    const isInverse = inverse?.opType === "Reciprocal" || (inverse && numberOf(inverse.inputs[1]) === -1);
    const sum = inverse && isInverse ? sumOf(origins, inverse.inputs[0]) : undefined;
    if (sum !== undefined && bare(sum.of) === bare(value)) return shares(reader, value, sum.axis);
  }
  const [a, b] = [logarithm(first), logarithm(second)];
  if (a === undefined || b === undefined) return undefined;
  return {
    append: (to) => to.op("Add", [a.append(to), b.append(to)]),
    scores: undefined,
    what: "a product of probabilities",
  };
}

function readSum(reader: Reader, node: Node, rank: number): LogReading | undefined {
  const { origins, logarithm } = reader;
  const parts = origins.withConstant(node);
  if (parts === undefined) return mixture(reader, node.inputs, rank);
  const shift = origins.numberOf(parts.constant);
  const of = logarithm(parts.other);
  if (of === undefined || shift === undefined || shift < 0) return undefined;
  // A small constant against log 0 is no part of the probability.
  return shift <= small ? of : smoothed(of, shift);
}

/** e / Σ e. */
function shares({ origins, logarithm }: Reader, value: string, axis: number): LogReading {
  const exponent = exponentOf(origins, value);
  if (exponent !== undefined) return logSoftmax(withoutMaximum(origins, exponent), axis, "a softmax written out");
  return normalized(logarithm(value) ?? plainLogarithm(value), axis, "shares of a sum");
}

/** The logarithm of a value times a constant, or divided by it. */
function scaled(
  { origins, logarithm }: Reader,
  value: string,
  factor: string,
  isDivided: boolean,
): LogReading | undefined {
  const of = logarithm(value);
  const values = Array.from(origins.numbersOf(factor) ?? []);
  if (of === undefined || values.length === 0 || !values.every((each) => each > 0)) return undefined;
  const one = origins.numberOf(factor);
  const percent = one === undefined ? undefined : isDivided ? 1 / one : one;
  const what = percent !== undefined && Math.abs(percent - 100) < 1e-6 ? `${of.what}, in per cent` : of.what;
  const logs = (one === undefined ? values : [one]).map((each) => (isDivided ? -Math.log(each) : Math.log(each)));
  const shape = one === undefined ? origins.shapeOf(factor) : [];
  // A common factor says nothing about classes; one for each class does.
  return { ...shifted(of, logs, shape), scores: one === undefined ? undefined : of.scores, what };
}

function mixture({ logarithm }: Reader, names: readonly string[], rank: number): LogReading | undefined {
  const terms = allRead(names, logarithm) ?? [];
  return terms.length > 0 ? summed(terms, rank, "a mean of probabilities") : undefined;
}
