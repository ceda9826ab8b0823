/** @file The gradient times the input as an explanation. */
import { backpropMethod } from "./backprop-method.ts";

/**
 * Σ over channels of |x · ∂s/∂x|, [H, W], for the class score s, by default the logit. For a linear network x · ∂s/∂x adds up to the score
 * less its bias. Source: Shrikumar, Greenside and Kundaje, 2017, section 3.2.
 */
export const gradientInput = backpropMethod({
  name: "gradient-input",
  title: "Gradient × input",
  source:
    "Shrikumar, Greenside and Kundaje, Learning Important Features Through Propagating Activation Differences, 2017",
  summary: "What each pixel contributes to the class score if the network is taken to be linear.",
  version: 1,
  box: { kind: "energy", alpha: 0.55 },
  readout: "sum",
  timesInput: true,
});
