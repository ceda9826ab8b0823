/** @file The explanation methods by name. */
import { MisuseError, nearest } from "../errors.ts";
import { deconvnetMethod } from "./deconvnet.ts";
import { deepFoolMethod } from "./deepfool.ts";
import { contrastiveExcitationBackpropMethod, excitationBackpropMethod } from "./excitation-backprop.ts";
import { extremalMethod } from "./extremal/extremal.ts";
import { gradCamMethod } from "./grad-cam.ts";
import { gradientMethod } from "./gradient.ts";
import { gradientInputMethod } from "./gradient-input.ts";
import { guidedBackpropMethod } from "./guided-backprop.ts";
import { guidedGradCamMethod } from "./guided-grad-cam.ts";
import { integratedGradientsMethod } from "./integrated-gradients.ts";
import type { SaliencyMethod } from "./method.ts";
import { occlusionMethod } from "./occlusion.ts";
import { guidedPerceptualMethod, perceptualMethod } from "./perceptual.ts";
import { riseMethod } from "./rise/rise.ts";
import { smoothGradMethod } from "./smooth-grad.ts";

/** All methods, in the order in which tables list them. */
export const saliencyMethods: readonly SaliencyMethod[] = [
  perceptualMethod,
  guidedPerceptualMethod,
  gradientMethod,
  gradientInputMethod,
  deconvnetMethod,
  guidedBackpropMethod,
  smoothGradMethod,
  integratedGradientsMethod,
  gradCamMethod,
  guidedGradCamMethod,
  excitationBackpropMethod,
  contrastiveExcitationBackpropMethod,
  riseMethod,
  extremalMethod,
  occlusionMethod,
  deepFoolMethod,
];

/** The method called `name`. Throws a MisuseError with the nearest name. */
export function findMethod(name: string): SaliencyMethod {
  const found = saliencyMethods.find((method) => method.name === name);
  if (found !== undefined) return found;
  const names = saliencyMethods.map((method) => method.name);
  const hint = nearest(name, names);
  throw new MisuseError({
    where: "method",
    what: "unknown name",
    expected: `one of ${names.join(", ")}`,
    got: JSON.stringify(name),
    advice: hint === undefined ? undefined : `Did you mean ${hint}?`,
  });
}
