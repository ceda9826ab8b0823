/** @file The gradient as an explanation. */
import { backpropMethod } from "./backprop-method.ts";

/**
 * max over channels of |∂s/∂x|, [H, W], for the class score s, by default the logit. Source: Simonyan, Vedaldi and Zisserman, 2014,
 * section 3.1.
 */
export const gradient = backpropMethod({
  name: "gradient",
  title: "Gradient",
  source: "Simonyan, Vedaldi and Zisserman, Deep Inside Convolutional Networks, 2014",
  summary: "How strongly the class score reacts to each pixel.",
  version: 1,
  box: { kind: "energy", alpha: 0.55 },
  readout: "max",
});
