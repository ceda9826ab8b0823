/** @file The explanation methods by name. */
import { MisuseError, nearest } from "../errors.ts";
import { contrastiveExcitationBackpropMethod, excitationBackpropMethod } from "./cams/excitation-backprop.ts";
import { gradCamMethod } from "./cams/grad-cam.ts";
import { guidedGradCamMethod } from "./cams/guided-grad-cam.ts";
import { extremalMethod } from "./extremal/extremal.ts";
import { deconvnetMethod } from "./gradients/deconvnet.ts";
import { gradientMethod } from "./gradients/gradient.ts";
import { gradientInputMethod } from "./gradients/gradient-input.ts";
import { guidedBackpropMethod } from "./gradients/guided-backprop.ts";
import { integratedGradientsMethod } from "./gradients/integrated-gradients.ts";
import { smoothGradMethod } from "./gradients/smooth-grad.ts";
import type { SaliencyMethod } from "./method.ts";
import { occlusionMethod } from "./occlusion/occlusion.ts";
import { deepFoolMethod } from "./perturbations/deepfool.ts";
import { guidedPerceptualMethod, perceptualMethod } from "./perturbations/perceptual.ts";
import { riseMethod } from "./rise/rise.ts";

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
