/** @file `perceptual-ball/onnx`: models from the inside – graphs that are read, written, rewritten and differentiated, what runs them, and what stands between a picture and a network. */
export { deconvnetRules } from "../autodiff/deconvnet-rules.ts";
export { type DifferentiateOptions, differentiate } from "../autodiff/differentiate.ts";
export { type DifferentiateModelOptions, differentiateModel, notesKey } from "../autodiff/differentiate-model.ts";
export { contrastiveExcitationRules, excitationRules } from "../autodiff/excitation-rules.ts";
export { type GradientSteps, type GradientStepsOptions, gradientSteps } from "../autodiff/gradient-steps.ts";
export { guidedRules } from "../autodiff/guided-rules.ts";
export { type DeepLiftOptions, deepLiftRules } from "../autodiff/relevance/deep-lift-rules.ts";
export {
  firstLayerRules,
  type LrpLayerRule,
  type LrpOptions,
  lrpLayerRules,
  lrpRules,
} from "../autodiff/relevance/lrp-rules.ts";
export {
  type Excitation,
  type Guidance,
  type Limit,
  type NoGradient,
  noGradient,
  type Rule,
  type SignRule,
  type Step as RoundingStep,
  type VjpCall,
  type VjpRule,
} from "../autodiff/rule.ts";
export {
  type Differentiable,
  type NonDifferentiable,
  nonDifferentiable,
  type OperatorRules,
  operatorRules,
  type RuleTable,
  vjpRules,
} from "../autodiff/rules/index.ts";
export { appendVjp, type CotangentSeed } from "../autodiff/sweep.ts";
export type { ImageInput } from "../classifier/classifier.ts";
export { builtInLabels, parseLabels } from "../classifier/labels/labels.ts";
export { readLabels } from "../classifier/labels/read-labels.ts";
export type { Labels, NameSource } from "../classifier/labels/resolve-labels.ts";
export type { InputValue } from "../classifier/network/bind-inputs.ts";
export type { FeatureGrid } from "../classifier/network/feature-grids.ts";
export { describeHead, type Head, type HeadKind, headKinds, type StatedHead } from "../classifier/network/head/head.ts";
export {
  type GradientState,
  type InspectedLayer,
  type Inspection,
  inspectModel,
} from "../classifier/network/inspect-model.ts";
export { describeLayer, type Layer, type LayerSelector } from "../classifier/network/layers.ts";
export type { GivenOfModel, ModelWarning, PreparedModel } from "../classifier/network/prepare-model.ts";
export { type GradientProbe, probeGradient } from "../classifier/network/probe-gradient.ts";
export type {
  Extension,
  ExtensionEvaluation,
  ExtensionInput,
  ExtensionOptions,
  ExtensionPass,
  Seen as SeenValues,
} from "../classifier/passes/extension.ts";
export type {
  LpipsDistanceEvaluation,
  LpipsDistanceInput,
  LpipsDistancePass,
  LpipsEvaluation,
  LpipsInput,
  LpipsPass,
  LpipsTerms,
} from "../classifier/passes/lpips.ts";
export type { NetworkOutput, PassOutput } from "../classifier/passes/network-graphs.ts";
export type {
  DistanceOptions,
  LpipsOptions,
  NetworkPasses,
  ObjectiveOptions,
} from "../classifier/passes/network-passes.ts";
export type {
  ObjectiveEvaluation,
  ObjectiveInput,
  ObjectivePass,
  ObjectiveProblem,
  ObjectiveReference,
  ReferencePass,
} from "../classifier/passes/objective.ts";
export type { ObjectiveSpace } from "../classifier/passes/objective-graph.ts";
export type { Pass } from "../classifier/passes/pass.ts";
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
  TailInput,
  TailPass,
} from "../classifier/passes/passes.ts";
export { fitPicture, geometryFor, type SizedPicture } from "../classifier/preprocessing/fit-picture.ts";
export type { PreprocessingGuess } from "../classifier/preprocessing/guess-preprocessing.ts";
export {
  type Normalization,
  type NormalizationName,
  normalizations,
  type Preprocessing,
} from "../classifier/preprocessing/preprocessing.ts";
export { type ProbeOptions, probePreprocessing } from "../classifier/preprocessing/probed/probe-preprocessing.ts";
export { type StatedInConfigOptions, statedInConfig } from "../classifier/preprocessing/read-config.ts";
export { type Region as PictureRegion, type RegionInput, regionMask } from "../classifier/preprocessing/region-mask.ts";
export type { StatedBeside, StatedPreprocessing } from "../classifier/preprocessing/source.ts";
export { type Look, watchClassifier } from "../classifier/watch-classifier.ts";
export type { Complaint, NumberLimits } from "../errors.ts";
export { applyGeometry, fitGeometry, type Geometry, type GeometryRule, type ResizeRule } from "../image/geometry.ts";
export { pictureToTensor, tensorToPicture } from "../image/picture.ts";
export { type Interpolation, interpolations, type ResizeOptions, resizeBytes, resizeFloat } from "../image/resize.ts";
export { type AttributeReader, type AttributeValue, type FloatAttribute, float } from "../onnx/attributes.ts";
export { GraphBuilder, type Value } from "../onnx/builder.ts";
export { evaluate } from "../onnx/evaluate.ts";
export { type ReadModelOptions, readModel } from "../onnx/file/read-model.ts";
export { writeModel } from "../onnx/file/write-model.ts";
export { type InferShapesOptions, inferShapes, type TypedGraph } from "../onnx/infer-shapes.ts";
export {
  type Attribute,
  type Attributes,
  type Dimension,
  type FunctionDefinition,
  type Graph,
  type Initializer,
  initializerOf,
  type Model,
  type Node,
  type Storage,
  tensorOfInitializer,
  type ValueInfo,
  type ValueType,
} from "../onnx/model.ts";
export type { NumericTensor } from "../onnx/numeric-tensor.ts";
export type { Operator } from "../onnx/operators/table.ts";
export { type ResourceNeeds, resourceNeeds } from "../onnx/resource-needs.ts";
export { type CleanUpOptions, cleanUp } from "../onnx/rewrites/clean-up.ts";
export { type ExtractSubgraphOptions, extractSubgraph } from "../onnx/rewrites/extract-subgraph.ts";
export {
  type FoldBatchNormalizationOptions,
  type FoldedGraph,
  foldBatchNormalization,
} from "../onnx/rewrites/fold-batch-normalization.ts";
export { inlineFunctions } from "../onnx/rewrites/inline-functions.ts";
export { canonicalOpset, type UpgradeOpsetOptions, upgradeOpset } from "../onnx/rewrites/opsets/upgrade-opset.ts";
export { type ParseOptions, parseGraph, parseModel } from "../onnx/text/parse.ts";
export { type PrintOptions, printGraph, printModel } from "../onnx/text/print.ts";
export { type ValidateModelOptions, validateModel } from "../onnx/validate.ts";
export type { ProviderChoice } from "../runtime/auto-providers.ts";
export { blockedLayout } from "../runtime/cpu/blocked-layout.ts";
export { referenceRuntime } from "../runtime/reference-runtime.ts";
export { describeRuntime } from "../runtime/runtime.ts";
export { createSession, modelOf, providersOf, type Session, type SessionOptions } from "../runtime/session.ts";
export { excitationGrid, gradCamGrid } from "../saliency/cams/feature-grid.ts";
export { decodeNpy, encodeNpy } from "../tensor/npy.ts";
export {
  type DataType,
  dataTypes,
  type FloatTensor,
  floatTensor,
  type Shape,
  type Tensor,
  type TensorData,
  tensorOf,
} from "../tensor/tensor.ts";
