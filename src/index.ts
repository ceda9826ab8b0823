/**
 * @file `perceptual-ball`: what most people need, in Node and in a browser alike. The rest is in rooms: `perceptual-ball/onnx`,
 * `/experiments`, `/report`, `/optimize`; files and pictures are read by `/node` and `/web`.
 */

// Load and classify

export { type Classifier, type ClassifierOptions, createClassifier } from "./classifier/classifier.ts";
export type { Classification } from "./classifier/logits.ts";
export type { ImageTensor, Picture } from "./image/picture.ts";
export type { Runtime } from "./runtime/runtime.ts";

// Explain

export { attentionRollout, transformerAttribution } from "./saliency/attention/attention-methods.ts";
export { ablationCam } from "./saliency/cams/ablation-cam.ts";
export { eigenCam } from "./saliency/cams/eigen-cam.ts";
export { contrastiveExcitationBackprop, excitationBackprop } from "./saliency/cams/excitation-backprop.ts";
export { gradCam } from "./saliency/cams/grad-cam.ts";
export { gradCamPlusPlus } from "./saliency/cams/grad-cam-plus-plus.ts";
export { guidedGradCam } from "./saliency/cams/guided-grad-cam.ts";
export { hiResCam } from "./saliency/cams/hires-cam.ts";
export { layerCam } from "./saliency/cams/layer-cam.ts";
export { scoreCam } from "./saliency/cams/score-cam.ts";
export { xGradCam } from "./saliency/cams/xgrad-cam.ts";
export { createExplainer, type Explainer } from "./saliency/explainer.ts";
export { extremal } from "./saliency/extremal/extremal.ts";
export { deconvnet } from "./saliency/gradients/deconvnet.ts";
export { gradient } from "./saliency/gradients/gradient.ts";
export { gradientInput } from "./saliency/gradients/gradient-input.ts";
export { expectedGradients, gradientShap } from "./saliency/gradients/gradient-shap.ts";
export { guidedBackprop } from "./saliency/gradients/guided-backprop.ts";
export { integratedGradients } from "./saliency/gradients/integrated-gradients.ts";
export { smoothGrad } from "./saliency/gradients/smooth-grad.ts";
export type { ExplainOptions, Explanation, SaliencyMethod } from "./saliency/method.ts";
export { findMethod, type MethodName, methodNamed, saliencyMethods } from "./saliency/methods.ts";
export { occlusion } from "./saliency/occlusion/occlusion.ts";
export { deepFool } from "./saliency/perturbations/deepfool.ts";
export { guidedPerceptual, perceptual } from "./saliency/perturbations/perceptual.ts";
export { deepLift } from "./saliency/relevance/deep-lift.ts";
export { lrp } from "./saliency/relevance/lrp.ts";
export { rise } from "./saliency/rise/rise.ts";
export type { SaliencyMap } from "./saliency/saliency-map.ts";
export { featureAblation } from "./saliency/superpixels/feature-ablation.ts";
export { kernelShap } from "./saliency/superpixels/kernel-shap.ts";
export { lime } from "./saliency/superpixels/lime.ts";

// Attack

export { featureMatch } from "./attacks/adaptive/feature-match.ts";
export { logitMatch } from "./attacks/adaptive/logit-match.ts";
export { orthogonalPgd } from "./attacks/adaptive/orthogonal-pgd.ts";
export type { Adversarial, AttackResult } from "./attacks/attack.ts";
export { type AttackName, attackNamed, attacks, findAttack } from "./attacks/attacks.ts";
export { apgd } from "./attacks/autoattack/apgd.ts";
export { autoattack } from "./attacks/autoattack/autoattack.ts";
export { fab } from "./attacks/autoattack/fab.ts";
export { square } from "./attacks/autoattack/square.ts";
export { carliniWagner } from "./attacks/carlini-wagner.ts";
export { fgsm } from "./attacks/fgsm.ts";
export { fastLpa } from "./attacks/lpips/fast-lpa.ts";
export { lpa } from "./attacks/lpips/lpa.ts";
export { ppgd } from "./attacks/lpips/ppgd.ts";
export { deepfool as deepFoolAttack } from "./attacks/minimal/deepfool.ts";
export { ead } from "./attacks/minimal/ead.ts";
export { fmn } from "./attacks/minimal/fmn.ts";
export { hopskipjump } from "./attacks/minimal/hopskipjump.ts";
export { sparsefool } from "./attacks/minimal/sparsefool.ts";
export { l2 as l2Attack, perceptual as perceptualAttack } from "./attacks/perceptual/perceptual.ts";
export { pgd } from "./attacks/pgd.ts";
export { pgdMean } from "./attacks/pgd-mean.ts";
export { miFgsm } from "./attacks/transfer/mi-fgsm.ts";

// From maps to boxes

export { blur } from "./image/gaussian-blur.ts";
export { normalizeMap } from "./image/normalize.ts";
export { type Box, iou, largestBox } from "./localization/box.ts";
export { localizeMap } from "./localization/localize-map.ts";
export { type ThresholdRule, threshold } from "./localization/threshold.ts";

// Detect attacks

export { fitOdds } from "./detection/odds/fit-odds.ts";
export { detectOdds, type OddsVerdict } from "./detection/odds/odds.ts";
export type { OddsStatistics } from "./detection/odds/odds-statistics.ts";

// Write a method or an attack: their options are made with `/optimize`

export { defineAttack } from "./attacks/define-attack.ts";
export { defineMethod, definePerturbationMethod } from "./saliency/define-method.ts";

// Errors

export { AbortedError, BadInputError, MisuseError, PerceptualBallError, UnsupportedError } from "./errors.ts";
