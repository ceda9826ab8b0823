/**
 * @file The deconvolutional network as a rule table: the gradient rules, with rectifiers that rectify on the way back too.
 *
 * Source: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2014, section 2.1; as a backward pass:
 * Simonyan, Vedaldi and Zisserman, "Deep Inside Convolutional Networks", 2014, section 4.
 */
import type { ActivationProduct } from "./activation-products.ts";
import { rectified } from "./guided-rules.ts";
import { unary, variadic } from "./pullbacks.ts";
import type { VjpRule } from "./rule.ts";
import type { RuleTable } from "./rules/index.ts";

/**
 * x̄ = max(ȳ, 0), whatever the forward pass did. Every rectifier is treated so, with its slope left out; bounds and slopes that are
 * computed get nothing. Pooling goes back to where the maximum was (the "switches"), as in the gradient.
 */
const deconvolved = unary(({ g, dy }) => g.op("Relu", [dy]));

/** The same where a product ends an activation of slope s: x̄ = s · max(ȳ, 0), and nothing through the function of x. */
const deconvolvedProduct = ({ input, slope }: ActivationProduct): VjpRule =>
  variadic(({ g, mul, dy }) => {
    const passed = mul(g.op("Relu", [dy]), slope);
    return (_, i) => (i === input ? passed : undefined);
  });

/** The backward rules of the deconvolutional network. */
export const deconvnetRules: RuleTable = rectified(
  () => deconvolved,
  (_, product) => deconvolvedProduct(product),
);
