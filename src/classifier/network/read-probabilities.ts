/**
 * @file Probabilities as exporters and people write them, read back to the scores that they are made of.
 *
 * A softmax of probabilities flattens every gradient, and a logarithm of what float32 has rounded to 0 or 1 loses it. So the way back is
 * taken through the graph: each value that is made of probabilities has its logarithm computed anew from what entered, such as
 * log softmax for a softmax in whatever operators it was written. Where the graph cannot be read, the logarithm itself is taken.
 */

import type { NodeAppender } from "../../onnx/append-nodes.ts";
import { attributesOf } from "../../onnx/attributes.ts";
import type { TypedGraph } from "../../onnx/infer-shapes.ts";
import { type Node, producersOf } from "../../onnx/model.ts";
import { hasTrait } from "../../onnx/operators/table.ts";
import { floatTensor, intTensor } from "../../tensor/tensor.ts";

/** How the logarithm of a value is computed. */
export interface LogReading {
  /** Appends it, and gives its name. */
  readonly append: (to: NodeAppender) => string;
  /** The value whose softmax the value is, but for a constant factor and limits; undefined for mixtures and the like. */
  readonly scores: string | undefined;
  /** What was recognized, a phrase such as "a softmax written out". */
  readonly what: string;
  /** Whether only the values say that they are probabilities, and no operator. */
  readonly isGuess?: true;
}

/** How z of a value σ(z) is computed, but for a constant factor and limits. */
export interface OddsReading {
  readonly append: (to: NodeAppender) => string;
  /** The value z itself, where the value is nothing but its sigmoid. */
  readonly scores: string | undefined;
  readonly what: string;
  /** Whether only the values say that they are probabilities, and no operator. */
  readonly isGuess?: true;
}

/** The smallest positive number that float32 holds in full precision. */
const smallest = 1.2e-38;
/** As near as float32 comes to 1 from below, roughly. */
const nearOne = 1e-7;

/** Reads values of one graph. */
export interface ProbabilityReader {
  /** The logarithm of `name`, a value that is not negative; undefined where the graph cannot be read. */
  readonly logarithm: (name: string) => LogReading | undefined;
  /** The log odds of `name`, a value from 0 to 1 or to 100; undefined where the graph cannot be read. */
  readonly odds: (name: string) => OddsReading | undefined;
  /** The value u such that `name` is log softmax of u; undefined where it is not. */
  readonly logSoftmaxOf: (name: string) => string | undefined;
}

/** The logarithm of a value about which nothing else is known; its derivative is 0 where the value is 0. */
export function plainLogarithm(name: string): LogReading {
  return {
    append: (to) => to.op("Log", [to.op("Max", [name, to.constant(floatTensor([smallest], []))])]),
    scores: undefined,
    what: "probabilities made in a way that is not read",
    isGuess: true,
  };
}

/** The log odds of a value from 0 to `most` about which nothing else is known. */
export function plainOdds(name: string, most = 1): OddsReading {
  return {
    append(to) {
      const scalar = (value: number): string => to.constant(floatTensor([value], []));
      const share = most === 1 ? name : to.op("Div", [name, scalar(most)]);
      const log = (value: string): string => to.op("Log", [to.op("Max", [value, scalar(nearOne)])]);
      return to.op("Sub", [log(share), log(to.op("Sub", [scalar(1), share]))]);
    },
    scores: undefined,
    what: "numbers from 0 to 1 made in a way that is not read",
    isGuess: true,
  };
}

/** log σ(z) = −log(1 + exp(−z)) of what `append` gives. */
function logSigmoid(append: (to: NodeAppender) => string): LogReading {
  return {
    append: (to) => to.op("Neg", [to.op("Softplus", [to.op("Neg", [append(to)])])]),
    scores: undefined,
    what: "sigmoids",
  };
}

