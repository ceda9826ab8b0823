/**
 * @file Which inputs of an operator a share goes to when something is handed down a network from the classes to the image: a
 * probability (excitation backpropagation) or a relevance (layer-wise relevance propagation).
 */
import type { GraphBuilder, Value } from "../../onnx/builder.ts";
import type { Node } from "../../onnx/model.ts";
import { hasTrait } from "../../onnx/operators/table.ts";
import { isFloating, sizeOf } from "../../tensor/tensor.ts";
import { activationProductOf } from "../activation-products.ts";
import { unbroadcast } from "../adjoints/unbroadcast.ts";
import { variadic } from "../pullbacks.ts";
import type { VjpCall, VjpRule } from "../rule.ts";
import { ruleOf } from "../rules/index.ts";

/** What {@link isNonNegative} found of each graph's values. */
const signs = new WeakMap<GraphBuilder, Map<string, boolean>>();

/** Whether the operators say that no element of `value` is below zero. */
export function isNonNegative(g: GraphBuilder, value: Value): boolean {
  let known = signs.get(g);
  if (known === undefined) {
    known = new Map();
    signs.set(g, known);
  }
  const found = known.get(value.name) ?? followSign(g, value);
  known.set(value.name, found);
  return found;
}

function followSign(g: GraphBuilder, value: Value): boolean {
  const node = g.producer(value);
  if (node === undefined) return false;
  if (hasTrait(node, "nonNegative")) return true;
  const inputs = node.inputs.map((name) => (name === "" ? undefined : g.value(name)));
  const ask = (input: Value | undefined): boolean =>
    input !== undefined && (g.known(input)?.data.every((element) => element >= 0) ?? isNonNegative(g, input));
  if (hasTrait(node, "keepsSign") || hasTrait(node, "moves")) return ask(inputs[0]);
  return ruleOf(node.opType)?.isNonNegative?.(inputs, ask) ?? false;
}

/** x⁺ */
export function positivePart(g: GraphBuilder, value: Value): Value {
  return isNonNegative(g, value) ? value : g.op("Relu", [value]);
}

/** Whether `value` only says how much of another value passes: attention, squeeze-and-excitation, the sigmoid of a SiLU. */
function isGate(g: GraphBuilder, value: Value): boolean {
  const node = g.producer(value);
  if (node === undefined) return false;
  const isMoved = hasTrait(node, "moves") || hasTrait(node, "view");
  return hasTrait(node, "gate") || (isMoved && isGate(g, g.value(node.inputs[0])));
}

/** Which of the first `count` inputs p goes to: those that depend on the image and are no gates, or the gates if there are no others. */
export function streams(
  { g, inputs, wants }: Pick<VjpCall, "g" | "inputs" | "wants">,
  count = inputs.length,
): readonly number[] {
  const wanted = inputs.flatMap((input, i) => (input !== undefined && i < count && wants(i) ? [{ input, i }] : []));
  const signals = wanted.filter(({ input }) => wanted.length === 1 || !isGate(g, input));
  return (signals.length > 0 ? signals : wanted).map(({ i }) => i);
}

/** Whether `node`, a difference, takes the mean of its first input away, as the operators do that stand for a LayerNormalization. */
export function isCentering(g: GraphBuilder, { inputs }: Node): boolean {
  const mean = g.producer(g.value(inputs[1]));
  return mean?.opType === "ReduceMean" && mean.inputs[0] === inputs[0];
}

/** p unchanged to the factors that are no gates, in equal parts; to x where the product ends an activation of x. */
export const factors = variadic(({ g, node, mul, inputs, dy: p, wants }) => {
  const activation = activationProductOf(g, node);
  const receivers = activation === undefined ? streams({ g, inputs, wants }) : [activation.input];
  const part = receivers.length === 1 ? p : mul(p, 1 / receivers.length);
  return (input, i) => (receivers.includes(i) ? unbroadcast(g, part, input.shape) : undefined);
});

/** p unchanged, to the first input that depends on the image. */
export const passed: VjpRule = ({ g, inputs, cotangents: [p], wants }) => {
  const receiver = inputs.findIndex((_, i) => wants(i));
  return inputs.map((input, i) => {
    if (i !== receiver || p === undefined || input === undefined) return undefined;
    const summed = sizeOf(input.shape) === sizeOf(p.shape) ? p : unbroadcast(g, p, input.shape);
    // Integers stand for real numbers, and so does their p.
    const isSame = summed.dtype === input.dtype || !isFloating(input.dtype);
    return isSame ? summed : g.op("CastLike", [summed, input]);
  });
};

/** `vjp` for the first input alone. */
export function ofFirst(vjp: VjpRule): VjpRule {
  return (call) => vjp({ ...call, wants: (i) => i === 0 && call.wants(0) });
}
