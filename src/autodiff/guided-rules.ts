/**
 * @file Guided backpropagation as a rule table: the gradient rules with another ReLU.
 *
 * Source: Springenberg et al., "Striving for Simplicity: The All Convolutional Net", 2015, section 3.4.
 */
import { type RuleTable, vjpRules } from "./rules/index.ts";
import type { VjpRule } from "./vjp-rule.ts";

/**
 * `rule` behind a gate: only positive cotangents are passed on. For y = max(x, 0) that is x̄ = max(ȳ, 0) · [x > 0]. The
 * leaky, clipped and parametric relatives of ReLU are gated in the same way, each with its own derivative.
 */
function guided(rule: VjpRule): VjpRule {
  return (call) => {
    const [dy, ...rest] = call.cotangents;
    return rule({ ...call, cotangents: [dy && call.g.op("Relu", [dy]), ...rest] });
  };
}

/** The backward rules of guided backpropagation. */
export const guidedRules: RuleTable = {
  ...vjpRules,
  Relu: guided(vjpRules.Relu),
  LeakyRelu: guided(vjpRules.LeakyRelu),
  Clip: guided(vjpRules.Clip),
};
