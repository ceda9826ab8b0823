/** @file The explanation methods by name. */
import { namedAmong } from "../errors.ts";
import { attentionRollout, transformerAttribution } from "./attention/attention-methods.ts";
import { ablationCam } from "./cams/ablation-cam.ts";
import { eigenCam } from "./cams/eigen-cam.ts";
import { contrastiveExcitationBackprop, excitationBackprop } from "./cams/excitation-backprop.ts";
import { gradCam } from "./cams/grad-cam.ts";
import { gradCamPlusPlus } from "./cams/grad-cam-plus-plus.ts";
import { guidedGradCam } from "./cams/guided-grad-cam.ts";
import { hiResCam } from "./cams/hires-cam.ts";
import { layerCam } from "./cams/layer-cam.ts";
import { scoreCam } from "./cams/score-cam.ts";
import { xGradCam } from "./cams/xgrad-cam.ts";
import { extremal } from "./extremal/extremal.ts";
import { deconvnet } from "./gradients/deconvnet.ts";
import { gradient } from "./gradients/gradient.ts";
import { gradientInput } from "./gradients/gradient-input.ts";
import { expectedGradients, gradientShap } from "./gradients/gradient-shap.ts";
import { guidedBackprop } from "./gradients/guided-backprop.ts";
import { integratedGradients } from "./gradients/integrated-gradients.ts";
import { smoothGrad } from "./gradients/smooth-grad.ts";
import type { SaliencyMethod } from "./method.ts";
import { occlusion } from "./occlusion/occlusion.ts";
import { deepFool } from "./perturbations/deepfool.ts";
import { guidedPerceptual, perceptual } from "./perturbations/perceptual.ts";
import { deepLift } from "./relevance/deep-lift.ts";
import { lrp } from "./relevance/lrp.ts";
import { rise } from "./rise/rise.ts";
import { featureAblation } from "./superpixels/feature-ablation.ts";
import { kernelShap } from "./superpixels/kernel-shap.ts";
import { lime } from "./superpixels/lime.ts";

/** All methods by name, in the order in which tables list them. */
export const methods = {
  [perceptual.name]: perceptual,
  [guidedPerceptual.name]: guidedPerceptual,
  [gradient.name]: gradient,
  [gradientInput.name]: gradientInput,
  [deconvnet.name]: deconvnet,
  [guidedBackprop.name]: guidedBackprop,
  [smoothGrad.name]: smoothGrad,
  [integratedGradients.name]: integratedGradients,
  [expectedGradients.name]: expectedGradients,
  [gradientShap.name]: gradientShap,
  [gradCam.name]: gradCam,
  [guidedGradCam.name]: guidedGradCam,
  [gradCamPlusPlus.name]: gradCamPlusPlus,
  [hiResCam.name]: hiResCam,
  [layerCam.name]: layerCam,
  [xGradCam.name]: xGradCam,
  [scoreCam.name]: scoreCam,
  [ablationCam.name]: ablationCam,
  [eigenCam.name]: eigenCam,
  [excitationBackprop.name]: excitationBackprop,
  [contrastiveExcitationBackprop.name]: contrastiveExcitationBackprop,
  [lrp.name]: lrp,
  [deepLift.name]: deepLift,
  [attentionRollout.name]: attentionRollout,
  [transformerAttribution.name]: transformerAttribution,
  [rise.name]: rise,
  [extremal.name]: extremal,
  [occlusion.name]: occlusion,
  [featureAblation.name]: featureAblation,
  [lime.name]: lime,
  [kernelShap.name]: kernelShap,
  [deepFool.name]: deepFool,
};

export type MethodName = keyof typeof methods;

/** All methods, in the order in which tables list them. */
export const saliencyMethods: readonly SaliencyMethod[] = Object.values(methods);

/** The method called `name`, with the types of its settings: a name that no method has does not compile. */
export function findMethod<const N extends MethodName>(name: N): (typeof methods)[N] {
  return methods[name];
}

/** The method that a user calls `name`. Throws a MisuseError with the nearest name. */
export function methodNamed(name: string): SaliencyMethod {
  return namedAmong("method", saliencyMethods, name);
}
