/** @file The log odds of a value that is made of sigmoids, read from the operators that made it. */
import { floatTensor } from "../../../../tensor/tensor.ts";
import { allRead, passedThrough, unlimited } from "./read-through.ts";
import type { Reader } from "./reader.ts";
import { meanOdds, type OddsReading, sideBySide } from "./readings.ts";
import { exponentOf, flatSum, halfTangentOf, onePlusExponential } from "./written-out.ts";

/** The log odds of `name`; undefined where the graph cannot be read. */
export function readOdds(reader: Reader, name: string): OddsReading | undefined {
  const { origins, odds } = reader;
  const { numberOf } = origins;
  const node = origins.producerOf(name);
  if (node === undefined || !origins.isFloat(name)) return undefined;
  const [first, second] = node.inputs;
  switch (node.opType) {
    case "Sigmoid":
      return { append: () => first, scores: first, what: "a Sigmoid" };
    case "Clip":
    case "Max":
    case "Min":
      return unlimited(origins, node, odds);
    case "Sub": {
      const of = numberOf(first) === 1 ? odds(second) : undefined;
      return of && { append: (to) => to.op("Neg", [of.append(to)]), scores: undefined, what: of.what };
    }
    case "Reciprocal":
      return logistic(reader, first);
    case "Div": {
      if (numberOf(first) === 1) return logistic(reader, second);
      const exponent = exponentOf(origins, first);
      if (exponent !== undefined && onePlusExponential(origins, second) === exponent) {
        return { append: () => exponent, scores: exponent, what: "a sigmoid written out" };
      }
      const divisor = numberOf(second);
      return divisor === undefined ? undefined : (tangent(reader, name) ?? inPerCent(reader, first, 1 / divisor));
    }
    case "Mul": {
      const parts = origins.withConstant(node);
      const factor = parts && numberOf(parts.constant);
      if (parts === undefined || factor === undefined) return undefined;
      return tangent(reader, name) ?? inPerCent(reader, parts.other, factor);
    }
    case "Add":
      return tangent(reader, name) ?? mean(reader, node.inputs);
    case "Mean":
      return mean(reader, node.inputs);
    case "Concat": {
      const parts = allRead(node.inputs, odds);
      return parts && sideBySide(node, parts, "sigmoids side by side");
    }
    default:
      return passedThrough(origins, name, node, odds);
  }
}

/** The odds of `name` times a factor: in per cent, or as the mean of an ensemble whose sum `name` is. */
function inPerCent(reader: Reader, name: string, factor: number): OddsReading | undefined {
  const { origins, odds } = reader;
  const of = odds(name);
  if (of !== undefined && Math.abs(factor - 100) < 1e-6) return { ...of, what: `${of.what}, in per cent` };
  const sum = origins.producerOf(name)?.opType;
  if (sum === "Add" || sum === "Sum") return mean(reader, flatSum(origins, name), factor);
  return factor === 1 ? of : undefined;
}

/** The odds of a mean of sigmoids; of their sum times `factor`, if that makes it a mean. */
function mean({ origins, odds }: Reader, names: readonly string[], factor?: number): OddsReading | undefined {
  const members = allRead(names, odds) ?? [];
  const isMean = factor === undefined || Math.abs(factor * names.length - 1) < 1e-6;
  return members.length === 0 || !isMean ? undefined : meanOdds(members, origins.rankOf(names[0]));
}

/** z where `name` is 1 + exp(−z). */
function logistic({ origins }: Reader, name: string): OddsReading | undefined {
  const exponent = onePlusExponential(origins, name);
  if (exponent === undefined) return undefined;
  const what = "a sigmoid written out";
  const node = origins.producerOf(exponent);
  const parts = node?.opType === "Mul" ? origins.withConstant(node) : undefined;
  const negated =
    node?.opType === "Neg" ? node.inputs[0] : origins.numberOf(parts?.constant) === -1 ? parts?.other : undefined;
  if (negated !== undefined) return { append: () => negated, scores: negated, what };
  return { append: (to) => to.op("Neg", [exponent]), scores: undefined, what };
}

/** 2 u where `name` is (tanh u + 1) / 2. */
function tangent({ origins }: Reader, name: string): OddsReading | undefined {
  const u = halfTangentOf(origins, name);
  if (u === undefined) return undefined;
  return {
    append: (to) => to.op("Mul", [u, to.constant(floatTensor([2], []))]),
    scores: undefined,
    what: "a sigmoid written as a tangent",
  };
}
