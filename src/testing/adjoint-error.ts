/** @file The exact check of a linear operator's VJP rule. */

import { checkForm } from "../errors.ts";
import { evaluate } from "../onnx/evaluate.ts";
import type { VjpCheck } from "./check-vjp.ts";

/**
 * How far the rule is from the adjoint of an operator A that is linear in input `index`: |⟨A x, v⟩ − ⟨x, Aᵀ v⟩| relative to
 * ‖A x‖‖v‖ + ‖x‖‖Aᵀ v‖. Takes what `checkVjp` returns, for an operator with one output and nothing added (no bias).
 */
export function adjointError(check: VjpCheck, index = 0): number {
  checkForm("adjointError: check", check, ["expected", "actual", "relativeError", "graph"]);
  const { graph, feeds } = check;
  const { y0, [`gradient${index}`]: gradient } = evaluate(graph, feeds);
  const [v, x] = [feeds.v0.data, feeds[`x${index}`].data];
  const [forward, forwardScale] = innerProduct(y0.data, v);
  const [backward, backwardScale] = innerProduct(x, gradient.data);
  const scale = forwardScale + backwardScale;
  return scale === 0 ? 0 : Math.abs(forward - backward) / scale;
}

/** ⟨a, b⟩ and ‖a‖‖b‖ */
function innerProduct(a: Float64Array, b: Float64Array): [product: number, scale: number] {
  let [product, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    product += a[i] * b[i];
    aa += a[i] ** 2;
    bb += b[i] ** 2;
  }
  return [product, Math.sqrt(aa * bb)];
}
