/** @file The parts of softmaxes and sigmoids in whatever operators they were written. */
import type { Origins } from "./origins.ts";

/** A constant against which a probability does not count, as people add to keep away from 0. */
export const small = 1e-3;

/** The value whose sum over an axis `name` is, with limits from below and small constants ignored. */
export function sumOf(origins: Origins, name: string): { readonly of: string; readonly axis: number } | undefined {
  const { made, axesOf, withConstant, numberOf } = origins;
  const node = made(name, "ReduceSum", "Add", "Max", "Clip", "ReduceL1");
  if (node === undefined) return undefined;
  if (node.opType === "ReduceSum" || node.opType === "ReduceL1") {
    const axes = axesOf(node);
    return axes?.length === 1 ? { of: node.inputs[0], axis: axes[0] } : undefined;
  }
  if (node.opType === "Clip") return sumOf(origins, node.inputs[0]);
  const parts = withConstant(node);
  const shift = parts && numberOf(parts.constant);
  return parts !== undefined && shift !== undefined && Math.abs(shift) <= small
    ? sumOf(origins, parts.other)
    : undefined;
}

/** `name` without the largest of its elements, or a constant, that was taken away for safety. */
export function withoutMaximum({ producerOf, made, bare, numberOf }: Origins, name: string): string {
  const node = producerOf(name);
  if (node?.opType !== "Sub") return name;
  const [whole, largest] = node.inputs;
  const maximum = made(largest, "ReduceMax");
  const isOwn = maximum !== undefined && bare(maximum.inputs[0]) === bare(whole);
  return isOwn || numberOf(largest) !== undefined ? whole : name;
}

/** u where `name` is Exp(u), or a power of e. */
export function exponentOf({ producerOf, numberOf }: Origins, name: string): string | undefined {
  const node = producerOf(name);
  if (node?.opType === "Exp") return node.inputs[0];
  const base = node?.opType === "Pow" ? numberOf(node.inputs[0]) : undefined;
  return base !== undefined && Math.abs(base - Math.E) < 1e-6 ? node?.inputs[1] : undefined;
}

/** The value whose logarithm of the sum of exponentials `name` is. */
export function logSumExpOf(origins: Origins, name: string): string | undefined {
  const { producerOf, made, bare } = origins;
  const whole = made(name, "ReduceLogSumExp");
  if (whole !== undefined) return whole.inputs[0];
  const shifted = producerOf(bare(name));
  // max + log Σ exp(u − max).
  if (shifted?.opType === "Add") {
    const [a, b] = shifted.inputs;
    for (const [largest, rest] of [[a, b] as const, [b, a] as const]) {
      const maximum = made(largest, "ReduceMax");
      const inner = maximum && logSumExpOf(origins, rest);
      if (inner !== undefined && bare(withoutMaximum(origins, inner)) === bare(maximum?.inputs[0] ?? "")) {
        return maximum?.inputs[0];
      }
    }
  }
  const log = made(name, "Log", "ReduceLogSum");
  if (log === undefined) return undefined;
  const sum = log.opType === "Log" ? sumOf(origins, log.inputs[0])?.of : log.inputs[0];
  return sum === undefined ? undefined : exponentOf(origins, bare(sum));
}

/** u where `name` is 1 + exp(u). */
export function onePlusExponential(origins: Origins, name: string): string | undefined {
  const { producerOf, withConstant, numberOf } = origins;
  const node = producerOf(name);
  const parts = node?.opType === "Add" ? withConstant(node) : undefined;
  return parts !== undefined && numberOf(parts.constant) === 1 ? exponentOf(origins, parts.other) : undefined;
}

/** factor · tanh(u) + offset. */
interface AffineTangent {
  readonly u: string;
  readonly factor: number;
  readonly offset: number;
}

/** What `name` is, in any order of products, divisions and sums with constants; undefined if it is no such thing. */
function affineTangentOf(origins: Origins, name: string): AffineTangent | undefined {
  const { producerOf, isConstant, withConstant, numberOf } = origins;
  const node = producerOf(name);
  if (node === undefined) return undefined;
  if (node.opType === "Tanh") return { u: node.inputs[0], factor: 1, offset: 0 };
  const isDivision = node.opType === "Div" && isConstant(node.inputs[1]);
  if (!isDivision && node.opType !== "Mul" && node.opType !== "Add") return undefined;
  const parts = withConstant(node);
  const number = parts && numberOf(parts.constant);
  const inner = parts && affineTangentOf(origins, parts.other);
  if (inner === undefined || number === undefined) return undefined;
  if (node.opType === "Add") return { ...inner, offset: inner.offset + number };
  const factor = isDivision ? 1 / number : number;
  return { ...inner, factor: inner.factor * factor, offset: inner.offset * factor };
}

/** u where `name` is (tanh u + 1) / 2, which is σ(2 u). */
export function halfTangentOf(origins: Origins, name: string): string | undefined {
  const found = affineTangentOf(origins, name);
  return found?.factor === 0.5 && found.offset === 0.5 ? found.u : undefined;
}

/** The terms of a sum of sums. */
export function flatSum(origins: Origins, name: string): string[] {
  const node = origins.producerOf(name);
  if (node?.opType !== "Add" && node?.opType !== "Sum") return [name];
  return node.inputs.flatMap((input) => flatSum(origins, input));
}
