/** @file The deconvolutional network as an explanation. */
import { deconvnetRules } from "../../autodiff/deconvnet-rules.ts";
import { backpropMethod } from "./backprop-method.ts";

/**
 * max over channels of the magnitude of what {@link deconvnetRules} hand back from the class score to the image, [H, W]. Source: Zeiler
 * and Fergus, 2014.
 */
export const deconvnet = backpropMethod({
  name: "deconvnet",
  title: "Deconvolutional network",
  source: "Zeiler and Fergus, Visualizing and Understanding Convolutional Networks, 2014",
  summary:
    "The pattern in the image that excites the class, traced back through rectifiers that pass positive signals only.",
  version: 1,
  box: { kind: "energy", alpha: 0.6 },
  rules: deconvnetRules,
  readout: "max",
});
