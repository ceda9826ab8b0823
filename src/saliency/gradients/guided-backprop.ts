/** @file Guided backpropagation as an explanation. */
import { guidedRules } from "../../autodiff/guided-rules.ts";
import { backpropMethod } from "./backprop-method.ts";

/**
 * max over channels of the magnitude of what {@link guidedRules} hand back from the class score to the image, [H, W]. Source:
 * Springenberg et al., 2015.
 */
export const guidedBackprop = backpropMethod({
  name: "guided-backprop",
  title: "Guided backpropagation",
  source: "Springenberg, Dosovitskiy, Brox and Riedmiller, Striving for Simplicity, 2015",
  summary: "The details in the image that active rectifiers pass positive signals back to.",
  version: 1,
  box: { kind: "energy", alpha: 0.75 },
  rules: guidedRules,
  readout: "max",
});
