/**
 * @file Guided backpropagation as a rule table: the gradient rules with another ReLU.
 *
 * Source: Springenberg et al., "Striving for Simplicity: The All Convolutional Net", 2015, section 3.4.
 */
import { type ActivationProduct, activationProductOf, isInsideActivation } from "./activation-products.ts";
import { type Differentiable, type RuleTable, vjpRules } from "./rules/index.ts";
import { rectificationOf } from "./treatments.ts";
import type { VjpRule } from "./vjp-rule.ts";

/**
 * `rule` behind a gate: only positive cotangents are passed on. For y = max(x, 0) that is x̄ = max(ȳ, 0) · [x > 0]: at x = 0 nothing
 * passes, as in the gradient. The leaky, smooth, clipped and parametric relatives of ReLU are gated in the same way, each with its
 * own derivative. A slope or bound that is computed gets its cotangent through the same gate.
 *
 * Deviation: TorchRay lets x = 0 pass.
 */
function guided(rule: VjpRule): VjpRule {
  return (call) => {
    const [dy, ...rest] = call.cotangents;
    return rule({ ...call, cotangents: [dy && call.g.op("Relu", [dy]), ...rest] });
  };
}

/** The backward rules of guided backpropagation. */
export const guidedRules: RuleTable = rectified(
  (operator) => guided(vjpRules[operator]),
  () => guided(vjpRules.Mul),
);

/** The gradient rules, with `ruleOf` in the place of those of rectifiers, and `productRule` where a product ends an activation. */
export function rectified(
  ruleOf: (operator: Differentiable) => VjpRule,
  productRule: (product: ActivationProduct) => VjpRule,
): RuleTable {
  const operators = Object.keys(vjpRules) as Differentiable[];
  const own = operators
    .filter((operator) => rectificationOf(operator) === "rectifier")
    .map((operator): [Differentiable, VjpRule] => {
      const own = ruleOf(operator);
      return [operator, (call) => (isInsideActivation(call.g, call.node) ? vjpRules[operator] : own)(call)];
    });
  const Mul: VjpRule = (call) => {
    const product = activationProductOf(call.g, call.node);
    return (product === undefined ? vjpRules.Mul : productRule(product))(call);
  };
  return { ...vjpRules, ...Object.fromEntries(own), Mul };
}
