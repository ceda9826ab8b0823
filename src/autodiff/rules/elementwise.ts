/** @file VJP rules of the element-wise operators. */
import { unbroadcast } from "../unbroadcast.ts";
import type { VjpRule } from "../vjp-rule.ts";

/** y = x ⇒ x̄ = ȳ */
export const Identity: VjpRule = ({ cotangents: [dy] }) => [dy];

/** y = max(x, 0) ⇒ x̄ = ȳ · [y > 0]. At the kink x = 0 the derivative is 0, as in PyTorch. */
export const Relu: VjpRule = ({ g, outputs: [y], cotangents: [dy] }) => {
  const zero = g.scalar(0, y.dtype);
  return [g.op("Where", [g.op("Greater", [y, zero]), dy, zero])];
};

/** y = a + b ⇒ ā = ȳ, b̄ = ȳ, each summed over the axes along which it was repeated */
export const Add: VjpRule = ({ g, inputs, cotangents: [dy], wants }) =>
  inputs.map((input, i) => (wants(i) ? unbroadcast(g, dy!, input!.shape) : undefined));

/** y = a · b ⇒ ā = ȳ · b, b̄ = ȳ · a */
export const Mul: VjpRule = ({ g, inputs, cotangents: [dy], wants }) => {
  const [a, b] = inputs;
  return [
    wants(0) ? unbroadcast(g, g.op("Mul", [dy, b]), a!.shape) : undefined,
    wants(1) ? unbroadcast(g, g.op("Mul", [dy, a]), b!.shape) : undefined,
  ];
};

/** y = condition ? a : b ⇒ ā = condition ? ȳ : 0, b̄ = condition ? 0 : ȳ */
export const Where: VjpRule = ({ g, inputs: [condition, a, b], cotangents: [dy], wants }) => {
  const zero = g.scalar(0, dy!.dtype);
  return [
    undefined,
    wants(1) ? unbroadcast(g, g.op("Where", [condition, dy, zero]), a!.shape) : undefined,
    wants(2) ? unbroadcast(g, g.op("Where", [condition, zero, dy]), b!.shape) : undefined,
  ];
};
