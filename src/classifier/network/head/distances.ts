/**
 * @file Distances as the output of a classifier: how far a picture's features are from what stands for each class, its mean or its prototype. The class is the
 * nearest one, so that the smallest number is meant (Snell, Swersky and Zemel, Prototypical networks for few-shot learning, 2017, equation (2)).
 */
import type { TypedGraph } from "../../../onnx/infer-shapes.ts";
import type { Node } from "../../../onnx/model.ts";
import { hasTrait } from "../../../onnx/operators/table.ts";
import { sizeOf } from "../../../tensor/tensor.ts";
import { isGiven } from "./given-values.ts";
import { tailValues } from "./tail-values.ts";

/**
 * Whether `value` [N, count] is a sum over features of squares or magnitudes of differences to `count` constant vectors, or such a sum multiplied out: ‖f‖² − 2 f·p + ‖p‖².
 * A root, a limit from below and the like make other values of it, which rise with it. The length of a vector that is no difference is none: capsules are as long as their class is
 * probable.
 */
export function isDistance(
  typed: TypedGraph,
  producers: ReadonlyMap<string, Node>,
  value: string,
  count: number,
): boolean {
  const squared = addendsOf(typed, producers, value);
  if (squared !== undefined) return isMultipliedOut(typed, producers, squared);
  const features = summedOver(producers, value);
  return features !== undefined && isDifference(typed, producers, features, count);
}

/** Whether `value` is a linear layer without a bias on vectors of one length: cosines, but for the lengths of its weights. */
export function isCosine(typed: TypedGraph, producers: ReadonlyMap<string, Node>, value: string): boolean {
  const node = producers.get(value);
  if (node === undefined || !hasTrait(node, "weighted")) return false;
  const [features, weights, bias = ""] = node.inputs;
  return bias === "" && isGiven(typed, weights) && tailValues(typed, features)?.kind === "normalized";
}

/** The value behind nodes that only arrange or repeat it. */
function behindViews(producers: ReadonlyMap<string, Node>, value: string): string {
  let last = value;
  for (let node = producers.get(last); node !== undefined; node = producers.get(last)) {
    if (!hasTrait(node, "view") && node.opType !== "Expand") break;
    last = node.inputs[0];
  }
  return last;
}

/** Of what `value` is the sum, or mean, of the squares or magnitudes along an axis. */
function summedOver(producers: ReadonlyMap<string, Node>, value: string): string | undefined {
  const node = producers.get(value);
  switch (node?.opType) {
    case "ReduceL1":
    case "ReduceL2":
    case "ReduceSumSquare":
      return node.inputs[0];
    case "ReduceSum":
    case "ReduceMean":
      return magnitudeOf(producers, behindViews(producers, node.inputs[0]));
    default:
      return undefined;
  }
}

/** Of what `value` is the square, another power, or the magnitude, element by element. */
function magnitudeOf(producers: ReadonlyMap<string, Node>, value: string): string | undefined {
  const node = producers.get(value);
  const isOf =
    node?.opType === "Abs" || node?.opType === "Pow" || (node?.opType === "Mul" && node.inputs[0] === node.inputs[1]);
  return isOf ? node.inputs[0] : undefined;
}

/** Whether `value` is what is given less `count` constant vectors, or the other way round; a small number may be added against roots of 0. */
function isDifference(typed: TypedGraph, producers: ReadonlyMap<string, Node>, value: string, count: number): boolean {
  let node = producers.get(behindViews(producers, value));
  if (node?.opType === "Add") {
    const { inputs } = node;
    const free = inputs.filter((name) => sizeOf(typed.types.get(name)?.shape ?? []) > 1 || !isGiven(typed, name));
    node = free.length === 1 ? producers.get(behindViews(producers, free[0])) : undefined;
  }
  if (node?.opType !== "Sub") return false;
  const known = node.inputs.map((name) => behindViews(producers, name)).filter((name) => isGiven(typed, name));
  const size = sizeOf(typed.types.get(known[0] ?? "")?.shape ?? []);
  return known.length === 1 && size > count && size % count === 0;
}

/** The values that `value` is the sum of, with their signs; undefined if it is none. */
function addendsOf(
  typed: TypedGraph,
  producers: ReadonlyMap<string, Node>,
  value: string,
): readonly Addend[] | undefined {
  const addends: Addend[] = [];
  const collect = (name: string, sign: 1 | -1): void => {
    const node = addends.length > mostAddends ? undefined : producers.get(behindViews(producers, name));
    if (node?.opType === "Add" || node?.opType === "Sub") {
      collect(node.inputs[0], sign);
      collect(node.inputs[1], node.opType === "Add" ? sign : sign === 1 ? -1 : 1);
    } else addends.push({ name: behindViews(producers, name), sign, isKnown: isGiven(typed, name) });
  };
  collect(value, 1);
  return addends.length > 1 ? addends : undefined;
}

interface Addend {
  readonly name: string;
  readonly sign: 1 | -1;
  readonly isKnown: boolean;
}

const mostAddends = 8;

/** Whether one of the addends is the square of the features' own length, which no classifier adds to its scores: it is the same for all classes. */
function isMultipliedOut(
  { types }: TypedGraph,
  producers: ReadonlyMap<string, Node>,
  addends: readonly Addend[],
): boolean {
  return addends.some(({ name, sign, isKnown }) => {
    const shape = types.get(name)?.shape ?? [];
    const isOnePerPicture = shape.slice(1).every((extent) => extent === 1);
    return sign === 1 && !isKnown && isOnePerPicture && summedOver(producers, name) !== undefined;
  });
}
