/**
 * @file Guided backpropagation as a rule table: the gradient rules with another ReLU.
 *
 * Source: Springenberg et al., "Striving for Simplicity: The All Convolutional Net", 2015, section 3.4.
 */
import { type ActivationProduct, activationProductOf, isInsideActivation } from "./activation-products.ts";
import type { VjpRule } from "./rule.ts";
import { type RuleTable, ruleTable } from "./rules/index.ts";

/**
 * `rule` behind a gate: only positive cotangents are passed on. For y = max(x, 0) that is x̄ = max(ȳ, 0) · [x > 0]: at x = 0 nothing
 * passes, as in the gradient. The leaky, smooth, clipped and parametric relatives of ReLU are gated in the same way, each with its
 * own derivative. A slope or bound that is computed gets its cotangent through the same gate.
 *
 * Deviation: TorchRay lets x = 0 pass.
 */
function gated(rule: VjpRule): VjpRule {
  return (call) => {
    const [dy, ...rest] = call.cotangents;
    return rule({ ...call, cotangents: [dy && call.g.op("Relu", [dy]), ...rest] });
  };
}

/** The backward rules of guided backpropagation. */
export const guidedRules: RuleTable = rectified(gated, gated);

/**
 * The gradient rules, with what `ruleOf` makes of a rectifier's rule in the place of it, and what `productRuleOf` makes of a product's
 * where that ends an activation.
 */
export function rectified(
  ruleOf: (vjp: VjpRule) => VjpRule,
  productRuleOf: (vjp: VjpRule, product: ActivationProduct) => VjpRule,
): RuleTable {
  return ruleTable(({ vjp, guided }) => {
    switch (guided) {
      case "gated": {
        const rectifier = ruleOf(vjp);
        return (call) => (isInsideActivation(call.g, call.node) ? vjp : rectifier)(call);
      }
      case "gated if it ends an activation":
        return (call) => {
          const product = activationProductOf(call.g, call.node);
          return (product === undefined ? vjp : productRuleOf(vjp, product))(call);
        };
      case "as gradient":
        return vjp;
    }
  });
}
