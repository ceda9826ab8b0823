/** @file `perceptual-ball`: everything that runs in Node and in a browser alike. */

// Attacks
export {
  type Adversarial,
  type AnyAttack,
  type AnyAttackOptions,
  type Attack,
  type AttackDefinition,
  type AttackEnding,
  type AttackOptionsOf,
  type AttackResult,
  type AttackSearch,
  type AttackTask,
  attackEndings,
  type Epsilons,
  type Images,
  type PerEpsilon,
  type PerImage,
  type SearchContext,
  type SearchResult,
} from "./attacks/attack.ts";
export type { CommonAttackOptions } from "./attacks/attack-options.ts";
export { type AttackName, attackNamed, attacks, attacksByName, findAttack } from "./attacks/attacks.ts";
export { type Budget, ballOf, ballOptions, type Norm, projectOnBudget, roundToBytes } from "./attacks/budget.ts";
export { carliniWagner } from "./attacks/carlini-wagner.ts";
export { deepfool as deepFoolAttack } from "./attacks/deepfool.ts";
export { defineAttack } from "./attacks/define-attack.ts";
export type { Distances } from "./attacks/distances.ts";
export { evaluatePerturbed } from "./attacks/evaluate-results.ts";
export { fgsm } from "./attacks/fgsm.ts";
export { type Goal, goalOf } from "./attacks/goal.ts";
export { type LikelihoodEvaluation, likelihoodOf } from "./attacks/likelihood.ts";
export { type Evaluator, type Found, inLockstep } from "./attacks/lockstep.ts";
export type { CleanView, Observer, PerturbedView } from "./attacks/observer.ts";
export {
  l2 as l2Attack,
  type PerceptualFinding,
  perceptual as perceptualAttack,
  perceptualFinding,
} from "./attacks/perceptual/perceptual.ts";
export type { Constraint, PerceptualOptions, PerceptualPreset } from "./attacks/perceptual/perceptual-options.ts";
export type { PerceptualSettings } from "./attacks/perceptual/perceptual-plan.ts";
export type { StageSummary } from "./attacks/perceptual/perceptual-search.ts";
export { pgd } from "./attacks/pgd.ts";
export { pgdMean } from "./attacks/pgd-mean.ts";
export { type BallSteps, projectedGradient } from "./attacks/projected-gradient.ts";
// Classifiers
export {
  type Classifier,
  type ClassifierOptions,
  createClassifier,
  type ImageInput,
} from "./classifier/classifier.ts";
export { builtInLabels, parseLabels } from "./classifier/labels/labels.ts";
export { readLabels } from "./classifier/labels/read-labels.ts";
export type { NameSource } from "./classifier/labels/resolve-labels.ts";
export type { Classification } from "./classifier/logits.ts";
export type { InputValue } from "./classifier/network/bind-inputs.ts";
export type { FeatureGrid } from "./classifier/network/feature-grids.ts";
export { describeHead, type Head, type HeadKind } from "./classifier/network/find-head.ts";
export {
  type GradientState,
  type InspectedLayer,
  type Inspection,
  inspectModel,
} from "./classifier/network/inspect-model.ts";
export { describeLayer, type Layer, type LayerSelector } from "./classifier/network/layers.ts";
export type { ModelWarning, PreparedModel } from "./classifier/network/prepare-model.ts";
export { type GradientProbe, probeGradient } from "./classifier/network/probe-gradient.ts";
export type { Output } from "./classifier/passes/network-graphs.ts";
export type { DistanceOptions, NetworkPasses, ObjectiveOptions } from "./classifier/passes/network-passes.ts";
export type {
  ObjectiveEvaluation,
  ObjectiveInput,
  ObjectivePass,
  Problem,
  Reference,
  ReferencePass,
} from "./classifier/passes/objective.ts";
export type { Space } from "./classifier/passes/objective-graph.ts";
export type { Pass } from "./classifier/passes/pass.ts";
export type {
  BackwardEvaluation,
  BackwardInput,
  BackwardOptions,
  BackwardPass,
  CleanFeatures,
  DistanceEvaluation,
  DistanceInput,
  DistancePass,
  FeaturePass,
  ForwardPass,
  LayerCotangents,
  LayerPass,
  MarginEvaluation,
  MarginInput,
  MarginPass,
} from "./classifier/passes/passes.ts";
export { fitPicture } from "./classifier/preprocessing/fit-picture.ts";
export type { PreprocessingGuess, StatedBeside } from "./classifier/preprocessing/guess-preprocessing.ts";
export {
  type Normalization,
  type NormalizationName,
  normalizations,
  type Preprocessing,
} from "./classifier/preprocessing/preprocessing.ts";
export { type ProbeOptions, probePreprocessing } from "./classifier/preprocessing/probe-preprocessing.ts";
export { type StatedPreprocessing, statedInConfig } from "./classifier/preprocessing/read-config.ts";
// Data
export { type BoxesInInput, boxesInInput, boxesInPicture } from "./datasets/boxes-in-input.ts";
export type { ClassifierClasses } from "./datasets/class-labels.ts";
export {
  type Dataset,
  type DatasetImage,
  type DatasetProblem,
  type DatasetProblemKind,
  type DatasetSplit,
  describeProblems,
  type ObjectMask,
} from "./datasets/dataset.ts";
export { type DatasetFormat, datasetFormats } from "./datasets/dataset-formats.ts";
export type { DatasetSource, FileEntry, PictureSize } from "./datasets/dataset-source.ts";
export { memoryFileSource, type PictureDecoder } from "./datasets/memory-source.ts";
export { type OpenDatasetOptions, openDataset } from "./datasets/open-dataset.ts";
export type { LabelSource } from "./datasets/reader.ts";
// Detection
export type {
  AlignmentStatistics,
  MissingStatistics,
} from "./detection/alignment-statistics.ts";
export type { NamedImage } from "./detection/alignments.ts";
export { type CorrectionForm, correctionForms } from "./detection/correction.ts";
export { type AttackImages, type FitOddsOptions, fitOdds, type LabeledImage } from "./detection/fit-odds.ts";
export { correctionKinds, detectionKinds, type NoiseKind, noiseKindName, parseNoiseKind } from "./detection/noise.ts";
export {
  calibratedCutoff,
  calibrateOdds,
  type DetectOddsOptions,
  detectOdds,
  type OddsVerdict,
} from "./detection/odds.ts";
export { type Cutoff, nominalCutoff, type OddsStatistics } from "./detection/odds-statistics.ts";
export type { OddsScore } from "./detection/score.ts";
export { formatStatistics, ownerOf, parseStatistics, type StatisticsOwner } from "./detection/statistics-file.ts";
// Errors
export {
  AbortedError,
  BadInputError,
  type Complaint,
  MisuseError,
  type NumberLimits,
  PerceptualBallError,
  UnsupportedError,
} from "./errors.ts";
// Pictures
export { blend, type ColorMap, colorAt, colorize, colorMaps } from "./image/color-map.ts";
export { type BlurOptions, blur } from "./image/gaussian-blur.ts";
export { applyGeometry, fitGeometry, type Geometry, type GeometryRule, type ResizeRule } from "./image/geometry.ts";
export { normalizeMap, normalizeSigned } from "./image/normalize.ts";
export { type ImageTensor, type Picture, pictureToTensor, tensorToPicture } from "./image/picture.ts";
export { type Interpolation, type ResizeOptions, resizeBytes, resizeFloat } from "./image/resize.ts";
export { structuralSimilarity } from "./image/structural-similarity.ts";
// From maps to boxes
export {
  areaOf,
  type Box,
  boundingBox,
  centeredBox,
  iou,
  largestBox,
  roundedOutward,
  wholeBox,
} from "./localization/box.ts";
export {
  type ComponentOptions,
  type Components,
  connectedComponents,
  largestComponent,
} from "./localization/components.ts";
export { energyInside } from "./localization/energy-inside.ts";
export { type BoxConnectivity, boxConnectivities, levelBoxes } from "./localization/level-boxes.ts";
export {
  defaultLocalizationRule,
  type LocalizationRule,
  type LocalizedMap,
  localizeMap,
} from "./localization/localize-map.ts";
export { distanceToBoxes, greatestPoint, type Point } from "./localization/pointing-game.ts";
export { type Mask, type ThresholdRule, threshold, thresholdLevels } from "./localization/threshold.ts";
export { gridKinds, type ThresholdKind, thresholdGrids, thresholdParameter } from "./localization/threshold-grids.ts";
// Options
export { type Cost, totalCost } from "./options/cost.ts";
export { describeOption, optionHelp, optionTable } from "./options/describe.ts";
export { type JsonSchema, optionsJsonSchema } from "./options/json-schema.ts";
export {
  countOption,
  type Derived,
  derived,
  flagOption,
  layerOption,
  layersOption,
  numberOption,
  numbersOption,
  type OptionKind,
  type OptionSpec,
  valueOption,
  type WithFallback,
  wordOption,
} from "./options/option.ts";
export { parseOption, parseOptions } from "./options/parse.ts";
export type { OnProgress, Progress } from "./options/progress.ts";
export {
  completeOptions,
  type OptionSchema,
  type OptionsOf,
  type PresetSpec,
  type ValuesOf,
  withPresets,
} from "./options/schema.ts";
// Tensors and random numbers
export { createRandom, type Random } from "./random/random.ts";
// Runtimes
export { describeRuntime, type Runtime } from "./runtime/runtime.ts";
// Saliency maps
export { contrastiveExcitationBackprop, excitationBackprop } from "./saliency/cams/excitation-backprop.ts";
export { excitationGrid, gradCamGrid } from "./saliency/cams/feature-grid.ts";
export { gradCam } from "./saliency/cams/grad-cam.ts";
export { guidedGradCam } from "./saliency/cams/guided-grad-cam.ts";
export {
  type CommonDefinition,
  defineMethod,
  definePerturbationMethod,
  type MapTask,
  type MethodDefinition,
  type MethodResult,
  type MethodTask,
  type PerturbationMethod,
  type PerturbationMethodDefinition,
  type PerturbationTask,
} from "./saliency/define-method.ts";
export { createExplainer, type Explainer, type TimedExplanation } from "./saliency/explainer.ts";
export { extremal } from "./saliency/extremal/extremal.ts";
export { deconvnet } from "./saliency/gradients/deconvnet.ts";
export { gradient } from "./saliency/gradients/gradient.ts";
export { gradientInput } from "./saliency/gradients/gradient-input.ts";
export { guidedBackprop } from "./saliency/gradients/guided-backprop.ts";
export { integratedGradients } from "./saliency/gradients/integrated-gradients.ts";
export { smoothGrad } from "./saliency/gradients/smooth-grad.ts";
export {
  type ExplainOptions,
  type Explanation,
  type MethodOptions,
  methodOptions,
  type Perturbation,
  type PerturbationFacts,
  type Perturbing,
  type SaliencyMethod,
} from "./saliency/method.ts";
export { findMethod, type MethodName, methodNamed, methods, saliencyMethods } from "./saliency/methods.ts";
export { occlusion } from "./saliency/occlusion/occlusion.ts";
export { deepFool } from "./saliency/perturbations/deepfool.ts";
export { guidedPerceptual, perceptual } from "./saliency/perturbations/perceptual.ts";
export { rootMeanSquare } from "./saliency/perturbations/root-mean-square.ts";
export { rise } from "./saliency/rise/rise.ts";
export type { SaliencyMap } from "./saliency/saliency-map.ts";
export {
  bundledScenes,
  type RenderedScene,
  renderScene,
  type SceneOptions,
  type SceneRecord,
  type ScenesOptions,
  scenes,
  scenesClasses,
  scenesSeeds,
} from "./scenes/scenes.ts";
export { decodeNpy, encodeNpy } from "./tensor/npy.ts";
export { type DataType, type FloatTensor, floatTensor, type Shape, type Tensor, tensorOf } from "./tensor/tensor.ts";
