/** @file Operators that do no arithmetic: a logarithm and odds pass through them in the same way. */
import type { Node } from "../../../../onnx/model.ts";
import { hasTrait } from "../../../../onnx/operators/table.ts";
import { quantizedFrom } from "../quantization.ts";
import type { Origins } from "./origins.ts";
import type { LogReading, OddsReading } from "./readings.ts";

/** What of a value is read; undefined where the graph cannot be read. */
export type Read<R extends LogReading | OddsReading = LogReading | OddsReading> = (name: string) => R | undefined;

/** The readings of all the values; undefined if one cannot be read. */
export function allRead<R extends LogReading | OddsReading>(
  names: readonly string[],
  read: Read<R>,
): readonly R[] | undefined {
  const parts = names.map(read).filter((part) => part !== undefined);
  return parts.length === names.length ? parts : undefined;
}

/** What goes into a node that keeps it within constant limits. */
export function unlimited<R extends LogReading | OddsReading>(
  { isConstant }: Origins,
  node: Node,
  read: Read<R>,
): R | undefined {
  const limited = node.inputs.filter((input) => input !== "" && !isConstant(input));
  return limited.length === 1 ? read(limited[0]) : undefined;
}

/** What `name` is where its node only moves elements, or rounds them; undefined for any other. */
export function passedThrough(
  origins: Origins,
  name: string,
  node: Node,
  read: Read,
): LogReading | OddsReading | undefined {
  return rearranged(origins, name, node, read) ?? rounded(origins, node, read);
}

function rearranged(
  { isConstant }: Origins,
  name: string,
  node: Node,
  read: Read,
): LogReading | OddsReading | undefined {
  if (!hasTrait(node, "view") && !hasTrait(node, "moves")) return undefined;
  const [first, ...rest] = node.inputs;
  const of = read(first);
  if (of === undefined || !rest.every((input) => input === "" || isConstant(input))) return undefined;
  return {
    append: (to) => to.again(node, [of.append(to), ...rest], node.outputs.indexOf(name)),
    scores: hasTrait(node, "view") ? of.scores : undefined,
    what: of.what,
  };
}

/** Gradients pass straight through rounding: a quantity in steps is read as what it was before. */
function rounded(origins: Origins, node: Node, read: Read): LogReading | OddsReading | undefined {
  const before = unrounded(origins, node);
  const of = before === undefined ? undefined : read(before);
  return of && { ...of, what: `${of.what}, rounded` };
}

function unrounded(origins: Origins, node: Node): string | undefined {
  switch (node.opType) {
    case "Round":
    case "Floor":
    case "Ceil":
      return node.inputs[0];
    default:
      return quantizedFrom(origins, node);
  }
}
