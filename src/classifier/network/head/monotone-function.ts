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

/** Functions that rise, or stay, everywhere. */
const rising = ["Sqrt", "Log", "Exp", "Relu", "Round"];

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
    if (way === undefined || (needsPositive(node) && isNegative(way.of))) return undefined;
    of = way.of;
    falls = falls !== way.falls;
    if (isFound(of)) return { of, falls };
  }
  return undefined;
}

function needsPositive({ opType, inputs: [a, b] }: Node): boolean {
  return ["Reciprocal", "Div", "Pow"].includes(opType) || (opType === "Mul" && a === b);
}

/** Which input a node is a monotone function of, and whether it falls; `known` is the number that all elements of a constant are. */
function wayOf(node: Node, known: (name: string) => number | undefined): MonotoneFunction | undefined {
  const [a, b = ""] = node.inputs;
  const [first, second] = [known(a), known(b)];
  const rises = { of: first === undefined ? a : b, falls: false };
  const constant = first ?? second;
  if (hasTrait(node, "view") || rising.includes(node.opType)) return { of: a, falls: false };
  switch (node.opType) {
    case "Neg":
    case "Reciprocal":
      return { of: a, falls: true };
    case "Add":
      return constant === undefined ? undefined : rises;
    case "Sub":
      return constant === undefined ? undefined : { ...rises, falls: first !== undefined };
    case "Mul":
      // Squares of numbers that are not negative.
      if (a === b) return { of: a, falls: false };
      return constant === undefined || constant === 0 ? undefined : { ...rises, falls: constant < 0 };
    case "Div":
      if (constant === undefined || constant === 0) return undefined;
      return { ...rises, falls: first === undefined ? constant < 0 : constant > 0 };
    case "Pow":
      return second === undefined || second === 0 ? undefined : { of: a, falls: second < 0 };
    default:
      return undefined;
  }
}
