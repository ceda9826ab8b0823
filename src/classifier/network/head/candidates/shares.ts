/** @file Values made of the probabilities of classes that exclude each other, and no distribution any more. */
import type { Node } from "../../../../onnx/model.ts";
import { hasTrait } from "../../../../onnx/operators/table.ts";
import type { LogReading } from "../probabilities/readings.ts";
import { tailValues } from "../tail-values.ts";
import type { HeadGraph } from "./candidate.ts";

/**
 * The reading of some probabilities of classes, as where the one of a background is cut off, or of probabilities times a positive weight for each
 * class; undefined for anything else. They do not add up to 1, and are of classes that exclude each other nevertheless.
 */
export function partOf({ typed, reader, producers, countOf }: HeadGraph, value: string): LogReading | undefined {
  const count = countOf(value);
  let all = value;
  let isWeighed = false;
  for (let node = producers.get(all); node !== undefined; node = producers.get(all)) {
    const [first, second] = node.inputs;
    const known = typed.constants.get(second ?? "");
    const isScaled = (node.opType === "Mul" || node.opType === "Div") && known !== undefined;
    const isTaken = node.opType === "Slice" || node.opType === "Gather" || node.opType === "Split";
    if (!isScaled && !isTaken && !hasTrait(node, "view")) break;
    isWeighed ||= isScaled && known.data.length > 1;
    all = first;
  }
  const total = countOf(all);
  if (all === value || count === undefined || total === undefined || (total <= count && !isWeighed)) return undefined;
  if (tailValues(typed, all)?.kind !== "distribution" || reader.logarithm(all) === undefined) return undefined;
  // Where a weight is not positive the logarithm is not read.
  const reading = reader.logarithm(value);
  const taken = total > count ? `, ${count} of its ${total} classes` : "";
  return reading && { ...reading, what: `${reading.what}${taken}${isWeighed ? ", weighted" : ""}`, isPart: true };
}

/** How far a product is followed. */
const mostFactors = 8;

/**
 * The reading of what is no distribution itself and a product of one, as the geometric mean of an ensemble or classes times how sure it is that there is
 * an object: of its classes one is meant. Undefined for anything else.
 */
export function productOf({ typed, reader, producers, countOf }: HeadGraph, value: string): LogReading | undefined {
  const count = countOf(value);
  /** Whether `name` is made of probabilities of the classes, more than one value having been put together on the way, `isJoined` from here on. */
  const isOfShares = (name: string, isJoined: boolean, depth = 0): boolean => {
    const node = producers.get(name);
    if (node === undefined || depth > mostFactors || hasTrait(node, "weighted")) return false;
    const kind = countOf(name) === count ? tailValues(typed, name)?.kind : undefined;
    if (kind === "distribution" || kind === "log-distribution") return isJoined;
    const { inputs } = node;
    const [first] = inputs;
    switch (node.opType) {
      case "Sqrt":
      case "Pow":
      case "Exp":
        return isOfShares(first, isJoined, depth + 1);
      case "ReduceMean":
        return isOfShares(first, true, depth + 1);
      case "Mul":
      case "Add":
      case "Sum":
      case "Mean": {
        // A square is a function of one value.
        const isOfSeveral = new Set(inputs.filter((input) => !typed.constants.has(input))).size > 1;
        return inputs.some((input) => isOfShares(input, isJoined || isOfSeveral, depth + 1));
      }
      default:
        return hasTrait(node, "view") && isOfShares(first, isJoined, depth + 1);
    }
  };
  const node = producers.get(value);
  const reading = isProduct(node) && isOfShares(value, false) ? reader.logarithm(value) : undefined;
  return reading && { ...reading, isPart: true };
}

/** Whether a node multiplies, or takes a root, a power or the exponential of what may be a product. */
function isProduct(node: Node | undefined): boolean {
  switch (node?.opType) {
    case "Sqrt":
    case "Pow":
    case "Exp":
    case "Mul":
      return true;
    default:
      return false;
  }
}