/** A reader of the values of `typed`. */
export function probabilityReader(typed: TypedGraph): ProbabilityReader {
  const { graph, types, constants } = typed;
  const producers = producersOf(graph);
  const rankOf = (name: string): number => types.get(name)?.shape.length ?? 0;
  const isConstant = (name: string): boolean => constants.has(name);
  const producerOf = (name: string): Node | undefined => (isConstant(name) ? undefined : producers.get(name));

  /** The elements of a constant; undefined if it is none. */
  const numbersOf = (name: string | undefined): ArrayLike<number> | undefined =>
    name === undefined ? undefined : constants.get(name)?.data;
  /** The one number that a constant is made of. */
  const numberOf = (name: string | undefined): number | undefined => {
    const values = numbersOf(name);
    if (values === undefined || values.length === 0) return undefined;
    const [first] = Array.from(values);
    return Array.from(values).every((value) => value === first) ? first : undefined;
  };
  /** The constant and the other operand of a node with two. */
  const withConstant = (node: Node): { readonly constant: string; readonly other: string } | undefined => {
    const [a, b] = node.inputs;
    if (node.inputs.length !== 2) return undefined;
    if (isConstant(b) && !isConstant(a)) return { constant: b, other: a };
    return isConstant(a) && !isConstant(b) ? { constant: a, other: b } : undefined;
  };
  const axesOf = (node: Node): readonly number[] | undefined => {
    const rank = rankOf(node.inputs[0]);
    const given = node.inputs[1] ? numbersOf(node.inputs[1]) : undefined;
    if (node.inputs[1] && given === undefined) return undefined;
    const axes = Array.from(given ?? []);
    if (axes.length === 0 && attributesOf(node).int("noop_with_empty_axes", 0) !== 0) return undefined;
    return axes.length === 0 ? Array.from({ length: rank }, (_, i) => i) : axes.map((axis) => (axis + rank) % rank);
  };
  /** The value behind what only changes its shape, or repeats it. */
  const bare = (name: string): string => {
    const node = producerOf(name);
    const isReshaping = node !== undefined && (hasTrait(node, "view") || node.opType === "Expand");
    return isReshaping ? bare(node.inputs[0]) : name;
  };
  /** The node that makes `name`, if it is of this operator, behind what only changes its shape. */
  const made = (name: string, ...operators: readonly string[]): Node | undefined => {
    const node = producerOf(bare(name));
    return node !== undefined && operators.includes(node.opType) ? node : undefined;
  };

  /** The value whose sum over some axes `name` is, with limits from below and small constants ignored. */
  const sumOf = (name: string): { readonly of: string; readonly axis: number } | undefined => {
    const node = made(name, "ReduceSum", "Add", "Max", "Clip", "ReduceL1");
    if (node === undefined) return undefined;
    if (node.opType === "ReduceSum" || node.opType === "ReduceL1") {
      const axes = axesOf(node);
      return axes?.length === 1 ? { of: node.inputs[0], axis: axes[0] } : undefined;
    }
    if (node.opType === "Clip") return sumOf(node.inputs[0]);
    const parts = withConstant(node);
    const shift = parts && numberOf(parts.constant);
    return parts !== undefined && shift !== undefined && Math.abs(shift) <= 1e-3 ? sumOf(parts.other) : undefined;
  };

  /** `name` without the largest of its elements that was taken away for safety. */
  const withoutMaximum = (name: string): string => {
    const node = producerOf(name);
    if (node?.opType !== "Sub") return name;
    const [whole, largest] = node.inputs;
    const maximum = made(largest, "ReduceMax");
    const isOwn = maximum !== undefined && bare(maximum.inputs[0]) === bare(whole);
    return isOwn || numberOf(largest) !== undefined ? whole : name;
  };

  /** u and the axis of Exp(u), or of a power of e. */
  const exponentOf = (name: string): string | undefined => {
    const node = producerOf(name);
    if (node?.opType === "Exp") return node.inputs[0];
    const base = node?.opType === "Pow" ? numberOf(node.inputs[0]) : undefined;
    return base !== undefined && Math.abs(base - Math.E) < 1e-6 ? node?.inputs[1] : undefined;
  };

  /** The value whose logarithm of the sum of exponentials `name` is. */
  const logSumExpOf = (name: string): string | undefined => {
    const whole = made(name, "ReduceLogSumExp");
    if (whole !== undefined) return whole.inputs[0];
    const shifted = producerOf(bare(name));
    // max + log Σ exp(u − max).
    if (shifted?.opType === "Add") {
      const [a, b] = shifted.inputs;
      for (const [largest, rest] of [[a, b] as const, [b, a] as const]) {
        const maximum = made(largest, "ReduceMax");
        const inner = maximum && logSumExpOf(rest);
        if (inner !== undefined && bare(withoutMaximum(inner)) === bare(maximum?.inputs[0] ?? "")) {
          return maximum?.inputs[0];
        }
      }
    }
    const log = made(name, "Log", "ReduceLogSum");
    if (log === undefined) return undefined;
    const sum = log.opType === "Log" ? sumOf(log.inputs[0])?.of : log.inputs[0];
    return sum === undefined ? undefined : exponentOf(bare(sum));
  };

  const logSoftmaxOf = (name: string): string | undefined => {
    const node = producerOf(name);
    if (node?.opType === "LogSoftmax") return node.inputs[0];
    if (node?.opType === "Log") {
      const inner = logarithm(node.inputs[0]);
      return inner?.scores;
    }
    if (node?.opType !== "Sub") return undefined;
    const [scores, normalizer] = node.inputs;
    const summed = logSumExpOf(normalizer);
    return summed !== undefined && bare(summed) === bare(scores) ? withoutMaximum(scores) : undefined;
  };

  const logSoftmax = (to: NodeAppender, name: string, axis: number): string => to.op("LogSoftmax", [name], { axis });

  /** log softmax of what `of` gives, along `axis`. */
  const normalized = (of: LogReading, axis: number, what = of.what): LogReading => ({
    append: (to) => (of.scores === undefined ? logSoftmax(to, of.append(to), axis) : of.append(to)),
    scores: of.scores,
    what,
  });

  /** e / Σ e. */
  const normalizedValue = (value: string, axis: number): LogReading => {
    const exponent = exponentOf(value);
    if (exponent !== undefined) {
      const scores = withoutMaximum(exponent);
      return { append: (to) => logSoftmax(to, scores, axis), scores, what: "a softmax written out" };
    }
    return normalized(logarithm(value) ?? plainLogarithm(value), axis, "shares of a sum");
  };

  const scaled = (of: LogReading | undefined, factor: string, isDivided: boolean): LogReading | undefined => {
    const values = numbersOf(factor);
    if (of === undefined || values === undefined || !Array.from(values).every((value) => value > 0)) return undefined;
    const one = numberOf(factor);
    const percent = one === undefined ? undefined : isDivided ? 1 / one : one;
    const what = percent !== undefined && Math.abs(percent - 100) < 1e-6 ? `${of.what}, in per cent` : of.what;
    // A common factor says nothing about classes; one for each class does.
    if (one !== undefined) {
      return {
        ...of,
        append: (to) => shiftedBy(to, of.append(to), [isDivided ? -Math.log(one) : Math.log(one)], []),
        what,
      };
    }
    const logs = Array.from(values, (value) => (isDivided ? -Math.log(value) : Math.log(value)));
    const shape = constants.get(factor)?.shape ?? [];
    return { append: (to) => shiftedBy(to, of.append(to), logs, shape), scores: undefined, what };
  };
  const shiftedBy = (to: NodeAppender, name: string, by: readonly number[], shape: readonly number[]): string =>
    by.every((value) => value === 0) ? name : to.op("Add", [name, to.constant(floatTensor(by, shape))]);

  /** log(exp a + exp b + …). */
  const summed = (terms: readonly LogReading[], rank: number, what: string): LogReading => ({
    append(to) {
      const stacked = terms.map((term) => to.op("Unsqueeze", [term.append(to), to.constant(intTensor([rank]))]));
      const together = to.op("Concat", stacked, { axis: rank });
      return to.op("ReduceLogSumExp", [together, to.constant(intTensor([rank]))], { keepdims: 0 });
    },
    scores: undefined,
    what,
  });

  /** What of a value is read, a logarithm or odds: both pass the same way through operators that do no arithmetic. */
  type Read = (name: string) => LogReading | OddsReading | undefined;

  /** The readings of all the values; undefined if one cannot be read. */
  const allRead = (names: readonly string[], read: Read): readonly (LogReading | OddsReading)[] | undefined => {
    const parts = names.map(read).filter((part) => part !== undefined);
    return parts.length === names.length ? parts : undefined;
  };
  /** What goes into a node that keeps it within constant limits. */
  const unlimited = (node: Node, read: Read): LogReading | OddsReading | undefined => {
    const limited = node.inputs.filter((input) => input !== "" && !isConstant(input));
    return limited.length === 1 ? read(limited[0]) : undefined;
  };
  const sideBySide = (node: Node, parts: readonly (LogReading | OddsReading)[], what: string): LogReading => ({
    append: (to) =>
      to.again(
        node,
        parts.map((part) => part.append(to)),
      ),
    scores: undefined,
    what,
  });
  /** What a node rounds, whose gradients pass straight through it: a quantity in steps is read as what it was before. */
  const unrounded = (node: Node): string | undefined => {
    switch (node.opType) {
      case "Round":
      case "Floor":
      case "Ceil":
        return node.inputs[0];
      case "DequantizeLinear": {
        const quantized = producerOf(node.inputs[0]);
        const isSame = quantized?.opType === "QuantizeLinear" && quantized.inputs[1] === node.inputs[1];
        return isSame ? quantized.inputs[0] : undefined;
      }
      default:
        return undefined;
    }
  };
  /** A reading of what was rounded, said. */
  const rounded = <R extends LogReading | OddsReading>(node: Node, read: (name: string) => R | undefined) => {
    const before = unrounded(node);
    const of = before === undefined ? undefined : read(before);
    return of && { ...of, what: `${of.what}, rounded` };
  };
  /** What a node does that only moves elements; undefined for any other. */
  const rearranged = (name: string, node: Node, read: Read): LogReading | OddsReading | undefined => {
    if (!hasTrait(node, "view") && !hasTrait(node, "moves")) return undefined;
    const [first, ...rest] = node.inputs;
    const of = read(first);
    if (of === undefined || !rest.every((input) => input === "" || isConstant(input))) return undefined;
    return {
      append: (to) => to.again(node, [of.append(to), ...rest], node.outputs.indexOf(name)),
      scores: hasTrait(node, "view") ? of.scores : undefined,
      what: of.what,
    };
  };

  const known = new Map<string, LogReading | undefined>();
  const logarithm = (name: string): LogReading | undefined => {
    if (!known.has(name)) {
      known.set(name, undefined);
      known.set(name, logarithmAnew(name));
    }
    return known.get(name);
  };

  const logarithmAnew = (name: string): LogReading | undefined => {
    const node = producerOf(name);
    if (node === undefined || types.get(name)?.dtype !== "float32") return undefined;
    const [first, second] = node.inputs;
    const rank = rankOf(name);
    switch (node.opType) {
      case "Softmax": {
        const axis = attributesOf(node).int("axis", -1);
        return { append: (to) => logSoftmax(to, first, axis), scores: first, what: "a Softmax" };
      }
      case "Exp": {
        const scores = logSoftmaxOf(first);
        return { append: () => first, scores, what: scores === undefined ? "an exponential" : "exp of a log-softmax" };
      }
      case "Sigmoid":
        return logSigmoid(() => first);
      case "Sub": {
        // 1 − σ(z) = σ(−z).
        const odds = numberOf(first) === 1 ? oddsOf(second) : undefined;
        return (
          odds && {
            append: (to) => to.op("Neg", [to.op("Softplus", [odds.append(to)])]),
            scores: undefined,
            what: "sigmoids",
          }
        );
      }
      case "Div": {
        const sum = sumOf(second);
        if (sum !== undefined && bare(sum.of) === bare(first)) return normalizedValue(first, sum.axis);
        const own = numberOf(first) === 1 ? oddsOf(name) : undefined;
        if (own !== undefined) return logSigmoid(own.append);
        return isConstant(second) ? scaled(logarithm(first), second, true) : undefined;
      }
      case "Mul": {
        const parts = withConstant(node);
        if (parts !== undefined) return scaled(logarithm(parts.other), parts.constant, false);
        for (const [value, factor] of [[first, second] as const, [second, first] as const]) {
          const inverse = made(factor, "Reciprocal") ?? made(factor, "Pow");
          const isInverse =
            inverse !== undefined && (inverse.opType === "Reciprocal" || numberOf(inverse.inputs[1]) === -1);
          const sum = isInverse ? sumOf(inverse.inputs[0]) : undefined;
          if (sum !== undefined && bare(sum.of) === bare(value)) return normalizedValue(value, sum.axis);
        }
        const [a, b] = [logarithm(first), logarithm(second)];
        if (a === undefined || b === undefined) return undefined;
        return {
          append: (to) => to.op("Add", [a.append(to), b.append(to)]),
          scores: undefined,
          what: "a product of probabilities",
        };
      }
      case "Add": {
        const parts = withConstant(node);
        const shift = parts && numberOf(parts.constant);
        const smoothed = parts && logarithm(parts.other);
        if (parts !== undefined) {
          if (smoothed === undefined || shift === undefined || shift < 0) return undefined;
          // A small constant against log 0 is no part of the probability.
          if (shift <= 1e-3) return smoothed;
          const least = Math.log(shift);
          return {
            append(to) {
              const log = smoothed.append(to);
              // log(exp(l) + c) = l + log(1 + exp(log c − l)).
              const below = to.op("Sub", [to.constant(floatTensor([least], [])), log]);
              return to.op("Add", [log, to.op("Softplus", [below])]);
            },
            scores: undefined,
            what: `${smoothed.what}, smoothed`,
          };
        }
        return mixture(node.inputs, rank);
      }
      case "Sum":
      case "Mean":
        return mixture(node.inputs, rank);
      case "ReduceMean":
      case "ReduceSum": {
        const of = logarithm(first);
        const axes = axesOf(node);
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
        return unlimited(node, logarithm);
      case "Pow":
      case "Sqrt": {
        const power = node.opType === "Sqrt" ? 0.5 : numberOf(second);
        const of = logarithm(first);
        if (of === undefined || power === undefined || power <= 0) return undefined;
        return {
          append: (to) => to.op("Mul", [of.append(to), to.constant(floatTensor([power], []))]),
          scores: undefined,
          what: `${of.what}, sharpened`,
        };
      }
      case "LpNormalization": {
        const axis = attributesOf(node).int("axis", -1);
        return attributesOf(node).int("p", 2) === 1 ? normalizedValue(first, axis) : undefined;
      }
      case "Concat": {
        const parts = allRead(node.inputs, logarithm);
        const isPair = parts?.length === 2 && parts.every(({ what }) => what === "sigmoids");
        return parts && sideBySide(node, parts, isPair ? "a pair of sigmoids" : "probabilities side by side");
      }
      default:
        return rearranged(name, node, logarithm) ?? rounded(node, logarithm);
    }
  };

  const mixture = (names: readonly string[], rank: number): LogReading | undefined => {
    const terms = allRead(names, logarithm) ?? [];
    return terms.length > 0 ? summed(terms, rank, "a mean of probabilities") : undefined;
  };

  const oddsOf = (name: string): OddsReading | undefined => {
    const node = producerOf(name);
    if (node === undefined || types.get(name)?.dtype !== "float32") return undefined;
    const [first, second] = node.inputs;
    switch (node.opType) {
      case "Sigmoid":
        return { append: () => first, scores: first, what: "a Sigmoid" };
      case "Clip":
      case "Max":
      case "Min":
        return unlimited(node, oddsOf);
      case "Sub": {
        const of = numberOf(first) === 1 ? oddsOf(second) : undefined;
        return of && { append: (to) => to.op("Neg", [of.append(to)]), scores: undefined, what: of.what };
      }
      case "Reciprocal":
        return logisticOf(first);
      case "Div": {
        if (numberOf(first) === 1) return logisticOf(second);
        const exponent = exponentOf(first);
        const sum = exponent === undefined ? undefined : onePlusExponential(second);
        if (exponent !== undefined && sum === exponent)
          return { append: () => exponent, scores: exponent, what: "a sigmoid written out" };
        const divisor = numberOf(second);
        if (divisor !== undefined) return tangentOf(name) ?? percentOf(first, 1 / divisor);
        return undefined;
      }
      case "Mul": {
        const parts = withConstant(node);
        const factor = parts && numberOf(parts.constant);
        if (parts === undefined || factor === undefined) return undefined;
        return tangentOf(name) ?? percentOf(parts.other, factor);
      }
      case "Add":
        return tangentOf(name) ?? meanOdds(node.inputs);
      case "Mean":
        return meanOdds(node.inputs);
      case "Concat": {
        const parts = allRead(node.inputs, oddsOf);
        return parts && sideBySide(node, parts, "sigmoids side by side");
      }
      default:
        return rearranged(name, node, oddsOf) ?? rounded(node, oddsOf);
    }
  };

  const percentOf = (name: string, factor: number): OddsReading | undefined => {
    const of = oddsOf(name);
    if (of !== undefined && Math.abs(factor - 100) < 1e-6) return { ...of, what: `${of.what}, in per cent` };
    // Halves of a sum of two are the mean of an ensemble.
    const sum = producerOf(name);
    const isMean = sum !== undefined && (sum.opType === "Add" || sum.opType === "Sum");
    return isMean ? meanOdds(flatSum(name), factor) : of !== undefined && factor === 1 ? of : undefined;
  };

  /** The terms of a sum of sums. */
  const flatSum = (name: string): string[] => {
    const node = producerOf(name);
    if (node?.opType !== "Add" && node?.opType !== "Sum") return [name];
    return node.inputs.flatMap(flatSum);
  };

  /** The odds of a mean of sigmoids: from the sums of p and of 1 − p. */
  const meanOdds = (names: readonly string[], factor?: number): OddsReading | undefined => {
    const members = allRead(names, oddsOf) ?? [];
    const isMean = factor === undefined || Math.abs(factor * names.length - 1) < 1e-6;
    if (members.length === 0 || !isMean) return undefined;
    const rank = rankOf(names[0]);
    return {
      append(to) {
        const odds = members.map((member) => member.append(to));
        const logs = (sign: (z: string) => string): LogReading[] =>
          odds.map((z) => ({
            append: (inner) => inner.op("Neg", [inner.op("Softplus", [sign(z)])]),
            scores: undefined,
            what: "",
          }));
        const positive = summed(
          logs((z) => to.op("Neg", [z])),
          rank,
          "",
        ).append(to);
        const negative = summed(
          logs((z) => z),
          rank,
          "",
        ).append(to);
        return to.op("Sub", [positive, negative]);
      },
      scores: undefined,
      what: "a mean of sigmoids",
    };
  };

  /** u where `name` is 1 + exp(u). */
  const onePlusExponential = (name: string): string | undefined => {
    const node = producerOf(name);
    const parts = node?.opType === "Add" ? withConstant(node) : undefined;
    return parts !== undefined && numberOf(parts.constant) === 1 ? exponentOf(parts.other) : undefined;
  };

  /** z where `name` is 1 + exp(−z). */
  const logisticOf = (name: string): OddsReading | undefined => {
    const exponent = onePlusExponential(name);
    if (exponent === undefined) return undefined;
    const negated = producerOf(exponent);
    const what = "a sigmoid written out";
    const isNegated =
      negated?.opType === "Neg" || (negated?.opType === "Mul" && numberOf(withConstant(negated)?.constant) === -1);
    if (negated !== undefined && isNegated) {
      const scores = negated.opType === "Neg" ? negated.inputs[0] : (withConstant(negated)?.other ?? exponent);
      return { append: () => scores, scores, what };
    }
    return { append: (to) => to.op("Neg", [exponent]), scores: undefined, what };
  };

  /** 2 u where `name` is (tanh u + 1) / 2, in either order of the operations. */
  const tangentOf = (name: string): OddsReading | undefined => {
    const affine = (
      value: string,
    ): { readonly u: string; readonly factor: number; readonly offset: number } | undefined => {
      const node = producerOf(value);
      if (node === undefined) return undefined;
      if (node.opType === "Tanh") return { u: node.inputs[0], factor: 1, offset: 0 };
      const isDivision = node.opType === "Div" && isConstant(node.inputs[1]);
      if (!isDivision && node.opType !== "Mul" && node.opType !== "Add") return undefined;
      const parts = withConstant(node);
      const number = parts && numberOf(parts.constant);
      const inner = parts && affine(parts.other);
      if (inner === undefined || number === undefined) return undefined;
      if (node.opType === "Add") return { ...inner, offset: inner.offset + number };
      const factor = isDivision ? 1 / number : number;
      return { ...inner, factor: inner.factor * factor, offset: inner.offset * factor };
    };
    const found = affine(name);
    if (found === undefined || found.factor !== 0.5 || found.offset !== 0.5) return undefined;
    return {
      append: (to) => to.op("Mul", [found.u, to.constant(floatTensor([2], []))]),
      scores: undefined,
      what: "a sigmoid written as a tangent",
    };
  };

  return { logarithm, odds: oddsOf, logSoftmaxOf };
}
