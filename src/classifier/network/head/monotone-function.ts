/**
 * @file Numbers that are a function of probabilities, each of its own: 1 − p, p², −log σ(z), 2 p − 1. They say which class is meant, by the largest of them or by the
 * smallest, and are no probabilities themselves.
 */
import type { TypedGraph } from "../../../onnx/infer-shapes.ts";
import type { Node } from "../../../onnx/model.ts";
import { hasTrait } from "../../../onnx/operators/table.ts";

/** Of what a value is a function, element by element, and whether the function falls as its argument rises. */
export interface MonotoneFunction {
  readonly of: string;
  readonly falls: boolean;
}

/** More operators than there are behind the probabilities of any network. */
const mostSteps = 20;

/**
 * The nearest value that `value` is a rising or falling function of, and that `isFound`; undefined if there is none. Powers and reciprocals are monotone of what is
 * not negative.
 */
export function monotoneFunction(
  { constants }: Pick<TypedGraph, "constants">,
  producers: ReadonlyMap<string, Node>,
  value: string,
  {
    isFound,
    isNegative,
  }: { readonly isFound: (name: string) => boolean; readonly isNegative: (name: string) => boolean },
): MonotoneFunction | undefined {
  let of = value;
  let falls = false;
  for (let step = 0; step < mostSteps; step++) {
    const node = producers.get(of);
    if (node === undefined) return undefined;
    const way = wayOf(node, (name) => {
      const data = constants.get(name)?.data;
      return data !== undefined && data.length > 0 && data.every((number) => number === data[0]) ? data[0] : undefined;
    });
    if (way === undefined || (way.ofPositive === true && isNegative(way.of))) return undefined;
    of = way.of;
    falls = falls !== way.falls;
    if (isFound(of)) return { of, falls };
  }
  return undefined;
}

/** Of which input a node is a monotone function, and whether only where that is not negative. */
interface Way extends MonotoneFunction {
  readonly ofPositive?: true;
}

/** Which input a node is a monotone function of, and whether it falls; `known` is the number that all elements of a constant are. */
function wayOf(node: Node, known: (name: string) => number | undefined): Way | undefined {
  const [a, b = ""] = node.inputs;
  if (hasTrait(node, "view")) return { of: a, falls: false };
  const [first, second] = [known(a), known(b)];
  const constant = first ?? second;
  const of = first === undefined ? a : b;
  switch (node.opType) {
    case "Sqrt":
    case "Log":
    case "Exp":
    case "Relu":
    case "ThresholdedRelu":
    case "Round":
    case "Clip":
    case "QuantizeLinear":
    case "DequantizeLinear":
      return { of: a, falls: false };
    case "Neg":
      return { of: a, falls: true };
    case "Reciprocal":
      return { of: a, falls: true, ofPositive: true };
    case "Add":
    case "Max":
    case "Min":
      return constant === undefined ? undefined : { of, falls: false };
    case "Sub":
      return constant === undefined ? undefined : { of, falls: first !== undefined };
    case "Mul":
      if (a === b) return { of: a, falls: false, ofPositive: true };
      return constant === undefined || constant === 0 ? undefined : { of, falls: constant < 0 };
    case "Div":
      if (constant === undefined || constant === 0) return undefined;
      return first === undefined ? { of, falls: constant < 0 } : { of, falls: constant > 0, ofPositive: true };
    case "Pow":
      return second === undefined || second === 0 ? undefined : { of: a, falls: second < 0, ofPositive: true };
    default:
      return undefined;
  }
}
