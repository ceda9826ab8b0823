/**
 * @file The deconvolutional network as a rule table: the gradient rules, with rectifiers that rectify on the way back too.
 *
 * Source: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2014, section 2.1; as a backward pass:
 * Simonyan, Vedaldi and Zisserman, "Deep Inside Convolutional Networks", 2014, section 4.
 */
import { rectified } from "./guided-rules.ts";
import type { RuleTable } from "./rules/index.ts";
import type { VjpRule } from "./vjp-rule.ts";

/**
 * x̄ = max(ȳ, 0), whatever the forward pass did. Every rectifier is treated so, with its slope left out; bounds and slopes that are
 * computed get nothing. Pooling goes back to where the maximum was (the "switches"), as in the gradient.
 */
const deconvolved: VjpRule = ({ g, cotangents: [dy] }) => [g.op("Relu", [dy])];

/** The backward rules of the deconvolutional network. */
export const deconvnetRules: RuleTable = rectified(() => deconvolved);
